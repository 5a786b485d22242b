"""Daybook's prompt library for Graphiti: each builder renders a signature and leaves a tightened schema for the call.

Knows Graphiti's contexts and the signatures; knows no model and no database.
In: the context Graphiti hands a prompt builder.  Out: a ChatPrompt, and beside it, for the client that answers
next in the same task, a `PromptCall` with the messages, the schema and the way back to Graphiti's own shape.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import dspy
from graphiti_core.prompts import ChatPrompt, SystemMessage, UserMessage, create_prompt_library
from pydantic import BaseModel, create_model

from app.prompts import alike, schemas
from app.prompts.adapter import JSONAdapter
from app.prompts.answers import GroundedFact, graphiti_edge, grounded, instant, is_stuck
from app.prompts.confidence import Confidence, Weight, confidences
from app.prompts.inputs import number_text
from app.prompts.names import one_line
from app.prompts.programs import Programs, journal_programs
from app.prompts.signatures import ENTITY_TYPES

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PromptCall:
    """One call as the model gets it: `finish` turns its answer into the shape Graphiti validates.

    program, inputs   which program renders it, and from what
    weigh             is told how sure the answer was, before `finish`; None where nobody wants to know
    """

    messages: list[dict[str, str]]
    schema: dict[str, Any]
    finish: Callable[[Answer], Answer]
    program: str = ""
    inputs: dict[str, str] = field(default_factory=dict)
    weigh: Callable[[str, Sequence[Weight]], None] | None = None


_CALL: ContextVar[PromptCall | None] = ContextVar("daybook_prompt_call", default=None)


def take_call() -> PromptCall | None:
    """The call the last builder of this task left, once."""
    call = _CALL.get()
    _CALL.set(None)
    return call


@dataclass
class JournalPrompts:
    """The builders of one run: who writes, which kinds of entity there are, and which programs ask for them.

    names, facts     of the episode being read, as they were answered: what its grounding is made of
    min_confidence   facts of a lower confidence are left out; one whose confidence is not known stays; None: as the
                     program has learnt
    """

    owner: str
    types: dict[str, str] = field(default_factory=lambda: dict(ENTITY_TYPES))
    programs: Programs = field(default_factory=dict)
    min_confidence: float | None = None
    names: list[str] = field(default_factory=list)
    facts: list[GroundedFact] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._adapter = JSONAdapter()
        self.programs = self.programs or journal_programs(self.types)

    def library(self) -> Any:
        """Graphiti's library with our builders in place; prompts a journal never meets stay Graphiti's."""
        return create_prompt_library(
            {
                "extract_nodes": {
                    "extract_text": self.extract_text,
                    "extract_summaries_batch": self.extract_summaries_batch,
                },
                "extract_edges": {"edge": self.edge, "extract_timestamps": self.extract_timestamps},
                "dedupe_nodes": {"nodes": self.nodes},
                "dedupe_edges": {"resolve_edge": self.resolve_edge},
            }
        )

    # --- builders, in the order in which an episode meets them ---------------------------------------------

    def extract_text(self, context: Answer) -> ChatPrompt:
        text = number_text(context["episode_content"], _day(context["episode_timestamp"]))
        ids = {_shown(kind["entity_type_name"]): kind["entity_type_id"] for kind in context["entity_types"]}

        def finish(answer: Answer) -> Answer:
            found = {item["name"]: ids[item["type"]] for _, item in by_sentence(answer["extracted_entities"])}
            self.names = list(found)
            if found:  # the writer is part of every entry that names anyone, though "I" is no name
                found.setdefault(self.owner, ids.get("Person", 0))
            return {
                "extracted_entities": [
                    {"name": name, "entity_type_id": kind, "episode_indices": [0]} for name, kind in found.items()
                ]
            }

        self.names, self.facts = [], []
        schema = schemas.entities(text.names(), list(ids))
        return self._leave("extract_entities", {"entry": text.entry()}, schema, finish)

    def nodes(self, context: Answer) -> ChatPrompt:
        new, known = context["extracted_nodes"], context["existing_nodes"]
        text = number_text(context["episode_content"], None)
        ids = {
            name: node["candidate_id"] for name, node in zip(told_apart(n["name"] for n in known), known, strict=True)
        }
        inputs = {
            "known_entities": "\n".join(
                _labelled(name, node["entity_types"]) + (f": {_first_line(node['summary'])}" if node["summary"] else "")
                for name, node in zip(ids, known, strict=True)
            ),
            "new_entities": "\n".join(
                f"{_labelled(node['name'], node['entity_type'])}: {text.sentence_with(node['name'])}" for node in new
            ),
        }

        def finish(answer: Answer) -> Answer:
            return {
                "entity_resolutions": [
                    {
                        "id": i,
                        "name": item["name"],
                        "duplicate_candidate_id": -1 if item["same_as"] is None else ids[item["same_as"]],
                    }
                    for i, item in enumerate(answer["entity_resolutions"])
                ]
            }

        could_be = [
            [
                label
                for label, old in zip(ids, known, strict=True)
                if alike.could_be(node["name"], _kind(node["entity_type"]), old["name"], _kind(old["entity_types"]))
            ]
            for node in new
        ]
        schema = schemas.resolutions([node["name"] for node in new], could_be)
        return self._leave("resolve_entities", inputs, schema, finish)

    def edge(self, context: Answer) -> ChatPrompt:
        text = number_text(context["episode_content"], _day(context["reference_time"]))
        names = list(dict.fromkeys(node["name"] for node in context["nodes"]))
        labels = {node["name"]: node["entity_types"] for node in context["nodes"]}
        inputs = {
            "previous_entries": "\n".join(
                f"{_day(entry['timestamp']).isoformat()}: {one_line(entry['content'])}"
                for entry in context["previous_episodes"]
            ),
            "entry": text.entry(),
            "dates": text.date_lines(),
            "entities": "\n".join(
                ("the writer: " if name == self.owner else "") + _labelled(name, labels[name]) for name in names
            ),
        }

        least = self.programs["extract_edges"].min_confidence if self.min_confidence is None else self.min_confidence

        def finish(answer: Answer) -> Answer:
            once: dict[tuple[str, str, str], tuple[Answer, GroundedFact]] = {}
            for place, (sentence, item) in enumerate(by_sentence(answer["edges"])):
                span = text.spans[sentence - 1]
                if is_stuck(item["fact"], one_line(text.text[slice(*span)])):
                    continue
                fact = grounded(item, span, sure[place] if sure else None)
                if fact.confidence is None or fact.confidence >= least:
                    once.setdefault((fact.source, fact.target, fact.fact), (item, fact))
            self.facts = [fact for _, fact in once.values()]
            return {"edges": [graphiti_edge(item) for item, _ in once.values()]}

        sure: list[Confidence] = []

        def weigh(said: str, weights: Sequence[Weight]) -> None:
            sure[:] = confidences(said, weights)

        kinds = {name: _kind(labels[name]) for name in names}
        schema = schemas.edges(text.meant(kinds, self.owner), list(text.dates), kinds)
        return self._leave("extract_edges", inputs, schema, finish, weigh)

    def resolve_edge(self, context: Answer) -> ChatPrompt:
        same, others = context["existing_edges"], context["edge_invalidation_candidates"]
        new = context["new_edge"]
        could_be_same = {_numbered(fact): ["other", "same", "ended"] for fact in same}
        could_end = {
            _numbered(fact): ["other", "ended"] if alike.could_end(new, fact["fact"]) else ["other"] for fact in others
        }
        inputs = {
            "same_entities": "\n".join(could_be_same),
            "other_facts": "\n".join(could_end),
            "new_fact": new,
        }

        def finish(answer: Answer) -> Answer:
            said = answer["verdicts"]
            return {
                "duplicate_facts": facts_that_are("same", said),
                "contradicted_facts": facts_that_are("ended", said),
            }

        return self._leave("resolve_edge", inputs, schemas.verdicts(could_be_same | could_end), finish)

    def extract_timestamps(self, context: Answer) -> ChatPrompt:
        text = number_text(context["fact"], _day(context["reference_time"]))
        dates = {**text.dates, next(iter(text.dates)): "the day it was written"}
        inputs = {"fact": context["fact"], "dates": "\n".join(f"{day}: {words}" for day, words in dates.items())}

        def finish(answer: Answer) -> Answer:
            return {name: instant(day) for name, day in answer.items()}

        return self._leave("date_fact", inputs, schemas.fact_dates(list(dates)), finish)

    def extract_summaries_batch(self, context: Answer) -> ChatPrompt:
        text = number_text(context["episode_content"], None)
        names = list(dict.fromkeys(entity["name"] for entity in context["entities"]))
        old = {entity["name"]: entity["summary"] for entity in context["entities"]}
        inputs = {
            "entry": text.entry(),
            "entities": "\n".join(f"{name}{': ' + one_line(old[name]) if old[name] else ''}" for name in names),
        }

        def finish(answer: Answer) -> Answer:
            return {"summaries": [item for item in answer["summaries"] if not is_stuck(item["summary"])]}

        return self._leave("summarize_entities", inputs, schemas.summaries(names), finish)

    # --- rendering ----------------------------------------------------------------------------------------

    def _leave(
        self,
        name: str,
        inputs: dict[str, str],
        schema: dict[str, Any],
        finish: Callable[[Answer], Answer],
        weigh: Callable[[str, Sequence[Weight]], None] | None = None,
    ) -> ChatPrompt:
        program = self.programs[name]
        messages = self._adapter.format(program.signature, program.demos, inputs)
        _CALL.set(PromptCall(messages, schema, finish, name, inputs, weigh))
        return ChatPrompt(
            system=SystemMessage(content=messages[0]["content"]), user=UserMessage(content=messages[1]["content"])
        )


def render(signature: type[dspy.Signature], inputs: dict[str, Any]) -> list[dict[str, str]]:
    """[system, user] of one call of a bare signature: the same bytes that DSPy evaluates."""
    return JSONAdapter().format(signature, [], inputs)


def by_sentence(found: dict[str, list[Answer]]) -> Iterator[tuple[int, Answer]]:
    """Each item of an extraction's answer with the number that its sentence begins with, in the answer's order."""
    for line, items in found.items():
        for item in items:
            yield int(line.partition(".")[0]), item


def facts_that_are(verdict: str, said: dict[str, str]) -> list[int]:
    """The numbers of the known facts with this verdict."""
    return [int(line.partition(".")[0]) for line, word in said.items() if word == verdict]


def told_apart(names: Iterable[str]) -> list[str]:
    """The names, the second of its kind as `Anna (2)`: each can be told from all others."""
    found: dict[str, None] = {}
    for name in names:
        label, count = name, 1
        while label in found:
            count += 1
            label = f"{name} ({count})"
        found[label] = None
    return list(found)


def _day(moment: str | datetime) -> date:
    return (datetime.fromisoformat(moment) if isinstance(moment, str) else moment).date()


def _shown(label: str) -> str:
    """Graphiti's catch-all label is called Thing in the prompts: a model knows better what that is."""
    return "Thing" if label == "Entity" else label


def graph_types(types: dict[str, str]) -> dict[str, type[BaseModel]]:
    """Entity types as Graphiti takes them: classes without fields, so that no call asks for attributes."""
    return {
        name: create_model(name, __doc__=meaning, __base__=BaseModel)
        for name, meaning in types.items()
        if name != "Thing"
    }


def _labelled(name: str, labels: list[str]) -> str:
    return f"{name} ({_kind(labels)})"


def _kind(labels: list[str]) -> str:
    """Graphiti makes label lists from sets, so their order changes between processes; one label is enough."""
    return min((label for label in labels if label != "Entity"), default="Thing")


def _numbered(fact: Answer) -> str:
    return f"{fact['idx']}. {one_line(fact['fact'])}"


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0][:120]
