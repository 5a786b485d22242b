"""A function that a model may call, and a call of it: the words that every protocol and every format shares.

Knows JSON Schema; knows no protocol and no model. In: a name, a description, parameters.  Out: Function, FunctionCall.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Function:
    """A function the model may call; `parameters` is the JSON schema of its arguments."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function the model wants called."""

    name: str
    arguments: dict[str, Any]


def function_of(name: str, description: str | None, parameters: Mapping[str, Any] | None) -> Function:
    """A function; one without parameters takes none."""
    schema = dict(parameters or {})
    if not schema.get("properties") and "$ref" not in schema and not schema.get("patternProperties"):
        has_any = schema.get("additionalProperties") not in (None, False)
        schema = schema if has_any else {"type": "object", "properties": {}, "additionalProperties": False}
    return Function(name, description or "", schema)
