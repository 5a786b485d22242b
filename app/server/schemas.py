"""Which JSON schemas are served: those whose every answer under our grammar is an answer of the schema itself.

Knows JSON Schema and what the grammar makes of it (every listed property is written, no other). In: a schema.
Out: nothing, or a refusal that names the keyword.
"""

from typing import Any

from app.llm.exclusive import exclude_each_other
from app.server.refusals import Unsupported

# Keywords that change which answers are right and that no grammar of ours keeps; each is refused by its name.
_UNKEPT = {
    "uniqueItems", "propertyNames", "minProperties", "not", "if", "then", "else", "contains", "minContains",
    "maxContains", "dependentRequired", "dependentSchemas", "unevaluatedProperties", "unevaluatedItems",
    "$dynamicRef", "$recursiveRef",
}  # fmt: skip
_NAMES_INSIDE = ("properties", "patternProperties", "$defs", "definitions")  # their keys are names, not keywords


def check_schema(schema: Any, place: str, root: Any = None) -> None:
    """raises Unsupported naming the first keyword that could not be kept"""
    root = schema if root is None else root
    if isinstance(schema, list):
        for index, item in enumerate(schema):
            check_schema(item, f"{place}.{index}", root)
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        if key in _UNKEPT and value not in (None, False):
            raise Unsupported(
                f"{place}.{key}", f"the JSON schema keyword {key!r} is not supported", hint="leave it out"
            )
        if key == "oneOf" and isinstance(value, list) and not exclude_each_other(schema, value, root):
            message = "a oneOf whose alternatives an answer could fit together is not supported"
            raise Unsupported(f"{place}.oneOf", message, hint="use anyOf, or give each a constant of its own")
        if key in ("enum", "const", "default", "examples"):
            continue
        if key in _NAMES_INSIDE and isinstance(value, dict):
            for name, inner in value.items():
                check_schema(inner, f"{place}.{name}", root)
        else:
            check_schema(value, f"{place}.{key}", root)
