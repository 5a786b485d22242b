"""The answer's schema, tightened for one call: what is not in the entry cannot be said.

Knows JSON Schema and which relations there are. In: the names, dates and numbers of one call.  Out: plain schema dicts
in which names are runs of the entry's own words, endpoints are entities of the list, numbers are in range, dates are
the entry's or ones it names, and every string and array is bounded, so that every answer ends.
"""

import re
from collections.abc import Iterator
from typing import Any

from app.prompts.relations import relations_between

# The bounds end the answer of a small model that repeats itself; a list of twelve names is rare, six facts are rarer.
ENTITIES_PER_SENTENCE, EDGES_PER_SENTENCE = 12, 6
MAX_FACT_CHARS = 240
MAX_PAIRS = 200  # of source and target in one chunk; they compile in 40 to 110 ms, and more are rare
MAX_SUMMARY_CHARS = 300
_SIGN = "[^\\x00-\\x1f\\x7f]"  # any character of a line


def record(**properties: Any) -> dict[str, Any]:
    """A closed object with all properties required, in the given order."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def array(items: dict[str, Any], most: int, least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


def text(most: int) -> dict[str, Any]:
    """One line of plain text, never empty."""
    return {"type": "string", "pattern": f"^{_SIGN}{{1,{most}}}$"}


def choice(values: list[Any]) -> dict[str, Any]:
    return {"const": values[0]} if len(values) == 1 else {"enum": values}


def entities(names: dict[str, list[str]], types: list[str]) -> dict[str, Any]:
    """A list under each sentence that could name anything; names are runs of that sentence's words."""
    found = {
        line: array(record(name=choice(runs), type=choice(types)), min(len(runs), ENTITIES_PER_SENTENCE))
        for line, runs in names.items()
    }
    return record(extracted_entities=record(**found))


def edges(meant: dict[str, list[str]], dates: list[str], kind: dict[str, str]) -> dict[str, Any]:
    """A list under each sentence of facts between the entities it can speak of: `meant` has two or more for each.

    A fact has two different endpoints and a relation that there is between their kinds, begins with its source and
    names both: one alternative a pair says all of that; where that would be too many, one a source and a kind of
    targets leaves the target's name free. A sentence of whose names none can be anything to another is not asked about.
    """
    of_line = {line: tuple(names) for line, names in meant.items()}
    is_paired = sum(len(names) * (len(names) - 1) for names in set(of_line.values())) <= MAX_PAIRS
    said = {names: list(_edges(names, dates, kind, is_paired)) for names in dict.fromkeys(of_line.values())}
    label = {names: f"edge_{i}" for i, names in enumerate((names for names in said if said[names]), 1)}
    found = {
        line: array({"$ref": f"#/$defs/{label[names]}"}, EDGES_PER_SENTENCE)
        for line, names in of_line.items()
        if names in label
    }
    definitions = {name: {"anyOf": said[names]} for names, name in label.items()}
    return {**record(edges=record(**found)), **({"$defs": definitions} if definitions else {})}


def _edges(
    endpoints: tuple[str, ...], dates: list[str], kind: dict[str, str], is_paired: bool
) -> Iterator[dict[str, Any]]:
    for source in endpoints:
        alike: dict[str, list[str]] = {}  # targets that one alternative takes
        for target in endpoints:
            if target != source:
                alike.setdefault(target if is_paired else kind[target], []).append(target)
        for targets in alike.values():
            relations = relations_between(kind[source], kind[targets[0]])
            if not relations:
                continue
            yield record(
                source={"const": source},
                target=choice(targets),
                relation=choice(list(relations)),
                fact={"type": "string", "pattern": _fact_pattern(source, targets)},
                valid_at=choice(dates),
                invalid_at={"enum": [None, *dates]} if len(dates) > 1 else {"type": "null"},
            )


def _fact_pattern(source: str, targets: list[str]) -> str:
    if len(targets) > 1:
        return f"^{_literal(source)}{_SIGN}{{1,{MAX_FACT_CHARS}}}$"
    half = MAX_FACT_CHARS // 2
    return f"^{_literal(source)}{_SIGN}{{1,{half}}}{_literal(targets[0])}{_SIGN}{{0,{half}}}$"


def resolutions(names: list[str], known: list[list[str]]) -> dict[str, Any]:
    """One resolution per new entity, in order; `same_as` is one of the known entities it could be, or null."""
    items = [
        record(name={"const": name}, same_as={"enum": [None, *could_be]} if could_be else {"type": "null"})
        for name, could_be in zip(names, known, strict=True)
    ]
    return record(entity_resolutions=_sequence(items))


def verdicts(possible: dict[str, list[str]]) -> dict[str, Any]:
    """A word on every known fact, in order, of those it could get."""
    return record(verdicts=record(**{line: choice(words) for line, words in possible.items()}))


def summaries(names: list[str]) -> dict[str, Any]:
    items = [record(name={"const": name}, summary=text(MAX_SUMMARY_CHARS)) for name in names]
    return record(summaries=_sequence(items))


def fact_dates(dates: list[str]) -> dict[str, Any]:
    return record(valid_at=choice(dates), invalid_at={"enum": [None, *dates]})


def answer(facts: list[str]) -> dict[str, Any]:
    """Lines shown are quoted in their order, each once at most; a quotation costs the passes of its first words."""
    return record(facts={**record(**{line: choice(["yes"]) for line in facts}), "required": []}, answer=text(600))


def _sequence(items: list[dict[str, Any]]) -> dict[str, Any]:
    """An array with exactly these items in this order."""
    return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items), "maxItems": len(items)}


def _literal(words: str) -> str:
    """Words as a regular expression that both Python's and Rust's engines read alike."""
    return re.sub(r"([\\.^$*+?()\[\]{}|/-])", r"\\\1", words)
