"""What is asked of the engine and what it answers, said once for every room.

Knows no mlx, so whoever only asks imports nothing heavy.
In: the caller's wishes.  Out: Request and Completion.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from app.errors import BadInput
from app.llm.mlx_thread import INTERACTIVE, CancelToken

DEFAULT_MAX_TOKENS = 4096
MOST_ALTERNATIVES = 20  # what OpenAI's API allows, so what anyone asks for

OutputType = Any  # whatever Outlines accepts, a JSON schema as a dict, or None for free text


class Message(Protocol):
    """What Graphiti, DSPy and the server send: a role ("system", "user", "assistant", "tool") and a text."""

    @property
    def role(self) -> str: ...

    @property
    def content(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Turn:
    """A message of our own.

    extra   more that the chat template reads of a message, such as tool_calls or tool_call_id
    """

    role: str
    content: str
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One question to a model, and how it is to be answered; for one answer only, since it carries its own stop.

    output_type   a pydantic class, JSON schema, regex, grammar or Python type; None for free text
    tools         JSON descriptions of functions, for the chat template
    max_tokens    of the answer; free text ends there, an answer in a grammar that is not complete is Truncated
    temperature   0: the most probable token; otherwise tokens are drawn, the same ones for the same `seed`
    stop          free text ends before the first of these that is complete; an answer in a grammar is always whole
    logprobs      None: not computed; n: of each token said, and of the n most probable in its place
    is_template   the system message is a template's rules and holds nobody's text: its KV is pinned and may lie on disk
    salt          KV is reused only between requests of one salt; one for each API key keeps strangers apart
    priority      INTERACTIVE or BACKGROUND
    cancel        stops the job within one chunk or token when cancelled, or when its time is over
    on_text       called on the MLX thread with each new piece of the answer: whole characters, joined they are the text
    raises        BadInput for a value out of bounds
    """

    messages: Sequence[Message]
    output_type: OutputType = None
    tools: Sequence[Mapping[str, Any]] = ()
    max_tokens: int = DEFAULT_MAX_TOKENS
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    is_template: bool = False
    salt: str = ""
    priority: int = INTERACTIVE
    cancel: CancelToken = field(default_factory=CancelToken)
    on_text: Callable[[str], None] | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise BadInput(f"temperature is {self.temperature}", hint="give 0 or more")
        if self.max_tokens < 1:
            raise BadInput(f"max_tokens is {self.max_tokens}", hint="give 1 or more")
        if not all(self.stop):
            raise BadInput("a stop text is empty", hint="leave it out")
        if self.logprobs is not None and not 0 <= self.logprobs <= MOST_ALTERNATIVES:
            raise BadInput(f"logprobs is {self.logprobs}", hint=f"give 0 to {MOST_ALTERNATIVES}")

    @property
    def manner(self) -> str:
        """Everything beside model, grammar and prompt that decides the answer; "" for a greedy one in a grammar."""
        if self.temperature == 0 and self.output_type is not None:
            return ""
        return f"{self.temperature!r} {self.seed} {self.max_tokens} {self.stop!r}"


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """How probable a token was among those that the grammar allowed in its place, at temperature 1.

    logprob   natural logarithm; 0 for a forced token
    cut       the share of the model's own probability that the grammar took away here, 0 to 1; None for a forced
              token, about which the model was not asked
    top       the most probable (token, logprob) in this place
    """

    token: int
    logprob: float
    cut: float | None
    top: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer and what it cost.

    token_ids        of the answer, without an end token
    cached_tokens    of prompt_tokens, those whose KV was already there
    forward_passes   passes of the model after the prompt was read
    finish           "stop": the grammar, the model or a stop text ended it; "length": max_tokens did
    stopped_by       the stop text that ended it
    logprobs         one a token, where the request asked for them
    """

    token_ids: tuple[int, ...]
    text: str
    prompt_tokens: int
    cached_tokens: int
    forward_passes: int
    seconds_prefill: float
    seconds_decode: float
    finish: Literal["stop", "length"]
    stopped_by: str | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None
