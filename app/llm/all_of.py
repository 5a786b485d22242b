"""Schemas that must hold together, as one.

Knows JSON Schema; follows no reference. In: parts of an allOf, or a schema and one of its alternatives.  Out: a schema.
"""

from typing import Any

from app.errors import BadInput

Schema = dict[str, Any]  # Any: JSON values nest
# They describe; they constrain nothing.
ANNOTATIONS = {
    "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "discriminator",
    "$schema", "$id", "$comment", "$defs", "definitions", "contentEncoding", "contentMediaType",
}  # fmt: skip


def merged(parts: list[Schema]) -> Schema:
    """Keywords that must hold together. Objects unite their properties, less those that a closed one does not list.

    raises   BadInput where two parts ask for different values of a keyword
    """
    result: Schema = {}
    for part in parts:
        for key, value in part.items():
            if key == "properties":
                result[key] = _united(result.get(key, {}), value)
            elif key == "required":
                result[key] = [*result.get(key, []), *value]
            elif key not in ANNOTATIONS and result.get(key, value) != value:
                raise BadInput(f"the schema asks for two different values of {key!r} at once", hint="write one type")
            else:
                result[key] = value
    for part in parts:
        if part.get("additionalProperties") is False and "patternProperties" not in part and "properties" in result:
            known = part.get("properties", {})
            result["properties"] = {name: value for name, value in result["properties"].items() if name in known}
    return result


def _united(some: Schema, others: Schema) -> Schema:
    """Properties of both; one that both have must be as either says."""
    twice = {name: {"allOf": [some[name], others[name]]} for name in some if name in others}
    return {**some, **others, **{name: both for name, both in twice.items() if some[name] != others[name]}}
