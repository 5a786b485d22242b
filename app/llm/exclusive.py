"""Whether an answer written for one alternative of a oneOf could fit another one, too.

Knows JSON Schema and what our grammar makes of it (every listed property is written, no other); knows no model.
In: a oneOf and the schema around it.  Out: True where no answer can fit two; False also where nobody can tell.
"""

from itertools import permutations
from typing import Any

ONE_OF_DEPTH = 8  # references followed to tell alternatives apart


def exclude_each_other(schema: dict[str, Any], alternatives: list[Any], root: Any) -> bool:
    """Whether no answer written for one alternative fits another one; False also where nobody can tell."""
    if len(alternatives) < 2:
        return True
    shared = {key: value for key, value in schema.items() if key != "oneOf"}
    resolved = [_with(shared, _followed(one, root)) for one in alternatives]
    return all(_refuses(other, one, root) for one, other in permutations(resolved, 2))


def _with(shared: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    """An alternative with what stands beside the oneOf."""
    properties = {**shared.get("properties", {}), **one.get("properties", {})}
    return {**shared, **one, **({"properties": properties} if properties else {})}


def _followed(schema: Any, root: Any) -> dict[str, Any]:
    for _ in range(ONE_OF_DEPTH):
        if not isinstance(schema, dict) or not isinstance(schema.get("$ref"), str):
            break
        target = root
        for step in schema["$ref"].removeprefix("#").split("/")[1:]:
            target = target.get(step) if isinstance(target, dict) else None
        schema = target
    return schema if isinstance(schema, dict) else {}


def _refuses(other: dict[str, Any], one: dict[str, Any], root: Any) -> bool:
    """Whether `other` refuses every answer written for `one`."""
    values, taken = _values(one), _values(other)
    if values is not None and taken is not None:
        return not any(value in taken for value in values)
    kinds, allowed = _kinds(one), _kinds(other)
    if kinds and allowed and not kinds & allowed:
        return True
    written = {**{name: {} for name in one.get("required") or ()}, **(one.get("properties") or {})}
    known = other.get("properties") or {}
    if not written or one.get("required") == []:  # an empty list that stands there: any of them may be left out
        return False
    if set(other.get("required") or ()) - set(written):  # `other` misses what is never written
        return True
    is_closed = other.get("additionalProperties") is False and not other.get("patternProperties")
    if is_closed and set(written) - set(known):
        return True
    both = set(written) & set(known)
    return any(_refuses(_followed(known[name], root), _followed(written[name], root), root) for name in both if (
        _values(_followed(written[name], root)) is not None
    ))  # fmt: skip


def _values(schema: dict[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else None


def _kinds(schema: dict[str, Any]) -> set[str]:
    kinds = schema.get("type")
    found = {kinds} if isinstance(kinds, str) else set(kinds or ())
    return found | {"integer"} if "number" in found else found
