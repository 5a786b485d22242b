"""One loaded model that answers: a request in, a completion out, from any thread or event loop.

Knows prompts, grammars and the MLX thread; knows nothing of graphs, DSPy or HTTP.
In: a Request.  Out: a Completion, or an error of ours before or instead of it.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mlx_lm.models.cache import make_prompt_cache

from app.budget.limit import Budget, Limit
from app.errors import NoRoom
from app.llm import decode
from app.llm.blas import mx
from app.llm.bounds import Bounds
from app.llm.grammar import Constraint, Grammar, Grammars, grammar_of
from app.llm.loader import LoadedModel
from app.llm.mlx_thread import MLX_THREAD, CancelToken, Job, arun_mlx, run_mlx
from app.llm.prefix_cache import DEFAULT_BYTES, DEFAULT_DISK_BYTES, Prefix, PrefixCache
from app.llm.request import Completion, Request
from app.llm.room import budget_for
from app.llm.tokens import Prompt, PromptEncoder
from app.llm.widths import Widths, pass_costs


@dataclass(frozen=True, slots=True)
class Question:
    """A request made ready off the device.

    key   sha256 over the model, the grammar, the prompt ids and the manner: equal questions have equal answers
    """

    request: Request
    prompt: Prompt
    grammar: Grammar | None
    key: str


class Engine:
    """Answers with one model; safe to share between threads and event loops.

    bounds               how long strings and lists may get where a schema does not say
    budget               how long prompts may be, asked before any device work; the device's own if None
    on_read              called on the MLX thread after each pass of a prompt: tokens read, and all of them
    prefix_bytes         memory for the KV of what many prompts begin with; 0 turns reuse off
    kv_folder            where the KV of templates outlives the process; None: nowhere
    disk_bytes           of each kind of KV there
    blocks_on_disk       let the KV of other prompts outlive the process too, which is KV of what people wrote
    fast_forward         take what the grammar forces in one pass
    guesses              tokens guessed in a pass; None: as many as pay on this device; 0: none
    """

    def __init__(
        self,
        loaded: LoadedModel,
        *,
        bounds: Bounds | None = None,
        budget: Budget | None = None,
        on_read: Callable[[int, int], None] | None = None,
        prefix_bytes: int = DEFAULT_BYTES,
        kv_folder: Path | None = None,
        disk_bytes: int = DEFAULT_DISK_BYTES,
        blocks_on_disk: bool = False,
        fast_forward: bool = True,
        guesses: int | None = None,
    ) -> None:
        self.loaded = loaded
        self.bounds = bounds or Bounds()
        self.budget = budget or budget_for(loaded)
        self._on_read = on_read
        self._encoder = PromptEncoder(loaded.tokenizer)
        self._grammars = Grammars(loaded)
        self._prefixes = PrefixCache(
            loaded, prefix_bytes, folder=kv_folder, disk_bytes=disk_bytes, blocks_on_disk=blocks_on_disk
        )
        self._fast_forward = fast_forward
        self._guesses = guesses
        self._widths: Widths | None = None

    def __deepcopy__(self, memo: dict[int, object]) -> "Engine":
        """The same engine: DSPy copies what its modules hold, and nobody wants the weights twice."""
        return self

    def prepare(self, request: Request) -> Question:
        """Encode and compile, on the caller's thread; no device work.

        raises   BadInput for a type without a grammar or messages the template refuses
        """
        prompt = self._encoder.encode(request.messages, request.tools)
        grammar = grammar_of(request.output_type, self.bounds, self._encoder.visible)
        parts = [self.loaded.fingerprint, grammar.identity if grammar else "", request.manner, *map(str, prompt.ids)]
        return Question(request, prompt, grammar, hashlib.sha256(json.dumps(parts).encode()).hexdigest())

    def complete(self, request: Request) -> Completion:
        """Answer and wait.

        raises    as `prepare`; PromptTooLong or NoRoom before any device work; Truncated; Cancelled, TimedOut
        """
        return self.answer(self.prepare(request))

    async def acomplete(self, request: Request) -> Completion:
        """`complete` for an event loop; cancelling the task stops the device within one chunk or token."""
        return await self.aanswer(self.prepare(request))

    async def astream(self, request: Request) -> AsyncIterator[str | Completion]:
        """The pieces of the text as they become certain, and last the Completion whose text is their join.

        Closing the iterator stops the device within one chunk or token.  raises as `complete`
        """
        loop, pieces = asyncio.get_running_loop(), asyncio.Queue[str | None]()

        def hear(piece: str) -> None:
            if request.on_text is not None:
                request.on_text(piece)
            loop.call_soon_threadsafe(pieces.put_nowait, piece)

        answer = asyncio.create_task(self.acomplete(replace(request, on_text=hear)))
        answer.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            yield await answer
        finally:
            answer.cancel()

    def answer(self, question: Question) -> Completion:
        """`complete` for a question made ready before."""
        request = question.request
        return run_mlx(self._job(question), priority=request.priority, cancel=request.cancel)

    async def aanswer(self, question: Question) -> Completion:
        """`acomplete` for a question made ready before."""
        request = question.request
        return await arun_mlx(self._job(question), priority=request.priority, cancel=request.cancel)

    def start(self, question: Question) -> Job:
        """Queue a prepared question and return at once; the Job's future has the Completion, or its error."""
        request = question.request
        return MLX_THREAD.submit(
            self._job(question), priority=request.priority, token=request.cancel, caller=request.salt
        )

    def forget_prefixes(self) -> None:
        """Free the KV kept in memory; files stay (`app.llm.kv_files.forget_kept`)."""
        run_mlx(self._prefixes.clear)

    def _job(self, question: Question) -> Callable[[], Completion]:
        """The device's part of one answer. raises PromptTooLong"""
        self.budget.refuse_too_long(len(question.prompt.ids))
        # Built here, not on the MLX thread: the first grammar of a model takes a second.
        return partial(self._answer, question, self._grammars.constraint(question.grammar))

    def _answer(self, question: Question, constraint: Constraint) -> Completion:
        """On the MLX thread: the answer, the reading of the rules counted in."""
        request, ids = question.request, question.prompt.ids
        limit = self._make_room(len(ids))
        started = time.perf_counter()
        fixed = question.prompt.fixed_length if request.is_template else 0
        template, prefix = self._template(ids[:fixed], request.cancel)
        prefix = self._prefixes.continued(prefix, ids, request.salt)
        cached_tokens = prefix.length - (0 if template else fixed)
        seconds_fixed = time.perf_counter() - started
        completion = decode.generate(
            self.loaded,
            ids,
            constraint,
            replace(request, max_tokens=min(request.max_tokens, limit.context - len(ids))),
            prefix=prefix,
            fast_forward=self._fast_forward,
            widths=self._known_widths(),
            on_read=self._on_read,
        )
        self._prefixes.keep_blocks(prefix, ids, request.salt, fixed)
        seconds_prefill = seconds_fixed + completion.seconds_prefill
        self.budget.clock.record(cached_tokens, len(ids), seconds_prefill)
        return replace(completion, cached_tokens=cached_tokens, seconds_prefill=seconds_prefill)

    def _template(self, ids: tuple[int, ...], cancel: CancelToken) -> tuple[bool, Prefix]:
        """A Prefix that has read a template's rules, and whether they were kept."""
        prefix = Prefix(make_prompt_cache(self.loaded.model), 0)
        if not ids:
            return False, prefix
        kept = self._prefixes.template(ids)
        if kept is not None:
            return True, kept
        decode.read(self.loaded, prefix, ids, cancel)
        self._prefixes.keep_template(ids, prefix)
        return False, prefix

    def _known_widths(self) -> Widths | None:
        """Measured at the first answer, on the MLX thread."""
        if self._widths is None and (self._fast_forward or self._guesses != 0):
            self._widths = Widths(pass_costs(self.loaded), self._guesses)
        return self._widths

    def _make_room(self, tokens: int) -> Limit:
        """On the MLX thread, when nothing else runs: pass, give up the kept prefixes, or refuse."""
        try:
            return self.budget.refuse_for_now(tokens)
        except NoRoom:
            self._prefixes.clear()
            mx.clear_cache()
            return self.budget.refuse_for_now(tokens)
