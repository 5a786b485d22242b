"""Make a JSON schema finite: every answer it allows ends, and each one also satisfies the schema it came from.

Knows JSON Schema as pydantic and people write it; knows no models and no grammar engine.
In: a schema.  Out: the same schema closed, required, with references written out and every length bounded.
"""

import json
from dataclasses import dataclass
from typing import Any

from app.errors import BadInput
from app.llm.all_of import ANNOTATIONS, merged
from app.llm.exclusive import exclude_each_other
from app.llm.listed import listed, pattern_of_names, references, without_repetition
from app.llm.patterns import kept_inside_quotes

Schema = dict[str, Any]  # Any: JSON values nest

FORMAT_CHARS = 40  # a uuid has 36, an instant with its fraction and zone 35
FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"}
# RFC 3339 knows a year 0 and leap seconds; Python and most readers do not.
_YEAR, _TIME = "^(000[1-9]|00[1-9]|0[1-9]|[1-9])", "[0-9]{2}:[0-9]{2}:[0-5]"
READABLE = {"date": _YEAR, "date-time": f"{_YEAR}[0-9-]{{3,9}}[Tt]{_TIME}", "time": f"^{_TIME}"}
KEYWORDS = {
    "object": ("properties", "required", "additionalProperties", "patternProperties", "maxProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems"),
    "string": ("pattern", "format", "minLength", "maxLength"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


KEPT_OTHERWISE = {"uniqueItems", "propertyNames"}  # what the walk turns into something that a grammar knows


class _TooDeepError(Exception):
    """A reference was followed into itself more often than `Bounds.depth`."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long an answer may get where its schema does not say; a runaway stops here, a good answer never notices."""

    text_chars: int = 1000  # Graphiti asks for summaries "under 1000 characters"
    items: int = 64  # per array
    entries: int = 16  # per map
    key_chars: int = 64  # of a map
    integer: int = 10**9  # largest absolute value
    number: float = 1e12
    number_step: float = 0.0001
    depth: int = 4  # of a type inside itself


def bounded_schema(schema: Schema, bounds: Bounds | None = None, *, sets_may_repeat: bool = False) -> Schema:
    """The finite part of `schema`; what already has a bound keeps it, so bounding twice changes nothing.

    sets_may_repeat   of a Python type, whose reader takes an item twice for once: `uniqueItems` need not be kept
    raises            BadInput if a type must contain itself, names a reference that is not there, or asks for what a
                      grammar cannot keep: different items, a choice of exactly one, so many keys
    """
    try:
        return _Bounding(schema, bounds or Bounds(), sets_may_repeat).whole()
    except _TooDeepError as error:
        raise BadInput(f"the type {error} contains itself without end", hint="make the inner one optional") from error


class _Bounding:
    """One walk over one schema; `path` counts how often each reference is open above the current place."""

    def __init__(self, root: Schema, bounds: Bounds, sets_may_repeat: bool) -> None:
        self._root = root
        self._bounds = bounds
        self._sets_may_repeat = sets_may_repeat
        self._path: list[str] = []
        self._shared: dict[str, Schema] = {}

    def whole(self) -> Schema:
        """The root with the definitions that it and they refer to."""
        bounded = self.of(self._root)
        return bounded | ({"$defs": self._shared} if self._shared else {})

    def of(self, schema: Schema | bool) -> Schema:
        if schema is True or schema == {}:
            return self._anything()
        if not isinstance(schema, dict):
            raise BadInput("a schema of False allows no answer", hint="remove it")
        if "$ref" in schema:
            return self._referred(schema)
        kept = {key: value for key, value in schema.items() if key not in ANNOTATIONS}
        if "const" in kept or "enum" in kept:
            return listed(kept)
        if "allOf" in kept:
            return self.of(merged([_without(kept, "allOf"), *(self._unfolded(part) for part in kept["allOf"])]))
        if "oneOf" in kept and not exclude_each_other(kept, kept["oneOf"], self._root):
            raise BadInput(
                "a oneOf whose alternatives an answer could fit together cannot be kept by a grammar",
                hint="use anyOf, or give each a constant of its own",
            )
        for choice in ("anyOf", "oneOf"):
            if choice in kept:
                return self._choice(_without(kept, choice), kept[choice])
        return self._typed(kept) if kept else self._anything()

    def _referred(self, schema: Schema) -> Schema:
        name, alone = schema["$ref"], set(schema) <= {"$ref"} | ANNOTATIONS
        if alone and name.startswith("#/$defs/") and self._ends(name):
            key = name.removeprefix("#/$defs/")
            if key not in self._shared:  # said once however often it is used: a grammar compiles it once
                self._shared[key] = self.of(self._unfolded(schema))
            return {"$ref": name}
        if self._path.count(name) >= self._bounds.depth:
            raise _TooDeepError(name.rsplit("/", 1)[-1])
        self._path.append(name)
        try:
            return self.of(merged([self._unfolded(schema)]))
        finally:
            self._path.pop()

    def _ends(self, name: str) -> bool:
        """Whether following a definition's references, and theirs, never comes back to it."""
        seen: set[str] = set()
        waiting = [name]
        while waiting:
            found = {*references(self._unfolded({"$ref": waiting.pop()}))} - seen
            seen |= found
            waiting += found
        return name not in seen

    def _unfolded(self, schema: Schema) -> Schema:
        """A reference with its target's keywords in its place; one step only."""
        if "$ref" not in schema:
            return schema
        target: Any = self._root
        for step in schema["$ref"].lstrip("#/").split("/") if schema["$ref"] != "#" else []:
            target = target.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(target, dict) else None
        if not isinstance(target, dict):
            raise BadInput(f"the schema has no {schema['$ref']}", hint="references must point inside the schema")
        return {**target, **_without(schema, "$ref")}

    def _choice(self, shared: Schema, alternatives: list[Schema]) -> Schema:
        found: list[Schema] = []
        deepest: _TooDeepError | None = None
        for alternative in alternatives:
            try:
                found.append(self.of(merged([shared, self._unfolded(alternative)]) if shared else alternative))
            except _TooDeepError as error:
                deepest = error
        if not found:
            raise deepest or BadInput("the schema has a choice without alternatives", hint="add one")
        return {"anyOf": found} if len(found) > 1 else found[0]

    def _typed(self, schema: Schema) -> Schema:
        kinds = schema.get("type") or [kind for kind, keys in KEYWORDS.items() if any(key in schema for key in keys)]
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if "array" in kinds and schema.get("uniqueItems") and not self._sets_may_repeat:
            return self._unique(schema, [kind for kind in kinds if kind != "array"])
        result = {**schema, "type": kinds[0] if len(kinds) == 1 else kinds}
        if "string" not in kinds or schema.get("format") not in FORMATS:
            result.pop("format", None)
        if "object" in kinds:
            result |= self._object(schema)
        if "array" in kinds:
            result |= self._array(schema)
        if "string" in kinds:
            result |= self._string(schema)
        if "integer" in kinds or "number" in kinds:
            result |= self._number(schema, "number" in kinds)
        return {key: value for key, value in result.items() if key not in KEPT_OTHERWISE}

    def _unique(self, schema: Schema, others: list[str]) -> Schema:
        """A list without repetition, or any of the other kinds."""
        plain = _without(schema, "uniqueItems")
        if "prefixItems" in plain:
            raise BadInput("'uniqueItems' beside 'prefixItems' cannot be kept by a grammar", hint="leave one out")
        bounded = self._typed({**plain, "type": "array"})
        items = bounded["items"]
        items = self._shared[items["$ref"].removeprefix("#/$defs/")] if "$ref" in items else items
        lists = without_repetition(items, bounded["minItems"], bounded["maxItems"])
        if not others:
            return lists
        rest = {key: value for key, value in plain.items() if key not in KEYWORDS["array"]}
        return {"anyOf": [lists, self._typed({**rest, "type": others})]}

    def _object(self, schema: Schema) -> Schema:
        properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        unlisted = [name for name in schema.get("required", []) if name not in properties]
        if unlisted and (others is False or "patternProperties" in schema):
            raise BadInput(f"the schema requires {len(unlisted)} properties that it does not list", hint="list them")
        properties = {**properties, **dict.fromkeys(unlisted, others)}
        extra = schema.get("additionalProperties", not properties and "patternProperties" not in schema)
        patterns = schema.get("patternProperties", {})
        if properties or not (extra or patterns):
            # Closed: without this the model may add keys of its own; required: without it, {} is an answer.
            kept = {
                name: bounded for name, value in properties.items() if (bounded := self._member(schema, name, value))
            }
            if len(kept) < schema.get("minProperties", 0) or (kept and "propertyNames" in schema):
                raise BadInput("'minProperties' or 'propertyNames' beside 'properties' cannot be kept by a grammar")
            # An empty list that stands there is meant: some of the properties, in their order.
            required = [] if schema.get("required") == [] else list(kept)
            return {"properties": kept, "required": required, "additionalProperties": False}
        if extra and not patterns:
            names = schema.get("propertyNames")
            anything = f"^[^\\x00-\\x1f\\x7f]{{1,{self._bounds.key_chars}}}$"
            patterns = {anything if names is None else pattern_of_names(names): extra}
        elif "propertyNames" in schema:
            raise BadInput("'propertyNames' beside 'patternProperties' cannot be kept by a grammar")
        if schema.get("minProperties", 0) > 1:  # a key may be said twice, and then counts once
            raise BadInput("'minProperties' of a map cannot be kept by a grammar", hint="list the properties")
        return {
            "patternProperties": {kept_inside_quotes(keys): self.of(value) for keys, value in patterns.items()},
            "maxProperties": schema.get("maxProperties", self._bounds.entries),
            "additionalProperties": False,
        }

    def _member(self, schema: Schema, name: str, value: Schema) -> Schema | None:
        """A property; None for one that may be left out and would contain its own type for ever."""
        try:
            return self.of(value)
        except _TooDeepError:
            if name in schema.get("required", []):
                raise
            return None

    def _array(self, schema: Schema) -> Schema:
        least, items = schema.get("minItems", 0), schema.get("items", {})
        first = [self.of(item) for item in schema.get("prefixItems", [])]
        most = schema.get("maxItems", len(first) if items is False else max(least, self._bounds.items))
        result: Schema = {"minItems": least, "maxItems": most} | ({"prefixItems": first} if first else {})
        if items is False or most <= len(first):
            return result | {"items": False if items is False else {}}
        try:
            return result | {"items": self.of(items)}
        except _TooDeepError:
            if least > len(first):
                raise
            return result | {"maxItems": len(first), "items": {}}

    def _string(self, schema: Schema) -> Schema:
        least = FORMAT_CHARS if schema.get("format") in FORMATS else schema.get("minLength", 0)
        bounded = {"maxLength": schema.get("maxLength", max(least, self._bounds.text_chars))}
        pattern = schema.get("pattern", READABLE.get(schema.get("format", "")))
        return {"pattern": kept_inside_quotes(pattern)} | bounded if pattern else bounded

    def _number(self, schema: Schema, is_real: bool) -> Schema:
        limit = self._bounds.number if is_real else self._bounds.integer
        low = schema.get("minimum", schema.get("exclusiveMinimum"))
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        result: Schema = {}
        if low is None:
            result["minimum"] = min(-limit, high - limit) if high is not None else -limit
        if high is None:
            result["maximum"] = max(limit, low + limit) if low is not None else limit
        if is_real and "multipleOf" not in schema:
            result["multipleOf"] = self._bounds.number_step
        return result

    def _anything(self, depth: int = 2) -> Schema:
        scalars: list[Schema] = [self._typed({"type": kind}) for kind in ("string", "number", "boolean", "null")]
        if depth == 0:
            return {"anyOf": scalars}
        inner = self._anything(depth - 1)
        few = {"minItems": 0, "maxItems": self._bounds.entries}
        keys = {f"^[^\\x00-\\x1f\\x7f]{{1,{self._bounds.key_chars}}}$": inner}
        nested: list[Schema] = [
            {"type": "array", "items": inner, **few},
            {
                "type": "object",
                "patternProperties": keys,
                "maxProperties": few["maxItems"],
                "additionalProperties": False,
            },
        ]
        return {"anyOf": [*scalars, *nested]}


def _without(schema: Schema, key: str) -> Schema:
    return {name: value for name, value in schema.items() if name != key}


def canonical(schema: Schema) -> str:
    """The schema as one line of JSON; property order is kept, because answers follow it."""
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
