"""Between DSPy's requests and our engine: messages, functions and schemas one way, answers and errors the other.

Knows lm15's types and the engine's; runs nothing. In: a Request of lm15.  Out: ours; of its answer a Response.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from dspy import lm15

from app.errors import (
    BadInput,
    Cancelled,
    DaybookError,
    GrammarGaveUp,
    NoRoom,
    OutOfMemory,
    PromptTooLong,
    Truncated,
)
from app.llm.functions import Function, FunctionCall, function_of
from app.llm.request import DEFAULT_MAX_TOKENS, Completion, Request, TokenLogprob, Turn
from app.llm.tool_calls import OPEN, ToolCalls, read_calls
from app.llm.turns import assistant_turn, fit, tool_turn

PROVIDER = "mlx"
ANY_OBJECT = {"type": "object"}
SUPPORTED = frozenset(
    {
        "temperature", "max_tokens", "seed", "stop", "logprobs", "response_format", "tools", "tool_choice",
        "parallel_tool_calls",
    }
)  # fmt: skip
_REFUSED = ("top_p", "top_k", "frequency_penalty", "presence_penalty", "probabilities")


def request_of(asked: lm15.Request, template: str, on_text: Callable[[str], None] | None = None) -> Request:
    """Translate a request for a model with this chat template; function calls are told whole: half a call is nobody's.

    raises  UnsupportedFeatureError for what the engine does not do: images, top_p, stop texts beside a grammar
    """
    config = asked.config
    for name in _REFUSED:
        if getattr(config, name) is not None:
            raise _unsupported(f"{name} is not supported", name)
    wanted = config.response_format
    schema = None if wanted is None else ANY_OBJECT if wanted["type"] == "json_object" else wanted["schema"]
    functions, must_call, parallel = _functions(asked)
    output_type = ToolCalls(functions, must_call, parallel, schema) if functions else schema
    if config.stop and output_type is not None:
        raise _unsupported("stop texts and a grammar exclude each other: leave one of them out", "stop")
    turns, tools = fit(list(_turns(asked)), functions, template)
    temperature = config.temperature or 0.0
    drawn_anew = config.seed is None and temperature > 0
    return Request(
        messages=turns,
        output_type=output_type,
        tools=tools,
        max_tokens=config.max_tokens or DEFAULT_MAX_TOKENS,
        temperature=temperature,
        seed=secrets.randbits(32) if drawn_anew else config.seed or 0,
        stop=config.stop,
        logprobs=config.logprobs,
        on_text=None if functions else on_text,
        is_template=True,  # a program's system message is the same in all its calls
    )


def completion_of(request: Request, error: Truncated) -> Completion:
    """What max_tokens cut short: words are an answer nevertheless, half a call or half an object is none.

    raises  `error`
    """
    so_far: Completion = error.partial
    if isinstance(request.output_type, ToolCalls) and request.output_type.content is None and OPEN not in so_far.text:
        return so_far
    raise error


def response_of(asked: lm15.Request, request: Request, completion: Completion, tokenizer: Any) -> lm15.Response:
    """Translate an answer back."""
    parts = parts_of(request, completion)
    return lm15.Response(
        id=None,
        model=asked.model,
        message=lm15.Message.assistant(parts),
        finish_reason=finish_of(parts, completion),
        usage=usage_of(completion),
        logprobs=logprobs_of(completion, tokenizer) or None,
    )


def parts_of(request: Request, completion: Completion) -> list[Any]:
    """Text, and the calls it makes."""
    said, calls = read_calls(completion.text) if isinstance(request.output_type, ToolCalls) else (completion.text, [])
    made = [lm15.ToolCallPart(f"call_{secrets.token_hex(8)}", call.name, call.arguments) for call in calls]
    return [*([lm15.TextPart(said)] if said or not made else []), *made]


def finish_of(parts: Sequence[Any], completion: Completion) -> str:
    """Why the answer ended, in lm15's words."""
    return "tool_call" if isinstance(parts[-1], lm15.ToolCallPart) else completion.finish


