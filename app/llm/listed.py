"""Schemas that list their values: which of them the other keywords leave, and the lists without repetition of them.

Knows JSON Schema; knows no grammar engine. In: a schema.  Out: a schema that a grammar can keep exactly.
"""

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from app.errors import BadInput

Schema = dict[str, Any]  # Any: JSON values nest
MOST_VALUES = 8  # of a list without repetition: each more doubles the grammar


def values_of(schema: Any) -> list[Any] | None:
    """The values that a schema lists; None if it lists none."""
    if not isinstance(schema, dict):
        return None
    if "const" in schema:
        return [schema["const"]]
    if schema.get("type") == "boolean":
        return [False, True]
    values = schema.get("enum")
    return values if isinstance(values, list) else None


def without_repetition(items: Schema, least: int, most: int) -> Schema:
    """Lists of `least` to `most` of the listed values, none twice; a set has no order, so they keep that of the schema.

    raises   BadInput for items that list no values, or too many: a grammar cannot remember what was said
    """
    if most <= 1:
        return {"type": "array", "items": items, "minItems": least, "maxItems": most}
    values = values_of(items)
    if values is None or len(values) > MOST_VALUES:
        raise BadInput(
            "the JSON schema keyword 'uniqueItems' cannot be kept by a grammar",
            hint=f"leave it out, or list the values of an item (at most {MOST_VALUES})",
        )
    # Where Python calls two values equal that JSON keeps apart (true and 1), one list fewer is offered.
    kept = [value for place, value in enumerate(values) if value not in values[:place]]
    counts = range(least, min(most, len(kept)) + 1)
    lists = [[{"const": value} for value in chosen] for count in counts for chosen in combinations(kept, count)]
    if not lists:
        raise BadInput(f"the schema asks for {least} different items and lists {len(kept)} values")
    return {"anyOf": [_exactly(values) for values in lists]} if len(lists) > 1 else _exactly(lists[0])


def _exactly(items: list[Schema]) -> Schema:
    several = {"prefixItems": items} if items else {}
    return {"type": "array", "minItems": len(items), "maxItems": len(items), **several, "items": False}


def pattern_of_names(names: Any) -> str:
    """A pattern for the keys of a map. raises BadInput for what is neither a list nor a pattern of names"""
    if isinstance(names, dict) and set(names) - {"type"} == {"pattern"}:
        return str(names["pattern"])
    values = values_of(names)
    if not values or not all(isinstance(value, str) for value in values):
        raise BadInput("the JSON schema keyword 'propertyNames' cannot be kept", hint="list the names, or a pattern")
    return f"^({'|'.join(re.escape(value) for value in values)})$"


def listed(schema: Schema) -> Schema:
    """The values that are listed, less those that the other keywords refuse. raises BadInput if none is left"""
    listed: Schema = {key: schema[key] for key in ("const", "enum") if key in schema}
    others = {key: value for key, value in schema.items() if key not in ("const", "enum", "type")}
    if not others or any(references(others)):
        return listed
    import jsonschema  # late: few schemas need it

    judge = jsonschema.Draft202012Validator(others)
    values = [schema["const"]] if "const" in schema else schema["enum"]
    fitting = [value for value in values if judge.is_valid(value)]
    if not fitting:
        raise BadInput("the schema lists values and allows none of them", hint="remove the other keywords")
    return listed if len(fitting) == len(values) else {"enum": fitting}


def references(schema: Any) -> Iterator[str]:
    """Every `$ref` inside."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for key, value in schema.items():
            if key not in ("const", "enum"):
                yield from references(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from references(item)
