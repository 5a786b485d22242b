"""One loaded model that answers: messages and an output type in, a completion out, from any thread or event loop.

Knows prompts, grammars and the MLX thread; knows nothing of graphs, DSPy or HTTP.
In: messages with roles.  Out: a Completion, or an error of ours before or instead of it.
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mlx_lm.models.cache import make_prompt_cache

from app.budget.limit import Budget, Limit
from app.errors import NoRoom
from app.llm import decode
from app.llm.blas import mx
from app.llm.bounds import Bounds
from app.llm.decode import Completion
from app.llm.grammar import Constraint, Grammar, Grammars, OutputType, grammar_of
from app.llm.loader import LoadedModel
from app.llm.mlx_thread import INTERACTIVE, MLX_THREAD, CancelToken, Job, arun_mlx, run_mlx
from app.llm.prefix_cache import DEFAULT_BYTES, Prefix, PrefixCache
from app.llm.room import budget_for
from app.llm.tokens import Message, Prompt, PromptEncoder

DEFAULT_MAX_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Question:
    """A call made ready off the device.

    key   sha256 over the model, the grammar and the prompt ids: equal questions have equal greedy answers
    """

    prompt: Prompt
    grammar: Grammar | None
    key: str


class Engine:
    """Answers with one model; safe to share between threads and event loops.

    bounds               how long strings and lists may get where a schema does not say
    budget               how long prompts may be, asked before any device work; the device's own if None
    on_read              called on the MLX thread after each pass of a prompt: tokens read, and all of them
    prefix_bytes         memory for the KV of the rules that many prompts begin with; 0 turns reuse off
    fast_forward         take what the grammar forces in one pass
    """

    def __init__(
        self,
        loaded: LoadedModel,
        *,
        bounds: Bounds | None = None,
        budget: Budget | None = None,
        on_read: Callable[[int, int], None] | None = None,
        prefix_bytes: int = DEFAULT_BYTES,
        fast_forward: bool = True,
    ) -> None:
        self.loaded = loaded
        self.bounds = bounds or Bounds()
        self.budget = budget or budget_for(loaded)
        self._on_read = on_read
        self._encoder = PromptEncoder(loaded.tokenizer)
        self._grammars = Grammars(loaded)
        self._prefixes = PrefixCache(prefix_bytes)
        self._fast_forward = fast_forward

    def __deepcopy__(self, memo: dict[int, object]) -> "Engine":
        """The same engine: DSPy copies what its modules hold, and nobody wants the weights twice."""
        return self

    def prepare(self, messages: Sequence[Message], output_type: OutputType = None) -> Question:
        """Encode and compile, on the caller's thread.

        output_type   a pydantic class, JSON schema, regex, grammar or Python type; None for free text
        raises        BadInput for a type without a grammar or messages the template refuses
        """
        prompt, grammar = self._encoder.encode(messages), grammar_of(output_type, self.bounds)
        parts = [self.loaded.fingerprint, grammar.identity if grammar else "", *map(str, prompt.ids)]
        return Question(prompt, grammar, hashlib.sha256(json.dumps(parts).encode()).hexdigest())

    def complete(
        self,
        messages: Sequence[Message],
        output_type: OutputType = None,
        *,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        cancel: CancelToken | None = None,
        priority: int = INTERACTIVE,
        temperature: float = 0.0,
        seed: int = 0,
        on_text: Callable[[str], None] | None = None,
    ) -> Completion:
        """Answer and wait.

        on_text   called on the MLX thread with each new stretch of the answer
        raises    as `prepare`; PromptTooLong or NoRoom before any device work; Truncated; Cancelled
        """
        call = self._call(self.prepare(messages, output_type), max_tokens, cancel, temperature, seed, on_text)
        return run_mlx(call, priority=priority, cancel=call.cancel)

    async def acomplete(
        self,
        messages: Sequence[Message],
        output_type: OutputType = None,
        *,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        cancel: CancelToken | None = None,
        priority: int = INTERACTIVE,
        temperature: float = 0.0,
        seed: int = 0,
        on_text: Callable[[str], None] | None = None,
    ) -> Completion:
        """`complete` for an event loop; cancelling the task stops the device within one chunk or token."""
        call = self._call(self.prepare(messages, output_type), max_tokens, cancel, temperature, seed, on_text)
        return await arun_mlx(call, priority=priority, cancel=call.cancel)

    async def aanswer(
        self, question: Question, *, max_tokens: int = DEFAULT_MAX_TOKENS, priority: int = INTERACTIVE
    ) -> Completion:
        """Answer a prepared question greedily."""
        call = self._call(question, max_tokens, None, 0.0, 0, None)
        return await arun_mlx(call, priority=priority, cancel=call.cancel)

    def start(
        self,
        question: Question,
        *,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        priority: int = INTERACTIVE,
        temperature: float = 0.0,
        seed: int = 0,
        on_text: Callable[[str], None] | None = None,
    ) -> Job:
        """Queue a prepared question and return at once; the Job's future has the Completion, or its error."""
        call = self._call(question, max_tokens, None, temperature, seed, on_text)
        return MLX_THREAD.submit(call, priority=priority, token=call.cancel)

    def forget_prefixes(self) -> None:
        """Free the kept KV; the next call of each template computes it again."""
        run_mlx(self._prefixes.clear)

    def _make_room(self, tokens: int) -> Limit:
        """On the MLX thread, when nothing else runs: pass, give up the kept prefixes, or refuse."""
        try:
            return self.budget.refuse_for_now(tokens)
        except NoRoom:
            self._prefixes.clear()
            mx.clear_cache()
            return self.budget.refuse_for_now(tokens)

    def _call(
        self,
        question: Question,
        max_tokens: int,
        cancel: CancelToken | None,
        temperature: float,
        seed: int,
        on_text: Callable[[str], None] | None,
    ) -> "_Call":
        self.budget.refuse_too_long(len(question.prompt.ids))
        # Built here, not on the MLX thread: the first grammar of a model takes a second.
        constraint = self._grammars.constraint(question.grammar)
        return _Call(
            self,
            question.prompt,
            constraint,
            max_tokens,
            cancel or CancelToken(),
            temperature,
            seed,
            on_text,
        )


