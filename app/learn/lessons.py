"""Lessons for the prompts: what people marked or decided, as the very calls a load would make, with their answers.

Knows gold and the prompt library; knows no model. In: texts with labels.  Out: DSPy examples by program.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import dspy
import jsonschema

from app.measure.gold import GoldFact, GoldText
from app.prompts.inputs import number_text
from app.prompts.library import JournalPrompts, PromptCall, take_call
from app.prompts.relations import LAST_RESORT

ENTITIES, EDGES, RESOLVE = "extract_entities", "extract_edges", "resolve_entities"
FIELDS = {ENTITIES: "extracted_entities", EDGES: "edges", RESOLVE: "entity_resolutions"}  # where the answer stands
MOST_KNOWN = 5  # entities that a name is held against


@dataclass(frozen=True, slots=True)
class Lesson:
    """One text, short enough for a call, and what is known of it.

    text            names and facts that are right; facts None where nothing is known of them
    wrong_names     names that were read and are wrong
    wrong_ends      the two ends of facts that were read and are wrong
    names_whole     every name that is not listed is wrong, too; otherwise nobody has said
    facts_whole     likewise
    """

    text: GoldText
    wrong_names: frozenset[str] = frozenset()
    wrong_ends: frozenset[frozenset[str]] = frozenset()
    names_whole: bool = True
    facts_whole: bool = True


@dataclass(frozen=True, slots=True)
class Meeting:
    """A name in a text, the known entities it might be, and which of them it is.

    known     (name, type, what is known of it), the likeliest first
    same_as   a name of `known`; None: none of them
    """

    owner: str
    text: str
    name: str
    type: str
    known: tuple[tuple[str, str, str], ...]
    same_as: str | None


def examples_of(lessons: Iterable[Lesson], meetings: Iterable[Meeting] = ()) -> dict[str, list[dspy.Example]]:
    """Examples by program, each with the call's inputs and schema, its right answer, and what it is scored by."""
    found: dict[str, list[dspy.Example]] = {program: [] for program in FIELDS}
    for lesson in lessons:
        if lesson.text.entities or lesson.names_whole:
            found[ENTITIES].append(_entities_example(lesson))
        if lesson.text.facts is not None and len(lesson.text.entities) > 0:
            found[EDGES].append(_edges_example(lesson))
    found[RESOLVE] = [_resolution_example(meeting) for meeting in meetings]
    return found


def meetings_of(texts: Iterable[GoldText]) -> list[Meeting]:
    """Who is who in gold that marks identities: each name that looks like one known by then, or is one under another.

    The same name again is no question: Graphiti asks no model about it.
    """
    found: list[Meeting] = []
    worlds: dict[str, dict[str, tuple[str, str, str]]] = {}  # world -> identity -> how it was met first
    for text in sorted(texts, key=lambda text: text.day):
        known = worlds.setdefault(text.world, {})
        numbered = number_text(text.text, None)
        met = {mention.identity: mention for mention in reversed(text.mentions) if mention.identity}
        before = list(known.values())
        for identity, mention in met.items():
            kind = mention.type or "Thing"
            first = known.setdefault(identity, (mention.name, kind, numbered.sentence_with(mention.name)))
            near = [one for one in before if one is not first and is_alike(one[0], mention.name)]
            known_by_then = first in before
            if mention.name not in {name for name, _, _ in before} and (known_by_then or near):
                offered = [first, *near] if known_by_then else near
                same_as = first[0] if known_by_then else None
                asked = tuple(sorted(offered[:MOST_KNOWN]))
                found.append(Meeting(text.owner, text.text, mention.name, kind, asked, same_as))
    return found


def is_alike(one: str, other: str) -> bool:
    """Whether two names share a word."""
    return bool(set(one.casefold().split()) & set(other.casefold().split()))


def ask_for_names(prompts: JournalPrompts, text: GoldText) -> PromptCall:
    """The call that a load makes for a text's names."""
    prompts.extract_text(
        {
            "episode_content": text.text,
            "episode_timestamp": f"{text.day}T00:00:00+00:00",
            "entity_types": [
                {"entity_type_name": "Entity" if name == "Thing" else name, "entity_type_id": i}
                for i, name in enumerate(prompts.types)
            ],
        }
    )
    return take()


def ask_for_facts(prompts: JournalPrompts, text: GoldText, names: Mapping[str, str | None]) -> PromptCall:
    """The call that a load makes for the facts between these entities (name -> type) and the writer."""
    kinds = {**names, text.owner: "Person"}
    prompts.edge(
        {
            "episode_content": text.text,
            "reference_time": f"{text.day}T00:00:00+00:00",
            "nodes": [{"name": name, "entity_types": [kind or "Unknown"]} for name, kind in kinds.items()],
            "previous_episodes": [],
        }
    )
    return take()


