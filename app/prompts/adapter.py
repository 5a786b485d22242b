"""Render a DSPy signature as two messages: the rules, always the same, then the variable part.

Knows signatures and JSON; knows no prompt in particular and no model.
In: signature, demos, inputs.  Out: [system, user]; and true JSON schemas of the outputs for a grammar.

The class must be called JSONAdapter: DSPy's stream listener selects by that name.
"""

import json
import types
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Literal, Union, get_args, get_origin

import dspy
import pydantic
from dspy.adapters.types.tool import ToolCalls
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

_CLOCK = "T([0-9]{1,2}H([0-9]{1,2}M)?([0-9]{1,2}S)?|[0-9]{1,2}M([0-9]{1,2}S)?|[0-9]{1,2}S)"
_DURATION = f"^P([0-9]{{1,5}}D({_CLOCK})?|{_CLOCK})$"
_URL = "^https?://([a-z0-9]{1,30}\\.){0,3}[a-z]{2,30}(:[1-9][0-9]{1,3})?(/[A-Za-z0-9._~?=&%/-]{0,200})?$"
_WITHIN: ContextVar[dict[str, Any] | None] = ContextVar("daybook_answer_schema", default=None)


@contextmanager
def answers_within(schema: dict[str, Any]) -> Iterator[None]:
    """Every answer that is asked for inside keeps to `schema`, which is tighter than the signature's own."""
    token = _WITHIN.set(schema)
    try:
        yield
    finally:
        _WITHIN.reset(token)


class JSONAdapter(dspy.JSONAdapter):  # type: ignore[misc]
    """Compact prompts, rules first and variable part last, and the true schema as response format.

    Demonstrations of a compiled program stand inside the system message, so that they belong to the fixed
    part whose keys and values are computed once.
    """

    def format(
        self, signature: type[dspy.Signature], demos: list[dict[str, Any]], inputs: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """[system, user] where DSPy's own adapter would send a turn per demonstration."""
        if any(field.annotation is dspy.History for field in signature.input_fields.values()):
            return list(super().format(signature, demos, inputs))
        system = "\n\n".join([self.format_system_message(signature), *self._examples(signature, demos)])
        return [
            {"role": "system", "content": system},
            {"role": "user", "content": self.format_user_message_content(signature, inputs, main_request=True)},
        ]

    def format_system_message(self, signature: type[dspy.Signature]) -> str:
        """The instructions and a sketch of the answer's shape."""
        shape = ", ".join(f'"{name}": {sketch(field.annotation)}' for name, field in signature.output_fields.items())
        return f"{signature.instructions}\nAnswer with one JSON object: {{{shape}}}"

    def format_user_message_content(
        self,
        signature: type[dspy.Signature],
        inputs: dict[str, Any],
        prefix: str = "",
        suffix: str = "",
        main_request: bool = False,  # noqa: ARG002  DSPy's signature
    ) -> str:
        """One tagged block per input that is not empty, in the signature's order."""
        blocks = [
            f"<{name}>\n{_text(inputs[name])}\n</{name}>"
            for name in signature.input_fields
            if inputs.get(name) not in (None, "", [], {})
        ]
        return "\n".join(part for part in (prefix, *blocks, suffix) if part)

    def format_assistant_message_content(
        self, signature: type[dspy.Signature], outputs: dict[str, Any], missing_field_message: str | None = None
    ) -> str:
        """The answer exactly as the grammar makes it: one line of JSON."""
        return dump_answer({name: outputs.get(name, missing_field_message) for name in signature.output_fields})

    def _examples(self, signature: type[dspy.Signature], demos: list[dict[str, Any]]) -> list[str]:
        return [
            f"Example\n{self.format_user_message_content(signature, demo)}\n"
            f"{self.format_assistant_message_content(signature, demo)}"
            for demo in demos
        ]

    def _prepare_response_format(self, lm: Any, lm_kwargs: dict[str, Any], signature: type[dspy.Signature]) -> None:
        # DSPy's own version empties every dict[...] and falls back to json_object; a grammar needs the truth.
        if "response_format" in lm.supported_params:
            schema = _WITHIN.get() or output_schema(signature)
            named = {"name": signature.__name__[:60] or "Outputs", "schema": schema, "strict": True}
            lm_kwargs["response_format"] = {"type": "json_schema", "json_schema": named}


def output_schema(signature: type[dspy.Signature]) -> dict[str, Any]:
    """JSON schema of a signature's outputs: declared fields required and closed, maps kept as maps. Read only."""
    return _output_schema(signature)  # type: ignore[arg-type]  # a class is hashable


@lru_cache(maxsize=256)  # pydantic takes longer to write it down than DSPy takes for the rest of a call
def _output_schema(signature: type[dspy.Signature]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        name: (field.annotation, ...)
        for name, field in signature.output_fields.items()
        if field.annotation is not ToolCalls
    }
    model = pydantic.create_model(signature.__name__, **fields)
    schema: dict[str, Any] = _closed(model.model_json_schema(schema_generator=_AnswerSchema))
    return schema


class _AnswerSchema(GenerateJsonSchema):
    """Pydantic's schemas, tighter where they allow what pydantic itself then refuses."""

    def decimal_schema(self, schema: Any) -> JsonSchemaValue:
        """A number; pydantic's also allows any string."""
        return dict(super().decimal_schema(schema)["anyOf"][0])

    def timedelta_schema(self, schema: Any) -> JsonSchemaValue:  # noqa: ARG002  pydantic's signature
        """Days to seconds of a size that a timedelta can hold; ISO 8601 knows no bound."""
        return {"type": "string", "pattern": _DURATION}

    def set_schema(self, schema: Any) -> JsonSchemaValue:
        """A list: pydantic takes what is said twice for once, and no grammar remembers what was said."""
        return self.list_schema(schema)

    frozenset_schema = set_schema

    def url_schema(self, schema: Any) -> JsonSchemaValue:  # noqa: ARG002
        """A web address; the format `uri` is looser than pydantic."""
        return {"type": "string", "pattern": _URL}


def dump_answer(answer: Any) -> str:
    """JSON in the one layout the grammar allows: ", " and ": ", no escapes that are not needed."""
    return json.dumps(_plain(answer), ensure_ascii=False)


def sketch(annotation: Any, inside: tuple[Any, ...] = ()) -> str:
    """A type as a model reads it best: list[NamedEntity] -> [{"name": string, "type": string}, ...].

    inside   classes around this type: one that holds itself is named, not unfolded again
    """
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(json.dumps(arg, ensure_ascii=False) for arg in args)
    if origin in (Union, types.UnionType):
        return " or ".join(sketch(arg, inside) for arg in args)
    if origin in (list, set, tuple, frozenset):
        return f"[{sketch(args[0] if args else Any, inside)}, ...]"
    if origin is dict:
        return f"{{string: {sketch(args[1], inside)}, ...}}"
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel) and annotation not in inside:
        around = (*inside, annotation)
        fields = (f'"{name}": {sketch(field.annotation, around)}' for name, field in annotation.model_fields.items())
        return f"{{{', '.join(fields)}}}"
    names = {str: "string", int: "integer", float: "number", bool: "true or false", type(None): "null"}
    return names.get(annotation, getattr(annotation, "__name__", "any"))


def _closed(schema: Any) -> Any:
    """Every object with declared properties requires them all and admits no other; `$ref` stands alone."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: value if key in ("enum", "const") else _closed(value) for key, value in schema.items()}
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict) and schema["properties"]:
        schema |= {"required": list(schema["properties"]), "additionalProperties": False}
    return schema


def _plain(value: Any) -> Any:
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else dump_answer(value)
