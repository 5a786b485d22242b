"""Read OpenAI's chat requests.

Knows OpenAI's names; runs nothing.
In: the JSON of a request.  Out: an Order and the wishes on the form of its reply.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue

from app.llm.functions import Function, FunctionCall, function_of
from app.llm.mlx_thread import BACKGROUND, INTERACTIVE
from app.llm.request import Turn
from app.llm.turns import assistant_turn
from app.server.body import Body, only, parse
from app.server.order import ANY_OBJECT, Order
from app.server.refusals import Invalid, Unsupported

NAME = r"^[a-zA-Z0-9_-]{1,64}$"
Number = Annotated[float, Field(allow_inf_nan=False)]


class TextPart(Body):
    type: Literal["text"]
    text: str
    prompt_cache_breakpoint: JsonValue = None  # every prefix is cached anyway


class CalledFunction(Body):
    name: str
    arguments: str


class ToolCall(Body):
    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


class ChatMessage(Body):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    audio: JsonValue = None
    function_call: JsonValue = None
    annotations: JsonValue = None  # of an earlier answer, sent back
    reasoning_content: JsonValue = None  # of an earlier answer of another model: not shown to models again


class FunctionBody(Body):
    name: str = Field(pattern=NAME)
    description: str | None = None
    parameters: dict[str, JsonValue] | None = None
    strict: bool | None = None  # arguments always fit


class Tool(Body):
    type: Literal["function"]
    function: FunctionBody


class NamedFunction(Body):
    name: str


class NamedTool(Body):
    type: Literal["function"]
    function: NamedFunction


class JsonSchema(Body):
    name: str = Field(pattern=NAME)
    description: str | None = None
    schema_: dict[str, JsonValue] = Field(alias="schema", default_factory=dict)
    strict: bool | None = None  # always


class ResponseFormat(Body):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(Body):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None  # there is nobody on loopback to hide lengths from


class ChatBody(Body):
    """What is declared below the line is accepted only where it changes nothing."""

    model: str
    messages: list[ChatMessage] = Field(min_length=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    temperature: Number | None = Field(default=None, ge=0, le=2)
    seed: int | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: ResponseFormat | None = None
    tools: list[Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    service_tier: str | None = None
    # - - -
    n: int | None = None
    top_p: Number | None = None
    frequency_penalty: Number | None = None
    presence_penalty: Number | None = None
    logit_bias: dict[str, JsonValue] | None = None
    modalities: list[str] | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    store: bool | None = None
    user: JsonValue = None
    metadata: JsonValue = None
    safety_identifier: JsonValue = None
    prompt_cache_key: JsonValue = None
    prompt_cache_retention: JsonValue = None
    prompt_cache_options: JsonValue = None
    prediction: JsonValue = None  # a hint for speed alone


def read_chat(body: dict[str, Any]) -> tuple[ChatBody, Order]:
    """raises Unsupported, Invalid"""
    chat = parse(ChatBody, body)
    _refuse_what_would_be_ignored(chat)
    functions, must_call = _functions(chat)
    if chat.top_logprobs is not None and not chat.logprobs:
        raise Invalid("top_logprobs", "top_logprobs needs logprobs: true")
    return chat, Order(
        turns=tuple(_turn(message, place) for place, message in enumerate(chat.messages)),
        functions=functions,
        must_call=must_call,
        parallel=chat.parallel_tool_calls is not False,
        schema=_schema(chat),
        max_tokens=chat.max_completion_tokens or chat.max_tokens,
        temperature=chat.temperature or 0.0,
        seed=chat.seed,
        stop=_stop(chat.stop),
        logprobs=(chat.top_logprobs or 0) if chat.logprobs else None,
        priority=BACKGROUND if chat.service_tier == "flex" else INTERACTIVE,
    )


def _refuse_what_would_be_ignored(chat: ChatBody) -> None:
    only("n", chat.n, 1, hint="ask several times")
    only("top_p", chat.top_p, 1, hint="use temperature")
    only("frequency_penalty", chat.frequency_penalty, 0)
    only("presence_penalty", chat.presence_penalty, 0)
    only("logit_bias", chat.logit_bias, {})
    only("modalities", chat.modalities, ["text"])
    only("reasoning_effort", chat.reasoning_effort, "none", "minimal", hint="thinking is off")
    only("verbosity", chat.verbosity, "medium")
    only("store", chat.store, False, hint="nothing is stored")
    only("service_tier", chat.service_tier, "auto", "default", "flex", "priority")


def _turn(message: ChatMessage, place: int) -> Turn:
    for name in ("audio", "function_call"):
        only(f"messages.{place}.{name}", getattr(message, name))
    content = message.content
    text = content if isinstance(content, str) else "".join(part.text for part in content or [])
    text = text or message.refusal or ""
    if message.role == "tool" and message.tool_call_id is None:
        raise Invalid(f"messages.{place}.tool_call_id", "a message of a tool names the call that it answers")
    if message.tool_calls and message.role != "assistant":
        raise Invalid(f"messages.{place}.tool_calls", "only the assistant calls tools")
    if content is None and message.role != "assistant":
        raise Invalid(f"messages.{place}.content", f"a message of role {message.role!r} has a content")
    if message.tool_calls:
        return assistant_turn(text, [_call(call, place) for call in message.tool_calls])
    return Turn("system" if message.role == "developer" else message.role, text)


def _call(call: ToolCall, place: int) -> FunctionCall:
    try:
        arguments = json.loads(call.function.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        raise Invalid(f"messages.{place}.tool_calls", "the arguments of a call are a JSON object in a string")
    return FunctionCall(call.function.name, arguments)


def _functions(chat: ChatBody) -> tuple[tuple[Function, ...], bool]:
    """(what may be called, whether something must be)"""
    tools, choice = chat.tools or [], chat.tool_choice
    if choice == "none":
        return (), False
    functions = tuple(
        function_of(tool.function.name, tool.function.description, tool.function.parameters) for tool in tools
    )
    if isinstance(choice, NamedTool):
        chosen = tuple(function for function in functions if function.name == choice.function.name)
        if not chosen:
            raise Invalid("tool_choice", f"no tool is named {choice.function.name!r}")
        return chosen[:1], True
    if len({function.name for function in functions}) < len(functions):
        raise Invalid("tools", "two tools have the same name")
    return functions, choice == "required"


def _schema(chat: ChatBody) -> dict[str, Any] | None:
    form = chat.response_format
    if form is None or form.type == "text":
        return None
    if form.type == "json_object":
        return ANY_OBJECT
    if form.json_schema is None:
        raise Invalid("response_format.json_schema", "response_format.json_schema is missing")
    return dict(form.json_schema.schema_) or ANY_OBJECT


def _stop(stop: str | list[str] | None) -> tuple[str, ...]:
    stops = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if len(stops) > 4:
        raise Invalid("stop", f"stop has {len(stops)} texts, 4 are allowed")
    if not all(stops):
        raise Unsupported("stop", "an empty stop text would stop at once", hint="leave it out")
    return stops
