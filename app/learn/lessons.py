"""Lessons for the prompts: what people marked or decided, as the very calls a load would make, with their answers.

Knows gold and the prompt library; knows no model. In: texts with labels.  Out: DSPy examples by program.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import dspy
import jsonschema

from app.measure.gold import GoldFact, GoldText
from app.prompts.library import JournalPrompts, PromptCall, take_call
from app.prompts.signatures import ENTITY_TYPES

ENTITIES, EDGES = "extract_entities", "extract_edges"


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


def examples_of(lessons: Iterable[Lesson]) -> dict[str, list[dspy.Example]]:
    """Examples by program, each with the call's inputs and schema, its right answer, and what it is scored by."""
    found: dict[str, list[dspy.Example]] = {ENTITIES: [], EDGES: []}
    for lesson in lessons:
        if lesson.text.entities or lesson.names_whole:
            found[ENTITIES].append(_entities_example(lesson))
        if lesson.text.facts is not None and len(lesson.text.entities) > 0:
            found[EDGES].append(_edges_example(lesson))
    return found


def _entities_example(lesson: Lesson) -> dspy.Example:
    text, prompts = lesson.text, JournalPrompts(owner=lesson.text.owner)
    prompts.extract_text(
        {
            "episode_content": text.text,
            "episode_timestamp": f"{text.day}T00:00:00+00:00",
            "entity_types": [
                {"entity_type_name": "Entity" if name == "Thing" else name, "entity_type_id": i}
                for i, name in enumerate(ENTITY_TYPES)
            ],
        }
    )
    call = _taken()
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
    text, prompts = lesson.text, JournalPrompts(owner=lesson.text.owner)
    names = {entity.names[0]: entity.type or "Thing" for entity in text.entities}
    prompts.edge(
        {
            "episode_content": text.text,
            "reference_time": f"{text.day}T00:00:00+00:00",
            "nodes": [
                *({"name": name, "entity_types": [kind]} for name, kind in names.items()),
                {"name": text.owner, "entity_types": ["Person"]},
            ],
            "previous_episodes": [],
        }
    )
    call = _taken()
    lines = list(call.schema["properties"]["edges"]["properties"])
    answer: dict[str, list[Any]] = {line: [] for line in lines}
    facts = text.facts or ()
    for fact in facts:
        item, line = _edge(fact, text), _line_of(fact, lines, text.owner)
        if line and _allowed(call, {"edges": {**answer, line: [*answer[line], item]}}, "edges", line):
            answer[line].append(item)
    right = sorted({" | ".join(sorted((fact.source, fact.target))) for fact in facts})
    wrong = sorted(" | ".join(sorted(ends)) for ends in lesson.wrong_ends)
    return _example(call, {"edges": answer}, right, wrong, lesson.facts_whole)


def said_in(program: str, answer: dict[str, Any] | None) -> set[str]:
    """What an answer says, in the words of an example's `right` and `wrong`."""
    items = [item for found in (answer or {}).values() for item in found]
    if program == ENTITIES:
        return {_value(item, "name") for item in items}
    return {" | ".join(sorted((_value(item, "source"), _value(item, "target")))) for item in items}


def _value(item: Any, name: str) -> str:
    return str(item[name] if isinstance(item, dict) else getattr(item, name))


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


def _taken() -> PromptCall:
    call = take_call()
    assert call is not None
    return call


def shares(
    examples: list[dspy.Example],
) -> tuple[list[dspy.Example], list[dspy.Example], list[dspy.Example]]:
    """(to learn from, to choose by, to decide by): a half and two quarters, each from all parts of the set."""
    return examples[0::4] + examples[2::4], examples[1::4], examples[3::4]