def _entities_example(lesson: Lesson) -> dspy.Example:
    text = lesson.text
    call = ask_for_names(JournalPrompts(owner=text.owner), text)
    wanted = {name: entity.type or "Thing" for entity in text.entities for name in entity.names[:1]}
    answer: dict[str, list[Any]] = {}
    for line in call.schema["properties"]["extracted_entities"]["properties"]:
        answer[line] = []
        for name in [name for name in wanted if name in line]:
            item = {"name": name, "type": wanted[name]}
            if _allowed(
                call, {"extracted_entities": {**answer, line: [*answer[line], item]}}, "extracted_entities", line
            ):
                answer[line].append(item)
                del wanted[name]
    right = sorted({entity.names[0] for entity in text.entities})
    return _example(call, {"extracted_entities": answer}, right, sorted(lesson.wrong_names), lesson.names_whole)


def _edges_example(lesson: Lesson) -> dspy.Example:
    text = lesson.text
    call = ask_for_facts(
        JournalPrompts(owner=text.owner), text, {entity.names[0]: entity.type for entity in text.entities}
    )
    lines = list(call.schema["properties"]["edges"]["properties"])
    answer: dict[str, list[Any]] = {line: [] for line in lines}
    facts = text.facts or ()
    for fact in facts:
        line, edge = _line_of(fact, lines, text.owner), _edge(fact, text)
        if line is None:
            continue
        for relation in (edge["relation"], LAST_RESORT):  # gold and old graphs may have labels of their own
            item = {**edge, "relation": relation}
            if _allowed(call, {"edges": {**answer, line: [*answer[line], item]}}, "edges", line):
                answer[line].append(item)
                break
    right = sorted({" | ".join(sorted((fact.source, fact.target))) for fact in facts})
    wrong = sorted(" | ".join(sorted(ends)) for ends in lesson.wrong_ends)
    return _example(call, {"edges": answer}, right, wrong, lesson.facts_whole)


def _resolution_example(meeting: Meeting) -> dspy.Example:
    prompts = JournalPrompts(owner=meeting.owner)
    prompts.nodes(
        {
            "episode_content": meeting.text,
            "extracted_nodes": [{"name": meeting.name, "entity_type": [meeting.type]}],
            "existing_nodes": [
                {"name": name, "entity_types": [kind], "summary": summary, "candidate_id": i}
                for i, (name, kind, summary) in enumerate(meeting.known)
            ],
        }
    )
    item = {"name": meeting.name, "same_as": meeting.same_as}
    return _example(take(), {"entity_resolutions": [item]}, [_who(item)], [], whole=True)


def said_in(program: str, answer: Any) -> set[str]:
    """What an answer says, in the words of an example's `right` and `wrong`."""
    if program == RESOLVE:
        return {_who({"name": _value(item, "name"), "same_as": _value(item, "same_as")}) for item in answer or ()}
    items = [item for found in (answer or {}).values() for item in found]
    if program == ENTITIES:
        return {str(_value(item, "name")) for item in items}
    return {" | ".join(sorted((str(_value(item, "source")), str(_value(item, "target"))))) for item in items}


def _who(item: dict[str, Any]) -> str:
    return f"{item['name']} is {item['same_as'] or 'nobody known'}"


def _value(item: Any, name: str) -> Any:
    return item[name] if isinstance(item, dict) else getattr(item, name)


def _edge(fact: GoldFact, text: GoldText) -> dict[str, Any]:
    return {
        "source": fact.source,
        "target": fact.target,
        "relation": re.sub(r"[^A-Z]+", "_", fact.relation.upper()).strip("_"),
        "fact": fact.fact,
        "valid_at": (fact.valid_at or text.day).isoformat(),
        "invalid_at": fact.invalid_at.isoformat() if fact.invalid_at else None,
    }


def _line_of(fact: GoldFact, lines: list[str], owner: str) -> str | None:
    """The first sentence with both ends; the writer goes without a name."""
    ends = {fact.source, fact.target} - {owner}
    both = (line for line in lines if all(end in line for end in ends))
    return next(both, next((line for line in lines if any(end in line for end in ends)), None))


def _allowed(call: PromptCall, answer: dict[str, Any], field: str, line: str) -> bool:
    """Whether the schema takes this line's list; the other lines are not there yet."""
    of_line = call.schema["properties"][field]["properties"][line]
    schema = {**of_line, "$defs": call.schema.get("$defs", {})}
    return bool(jsonschema.Draft202012Validator(schema).is_valid(answer[field][line]))


def _example(call: PromptCall, answer: dict[str, Any], right: list[str], wrong: list[str], whole: bool) -> dspy.Example:
    given = {**call.inputs, "answer_schema": call.schema}
    return dspy.Example(**given, **answer, right=right, wrong=wrong, is_whole=whole).with_inputs(*given)


def take() -> PromptCall:
    """The call that was just rendered."""
    call = take_call()
    assert call is not None
    return call


def shares(
    examples: list[dspy.Example],
) -> tuple[list[dspy.Example], list[dspy.Example], list[dspy.Example]]:
    """(to learn from, to choose by, to decide by): a half and two quarters, each from all parts of the set."""
    return examples[0::4] + examples[2::4], examples[1::4], examples[3::4]
