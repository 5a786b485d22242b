"""Read Anthropic's message requests.

Knows Anthropic's names; runs nothing.
In: the JSON of a request.  Out: an Order and the wishes on the form of its reply.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue

from app.llm.functions import Function, FunctionCall, function_of
from app.llm.request import Turn
from app.llm.turns import assistant_turn, tool_turn
from app.server.body import Body, only, parse
from app.server.openai_body import Number
from app.server.order import Order
from app.server.refusals import Invalid, Unsupported

NAME = r"^[a-zA-Z0-9_-]{1,128}$"


class TextBlock(Body):
    type: Literal["text"]
    text: str
    cache_control: JsonValue = None  # every prefix is cached anyway
    citations: JsonValue = None


class ToolUse(Body):
    type: Literal["tool_use"]
    id: str
    name: str
    input: dict[str, JsonValue]
    cache_control: JsonValue = None
    caller: JsonValue = None


class ToolResult(Body):
    type: Literal["tool_result"]
    tool_use_id: str
    content: str | list[TextBlock] | None = None
    is_error: bool | None = None
    cache_control: JsonValue = None


class Thinking(Body):
    """Of an earlier answer; models are not shown their earlier thoughts."""

    type: Literal["thinking", "redacted_thinking"]
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None


Block = Annotated[TextBlock | ToolUse | ToolResult | Thinking, Field(discriminator="type")]


class InputMessage(Body):
    role: Literal["user", "assistant", "system"]  # programs put system messages between the others
    content: str | list[Block]


class ToolBody(Body):
    name: str = Field(pattern=NAME)
    description: str | None = None
    input_schema: dict[str, JsonValue] | None = None
    type: str | None = None
    cache_control: JsonValue = None
    strict: bool | None = None  # arguments always fit
    eager_input_streaming: JsonValue = None
    input_examples: JsonValue = None
    defer_loading: bool | None = None
    allowed_callers: JsonValue = None


class ToolChoice(Body):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Format(Body):
    type: Literal["json_schema"]
    schema_: dict[str, JsonValue] = Field(alias="schema")


class OutputConfig(Body):
    format: Format | None = None
    effort: JsonValue = None  # how long to think, and thinking is off


class CountBody(Body):
    """What decides the prompt."""

    model: str
    messages: list[InputMessage] = Field(min_length=1)
    system: str | list[TextBlock] | None = None
    tools: list[ToolBody] | None = None
    tool_choice: ToolChoice | None = None
    output_config: OutputConfig | None = None
    output_format: Format | None = None  # its name in older SDKs
    thinking: dict[str, JsonValue] | None = None
    cache_control: JsonValue = None
    context_management: dict[str, JsonValue] | None = None
    mcp_servers: list[JsonValue] | None = None
    speed: str | None = None


class MessagesBody(CountBody):
    """What is declared below the line is accepted only where it changes nothing."""

    max_tokens: int = Field(ge=1)
    temperature: Number | None = Field(default=None, ge=0, le=1)
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    # - - -
    top_p: Number | None = None
    top_k: int | None = None
    metadata: JsonValue = None
    service_tier: str | None = None
    inference_geo: JsonValue = None  # it is answered here
    container: JsonValue = None


def read_count(body: dict[str, Any]) -> tuple[CountBody, Order]:
    """raises Unsupported, Invalid"""
    count = parse(CountBody, body)
    return count, _order(count)


def read_messages(body: dict[str, Any]) -> tuple[MessagesBody, Order]:
    """raises Unsupported, Invalid"""
    asked = parse(MessagesBody, body)
    only("top_p", asked.top_p, 1, hint="use temperature")
    only("top_k", asked.top_k, hint="use temperature")
    only("container", asked.container)
    only("service_tier", asked.service_tier, "auto", "standard_only")
    stops = tuple(asked.stop_sequences or ())
    if not all(stop.strip() for stop in stops):
        raise Invalid("stop_sequences", "stop_sequences: each stop sequence must contain non-whitespace")
    return asked, _order(asked, max_tokens=asked.max_tokens, temperature=asked.temperature or 0.0, stop=stops)


def _order(body: CountBody, **wishes: Any) -> Order:
    _refuse_what_would_be_ignored(body)
    functions, must_call = _functions(body)
    form = (body.output_config.format if body.output_config else None) or body.output_format
    choice = body.tool_choice
    return Order(
        turns=tuple(_turns(body)),
        functions=functions,
        must_call=must_call,
        parallel=not (choice and choice.disable_parallel_tool_use),
        schema=dict(form.schema_) if form else None,
        **wishes,
    )


def _refuse_what_would_be_ignored(body: CountBody) -> None:
    if body.thinking is not None:
        only("thinking.type", body.thinking.get("type"), "disabled", "adaptive", hint="thinking is off: disable it")
    only("mcp_servers", body.mcp_servers, [])
    only("speed", body.speed, "standard")
    edits = (body.context_management or {}).get("edits")
    for edit in edits if isinstance(edits, list) else []:
        kind = str(edit.get("type") if isinstance(edit, dict) else edit)
        if not kind.startswith("clear_thinking"):  # there are no thoughts to clear
            only("context_management.edits", kind)


def _turns(body: CountBody) -> Iterator[Turn]:
    system = _text(body.system)
    if system:
        yield Turn("system", system)
    for place, message in enumerate(body.messages):
        if isinstance(message.content, str):
            yield Turn(message.role, message.content)
        elif message.role == "assistant":
            blocks = message.content
            calls = [FunctionCall(block.name, block.input) for block in blocks if isinstance(block, ToolUse)]
            yield assistant_turn("".join(block.text for block in blocks if isinstance(block, TextBlock)), calls)
        else:
            yield from _user_turns(message, place)


def _user_turns(message: InputMessage, place: int) -> Iterator[Turn]:
    """Results of tools, and what the user says beside them, in the order in which they stand."""
    for block in message.content:
        if isinstance(block, ToolResult):
            yield tool_turn(("Error: " if block.is_error else "") + _text(block.content))
        elif isinstance(block, TextBlock):
            yield Turn(message.role, block.text)
        else:
            raise Invalid(f"messages.{place}.content", "only the assistant calls tools")


def _text(content: str | list[TextBlock] | None) -> str:
    return content if isinstance(content, str) else "\n\n".join(block.text for block in content or [])


def _functions(body: CountBody) -> tuple[tuple[Function, ...], bool]:
    """(what may be called, whether something must be)"""
    choice = body.tool_choice
    functions = []
    for place, tool in enumerate(body.tools or []):
        if tool.type not in (None, "custom") or tool.input_schema is None:
            raise Unsupported(
                f"tools.{place}.type", f"the tool {tool.name!r} runs on a server of Anthropic's", hint="leave it out"
            )
        functions.append(function_of(tool.name, tool.description, tool.input_schema))
    if len({function.name for function in functions}) < len(functions):
        raise Invalid("tools", "tools: Tool names must be unique.")
    if choice is None or choice.type == "auto":
        return tuple(functions), False
    if choice.type == "none":
        return (), False
    if choice.type == "any":
        return tuple(functions), True
    chosen = tuple(function for function in functions if function.name == choice.name)
    if not chosen:
        raise Invalid("tool_choice.name", f"no tool is named {choice.name!r}")
    return chosen, True