def usage_of(completion: Completion) -> lm15.Usage:
    """Tokens; those read from the cache are part of the input."""
    return lm15.Usage(
        input_tokens=completion.prompt_tokens,
        output_tokens=len(completion.token_ids),
        cache_read_tokens=completion.cached_tokens,
    )


def logprobs_of(completion: Completion, tokenizer: Any) -> tuple[lm15.TokenLogprob, ...]:
    """One a token where they were asked for: under the grammar, at temperature 1; a forced token has 0.

    tokenizer   mlx-lm's TokenizerWrapper (untyped)
    """

    def text(token: int) -> str:
        return str(tokenizer.decode([token], clean_up_tokenization_spaces=False))

    def told(said: TokenLogprob) -> lm15.TokenLogprob:
        top = tuple(lm15.TopLogprob(text(token), logprob, token_id=token) for token, logprob in said.top)
        return lm15.TokenLogprob(text(said.token), said.logprob, token_id=said.token, top=top)

    return tuple(map(told, completion.logprobs or ()))


@contextmanager
def errors_in_their_words() -> Iterator[None]:
    """Our errors as lm15's, whose kind decides whether DSPy tries again."""
    try:
        yield
    except PromptTooLong as error:
        raise lm15.ContextLengthError(str(error), provider=PROVIDER, status=error.status) from error
    except (NoRoom, OutOfMemory) as error:
        raise lm15.ServerError(str(error), provider=PROVIDER, status=503, retry_after=error.retry_seconds) from error
    except (BadInput, GrammarGaveUp, Truncated) as error:  # asked again, it would be answered the same
        raise lm15.InvalidRequestError(str(error), provider=PROVIDER, status=error.status) from error
    except Cancelled as error:
        raise lm15.ProviderError(str(error), provider=PROVIDER, status=error.status) from error
    except DaybookError as error:
        raise lm15.ServerError(str(error), provider=PROVIDER, status=error.status) from error


def _functions(asked: lm15.Request) -> tuple[tuple[Function, ...], bool, bool]:
    """(functions the answer may call, whether it must, whether several at once)."""
    choice = asked.config.tool_choice or lm15.ToolChoice()
    if choice.mode == "none":
        return (), False, False
    functions = []
    for tool in asked.tools:
        if not isinstance(tool, lm15.FunctionTool):
            raise _unsupported(f"the tool {tool.name} is no function", "tools")
        if not choice.allowed or tool.name in choice.allowed:
            functions.append(function_of(tool.name, tool.description, dict(tool.parameters)))
    return tuple(functions), choice.mode == "required", choice.parallel is not False


def _turns(asked: lm15.Request) -> Iterator[Turn]:
    """The conversation: calls as the model made them, each result a turn of its own."""
    if system := _text(asked.system):
        yield Turn("system", system)
    for message in asked.messages:
        if message.role == "tool":
            yield from (tool_turn(_text(part.content)) for part in message.parts)
        elif message.role == "assistant":
            made = [FunctionCall(p.name, dict(p.input)) for p in message.parts if isinstance(p, lm15.ToolCallPart)]
            yield assistant_turn(_text([p for p in message.parts if not isinstance(p, lm15.ToolCallPart)]), made)
        else:
            yield Turn("user", _text(message.parts))


def _text(parts: Any) -> str:
    if parts is None or isinstance(parts, str):
        return parts or ""
    texts = []
    for part in parts:
        if isinstance(part, lm15.TextPart):
            texts.append(part.text)
        elif not isinstance(part, lm15.ThinkingPart):
            raise _unsupported(f"a message holds {part.type}", part.type)
    return "\n".join(texts)


def _unsupported(message: str, feature: str) -> lm15.UnsupportedFeatureError:
    return lm15.UnsupportedFeatureError(message, feature=feature, provider=PROVIDER)
