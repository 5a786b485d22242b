"""Between DSPy's requests and our engine: messages, functions and schemas one way, answers and errors the other.

Knows lm15's types and the engine's; runs nothing. In: a Request.  Out: an Order; and of a Completion a Response.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dspy import lm15

from app.errors import BadInput, Cancelled, DaybookError, NoRoom, PromptTooLong, Truncated
from app.llm.functions import Function, FunctionCall, function_rules, function_schema, read_calls, write_calls
from app.llm.request import Completion, Turn

PROVIDER = "mlx"
ANY_OBJECT = {"type": "object"}
SUPPORTED = frozenset(
    {"temperature", "max_tokens", "seed", "response_format", "tools", "tool_choice", "parallel_tool_calls"}
)
_REFUSED = ("top_p", "top_k", "stop", "frequency_penalty", "presence_penalty", "logprobs", "probabilities")


@dataclass(frozen=True, slots=True)
class Order:
    """A request as the engine takes it; `calls` says whether the answer may be function calls.

    seed   None where every answer should be drawn anew
    """

    turns: tuple[Turn, ...]
    output_type: dict[str, Any] | None
    calls: bool
    max_tokens: int | None
    temperature: float
    seed: int | None


def order_of(request: lm15.Request) -> Order:
    """Translate a request.

    raises  UnsupportedFeatureError for what a small model in this process does not do: images, top_p, stop
    """
    config = request.config
    for name in _REFUSED:
        if getattr(config, name) not in (None, ()):
            raise lm15.UnsupportedFeatureError(f"{name} is not supported", feature=name, provider=PROVIDER)
    wanted = config.response_format
    schema = None if wanted is None else ANY_OBJECT if wanted["type"] == "json_object" else wanted["schema"]
    functions, must_call, parallel = _functions(request)
    system = _text(request.system)
    if functions:
        system = "\n\n".join(filter(None, [system, function_rules(functions, must_call=must_call)]))
        schema = function_schema(functions, must_call=must_call, parallel=parallel, content=schema)
    turns = [Turn("system", system)] if system else []
    for message in request.messages:
        role, text = ("assistant" if message.role == "assistant" else "user"), _content(message.parts)
        if turns and turns[-1].role == role:  # templates want turns that alternate
            turns[-1] = Turn(role, f"{turns[-1].content}\n\n{text}")
        else:
            turns.append(Turn(role, text))
    temperature = config.temperature or 0.0
    seed = config.seed if config.seed is not None or temperature else 0
    return Order(tuple(turns), schema, bool(functions), config.max_tokens, temperature, seed)


def response_of(request: lm15.Request, order: Order, completion: Completion) -> lm15.Response:
    """Translate an answer back."""
    parts = parts_of(order, completion.text)
    return lm15.Response(
        id=None,
        model=request.model,
        message=lm15.Message.assistant(parts),
        finish_reason=finish_of(parts, completion),
        usage=usage_of(completion),
    )


def parts_of(order: Order, text: str) -> list[Any]:
    """Text, or the calls it makes."""
    if not order.calls:
        return [lm15.TextPart(text)]
    calls, content = read_calls(text)
    made = [lm15.ToolCallPart(f"call_{secrets.token_hex(8)}", call.name, call.arguments) for call in calls]
    return made or [lm15.TextPart(content or "")]


def finish_of(parts: Sequence[Any], completion: Completion) -> str:
    """Why the answer ended, in lm15's words."""
    return "tool_call" if isinstance(parts[0], lm15.ToolCallPart) else completion.finish


def usage_of(completion: Completion) -> lm15.Usage:
    """Tokens; those read from the cache are part of the input."""
    return lm15.Usage(
        input_tokens=completion.prompt_tokens,
        output_tokens=len(completion.token_ids),
        cache_read_tokens=completion.cached_tokens,
    )


@contextmanager
def errors_in_their_words() -> Iterator[None]:
    """Our errors as lm15's, whose kind decides whether DSPy tries again."""
    try:
        yield
    except PromptTooLong as error:
        raise lm15.ContextLengthError(str(error), provider=PROVIDER, status=error.status) from error
    except NoRoom as error:
        raise lm15.ServerError(str(error), provider=PROVIDER, status=503, retry_after=error.retry_seconds) from error
    except (BadInput, Truncated) as error:  # asked again, it would be answered the same
        raise lm15.InvalidRequestError(str(error), provider=PROVIDER, status=error.status) from error
    except Cancelled as error:
        raise lm15.ProviderError(str(error), provider=PROVIDER, status=error.status) from error
    except DaybookError as error:
        raise lm15.ServerError(str(error), provider=PROVIDER, status=error.status) from error


def _functions(request: lm15.Request) -> tuple[list[Function], bool, bool]:
    """(functions the answer may call, whether it must, whether several at once)."""
    choice = request.config.tool_choice or lm15.ToolChoice()
    if choice.mode == "none":
        return [], False, False
    functions = []
    for tool in request.tools:
        if not isinstance(tool, lm15.FunctionTool):
            raise lm15.UnsupportedFeatureError(
                f"the tool {tool.name} is no function", feature="tools", provider=PROVIDER
            )
        if not choice.allowed or tool.name in choice.allowed:
            functions.append(Function(tool.name, tool.description or "", dict(tool.parameters)))
    return functions, choice.mode == "required", choice.parallel is not False


def _content(parts: Sequence[Any]) -> str:
    """A message as text; calls as the model made them, results under the name of what gave them."""
    calls = [FunctionCall(part.name, dict(part.input)) for part in parts if isinstance(part, lm15.ToolCallPart)]
    texts = [_text((part,)) for part in parts if not isinstance(part, lm15.ToolCallPart)]
    return "\n".join(filter(None, [*texts, write_calls(calls) if calls else ""]))


def _text(parts: Any) -> str:
    if parts is None or isinstance(parts, str):
        return parts or ""
    texts = []
    for part in parts:
        if isinstance(part, lm15.ToolResultPart):
            texts.append(f"Result of {part.name or 'the call'}:\n{_text(part.content)}")
        elif isinstance(part, lm15.TextPart):
            texts.append(part.text)
        elif not isinstance(part, lm15.ThinkingPart):
            raise lm15.UnsupportedFeatureError(f"a message holds {part.type}", feature=part.type, provider=PROVIDER)
    return "\n".join(texts)
