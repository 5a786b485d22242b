"""The answer's schema, tightened for one call: what is not in the entry cannot be said.

Knows JSON Schema only. In: the names, dates and numbers of one call.  Out: plain schema dicts in which
names are runs of the entry's own words, endpoints are entities of the list, numbers are in range, dates are
the entry's or ones it names, and every string and array is bounded, so that every answer ends.
"""

import re
from collections.abc import Iterator
from typing import Any

# The bounds end the answer of a small model that repeats itself; a list of twelve names is rare, six facts are rarer.
ENTITIES_PER_SENTENCE, EDGES_PER_SENTENCE = 12, 6
MAX_FACT_CHARS = 240
MAX_PAIRS = 200  # of source and target in one chunk; they compile in some 40 ms, and more are rare
MAX_SUMMARY_CHARS = 300
_SIGN = "[^\\x00-\\x1f\\x7f]"  # any character of a line
RELATION = "^[A-Z]{2,14}(_[A-Z]{1,14}){0,4}$"


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


def edges(meant: dict[str, list[str]], dates: list[str]) -> dict[str, Any]:
    """A list under each sentence of facts between the entities it can speak of: `meant` has two or more for each.

    A fact has two different endpoints, begins with its source and names both: one alternative a pair says all of that;
    where that would be too many, one a source leaves the target's name free.
    """
    kinds = {tuple(names): f"edge_{i}" for i, names in enumerate(dict.fromkeys(map(tuple, meant.values())), 1)}
    is_paired = sum(len(names) * (len(names) - 1) for names in kinds) <= MAX_PAIRS
    found = {
        line: array({"$ref": f"#/$defs/{kinds[tuple(names)]}"}, EDGES_PER_SENTENCE) for line, names in meant.items()
    }
    definitions = {name: {"anyOf": list(_edges(names, dates, is_paired))} for names, name in kinds.items()}
    return {**record(edges=record(**found)), **({"$defs": definitions} if definitions else {})}


def _edges(endpoints: tuple[str, ...], dates: list[str], is_paired: bool) -> Iterator[dict[str, Any]]:
    for source in endpoints:
        others = [name for name in endpoints if name != source]
        for targets in [[name] for name in others] if is_paired else [others]:
            yield record(
                source={"const": source},
                target=choice(targets),
                relation={"type": "string", "pattern": RELATION},
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