@dataclass(frozen=True, slots=True)
class _Call:
    """The device's part of one answer."""

    engine: Engine
    prompt: Prompt
    constraint: Constraint
    max_tokens: int
    cancel: CancelToken
    temperature: float
    seed: int
    on_text: Callable[[str], None] | None

    def __call__(self) -> Completion:
        limit = self.engine._make_room(len(self.prompt.ids))
        loaded, fixed = self.engine.loaded, self.prompt.ids[: self.prompt.fixed_length]

        def read_fixed() -> Prefix:
            fresh = Prefix(make_prompt_cache(loaded.model), 0)
            decode.read(loaded, fresh, fixed, self.cancel)
            return fresh

        started = time.perf_counter()
        prefix, cached_tokens = self.engine._prefixes.start(fixed, read_fixed) if fixed else (None, 0)
        seconds_fixed = time.perf_counter() - started
        completion = decode.generate(
            loaded,
            self.prompt.ids,
            self.constraint,
            max_tokens=min(self.max_tokens, limit.context - len(self.prompt.ids)),
            cache=prefix,
            cancel=self.cancel,
            temperature=self.temperature,
            seed=self.seed,
            fast_forward=self.engine._fast_forward,
            on_read=self.engine._on_read,
            on_tokens=_as_text(loaded, self.on_text) if self.on_text else None,
        )
        seconds_prefill = seconds_fixed + completion.seconds_prefill
        self.engine.budget.clock.record(cached_tokens, len(self.prompt.ids), seconds_prefill)
        return replace(completion, cached_tokens=cached_tokens, seconds_prefill=seconds_prefill)


def _as_text(loaded: LoadedModel, on_text: Callable[[str], None]) -> Callable[[list[int]], None]:
    """Turn tokens into text as it becomes certain: half a character waits for its other half."""
    detokenizer = loaded.tokenizer.detokenizer

    def on_tokens(tokens: list[int]) -> None:
        for token in tokens:
            detokenizer.add_token(token)
        if segment := detokenizer.last_segment:
            on_text(segment)

    return on_tokens
