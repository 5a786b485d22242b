"""Function calling under a grammar: functions in words, a schema that allows their calls alone, and the way back.

Knows JSON Schema and words; knows no protocol and no model. In: functions.  Out: rules, a schema, and read calls.

An answer is {"calls": [{"name": ..., "arguments": {...}}]} or {"content": ...}; the arguments always fit the function.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]
MAX_CALLS = 8  # at once, where several are allowed


@dataclass(frozen=True, slots=True)
class Function:
    """A function the model may call; `parameters` is the JSON schema of its arguments."""

    name: str
    description: str
    parameters: Schema


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function the model wants called."""

    name: str
    arguments: dict[str, Any]


def function_rules(functions: Sequence[Function], *, must_call: bool) -> str:
    """What the system message says of them."""
    lines = [
        json.dumps({"name": f.name, "description": f.description, "parameters": f.parameters}, ensure_ascii=False)
        for f in functions
    ]
    call = 'Call functions with {"calls": [{"name": ..., "arguments": {...}}]}'
    end = "." if must_call else ', or answer with {"content": ...}.'
    return "\n".join(["Functions:", *lines, call + end])


def function_schema(
    functions: Sequence[Function], *, must_call: bool, parallel: bool = True, content: Schema | None = None
) -> Schema:
    """Calls of these functions with fitting arguments; or, unless one must be called, `content` (any text if None)."""
    defs: Schema = {}
    calls = [
        _record(name={"const": function.name}, arguments=_hoisted(function.parameters, f"{i}.", defs))
        for i, function in enumerate(functions)
    ]
    items = calls[0] if len(calls) == 1 else {"anyOf": calls}
    most = MAX_CALLS if parallel else 1
    answers = [_record(calls={"type": "array", "items": items, "minItems": 1, "maxItems": most})]
    if not must_call:
        answers.append(_record(content={"type": "string"} if content is None else _hoisted(content, "content.", defs)))
    return {**(answers[0] if must_call else {"anyOf": answers}), "$defs": defs}


def read_calls(text: str) -> tuple[list[FunctionCall], str | None]:
    """The calls of an answer, or its content: text as it is, anything else as JSON."""
    answer = json.loads(text)
    if "calls" in answer:
        return [FunctionCall(call["name"], call["arguments"]) for call in answer["calls"]], None
    content = answer["content"]
    return [], content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def write_calls(calls: Sequence[FunctionCall]) -> str:
    """What the model said when it made these calls: the inverse of `read_calls`."""
    return json.dumps({"calls": [{"name": c.name, "arguments": c.arguments} for c in calls]}, ensure_ascii=False)


def _record(**properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _hoisted(schema: Schema, prefix: str, defs: Schema) -> Schema:
    """The schema with its definitions moved to the root's, under names of their own."""

    def moved(node: Any) -> Any:
        if isinstance(node, list):
            return [moved(item) for item in node]
        if not isinstance(node, dict):
            return node
        return {
            key: f"#/$defs/{prefix}{value.removeprefix('#/$defs/')}"
            if key == "$ref" and isinstance(value, str) and value.startswith("#/$defs/")
            else value
            if key in ("enum", "const")
            else moved(value)
            for key, value in node.items()
            if key != "$defs"
        }

    for name, definition in schema.get("$defs", {}).items():
        defs[prefix + name] = moved(definition)
    inner = moved(schema)
    assert isinstance(inner, dict)
    return inner
