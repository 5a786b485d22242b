"""The desk before the engine: a bounded queue, limits told before any device work, and answers that can be given up.

Knows the engine; knows no dialect and no socket. In: an Order.  Out: an Answer, piece by piece; or a refusal.
"""

import asyncio
import secrets
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

from app.budget.limit import Limit
from app.errors import Cancelled, TimedOut, Truncated
from app.llm.engine import Engine, Question
from app.llm.mlx_thread import BACKGROUND, CancelToken, Job
from app.llm.request import Completion, Request
from app.llm.tool_calls import CallReader, Part, Said
from app.llm.turns import fit
from app.server.metrics import Metrics
from app.server.order import Order
from app.server.refusals import QueueFull, TooLong

PLACES = 64  # waiting and running; who would wait behind more than these is better told at once
BATCH_SHARE = 0.5  # of the places that batch work may take
FIRST_GUESS_SECONDS = 2.0  # of one answer, before the first one was measured
KEPT = 0.9  # of that average, at each answer


class Answer:
    """One answer on its way; `give_up` frees the device within one chunk or token."""

    def __init__(self, order: Order, job: Job, prompt_tokens: int, pieces: "Pieces", metrics: Metrics) -> None:
        self.prompt_tokens = prompt_tokens
        self.asked = time.monotonic()
        self._order = order
        self._job = job
        self._pieces = pieces
        self._metrics = metrics
        self._late: TimedOut | None = None

    async def begun(self, seconds: float) -> None:
        """Until there is something to tell, or `seconds` have passed.  raises what the device's part raised"""
        await self._pieces.wait(seconds)
        if self._job.future.done():
            self.completion()

    async def parts(self, keep_alive: float) -> AsyncIterator[Part | None]:
        """Text and calls of a streamed order as they are certain; None when `keep_alive` seconds brought nothing.

        raises   what the device's part raised
        """
        reader = self._reader() if self._order.functions else None
        is_first = True
        while (piece := await self._pieces.next(keep_alive)) is not Pieces.END:
            if piece is None:
                yield None
                continue
            if is_first:
                self._metrics.first_token.observe(time.monotonic() - self.asked)
                is_first = False
            for part in reader.add(piece) if reader else [Said(piece)]:
                yield part
        self.completion()
        for part in reader.close() if reader else []:
            yield part

    async def whole(self) -> list[Part]:
        """All parts of an order that was not streamed.  raises what the device's part raised"""
        while await self._pieces.next(None) is not Pieces.END:
            pass
        text = self.completion().text
        if not self._order.functions:
            return [Said(text)]
        reader = self._reader()
        return [*reader.add(text), *reader.close()]

    def _reader(self) -> CallReader:
        return CallReader(or_json=self._order.schema is not None)

    def completion(self) -> Completion:
        """What was said and what it cost; in a grammar, an answer that max_tokens ended is not whole."""
        if self._late is not None:
            raise self._late
        if self._job.future.cancelled():
            raise Cancelled("the caller gave up")
        try:
            done: Completion = self._job.future.result()
        except Truncated as error:
            done = error.partial
        return done

    def give_up(self) -> None:
        """Harmless at the end."""
        self._job.cancel()

    def expire(self, seconds: float) -> None:
        """Its time is over, also where it still waits for the device."""
        self._late = TimedOut(f"not answered within {seconds:g} seconds", hint="allow more time")
        self.give_up()


class Pieces:
    """Texts from the MLX thread to an event loop, in order; the last of them is END."""

    END = "\0end"  # told by identity

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._texts: deque[str] = deque()
        self._news = asyncio.Event()
        self.timer: asyncio.TimerHandle | None = None  # stopped by the end

    def tell(self, text: str) -> None:
        """From any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hear, text)

    async def wait(self, seconds: float | None) -> bool:
        """True as soon as there is something; False after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def next(self, seconds: float | None) -> str | None:
        """The next text, or END; None after `seconds` without one."""
        if not await self.wait(seconds):
            return None
        text = self._texts.popleft()
        if not self._texts:
            self._news.clear()
        return text

    def _hear(self, text: str) -> None:
        self._texts.append(text)
        self._news.set()
        if text is Pieces.END and self.timer is not None:
            self.timer.cancel()


class Desk:
    """Takes orders for one engine.

    places    orders that may wait or run at once
    seconds   after which an order is given up, waiting included
    """

    def __init__(self, engine: Engine, metrics: Metrics, *, places: int = PLACES, seconds: float = 1800.0) -> None:
        self.engine = engine
        self.metrics = metrics
        self.places = places
        self.seconds = seconds
        self._template = str(engine.loaded.tokenizer.chat_template or "")
        self._guard = threading.Lock()  # places are given back on the MLX thread
        self._taken = 0
        self._mean_seconds = FIRST_GUESS_SECONDS

    @property
    def taken(self) -> int:
        """Orders that wait or run."""
        return self._taken

    def limit(self) -> Limit:
        """What is allowed at this moment; no device work."""
        return self.engine.budget.limit()

    async def count(self, order: Order) -> int:
        """Tokens of the prompt, exactly as the model would read it."""
        question = await asyncio.to_thread(self._prepare, order, "", None, self.limit())
        return len(question.prompt.ids)

    async def take(self, order: Order, key: str = "", *, is_streamed: bool = False) -> Answer:
        """Queue an order.

        key      its KV is reused for this key's orders alone
        raises   QueueFull; TooLong; BadInput for messages or a schema that cannot be used
        """
        asked = time.monotonic()
        self._take_place(order.priority)
        pieces = Pieces()
        # On a thread of its own: tokenising a long prompt or compiling a grammar would hold up everybody.
        starting = asyncio.ensure_future(
            asyncio.to_thread(self._start, order, key, pieces.tell if is_streamed else None)
        )
        try:
            question, job = await asyncio.shield(starting)
        except asyncio.CancelledError:  # the caller left while the order was on its way to the queue
            starting.add_done_callback(self._dismiss)
            raise
        except BaseException:  # whatever ends the order, its place is free again; it goes on
            self._give_place()
            raise
        answer = Answer(order, job, len(question.prompt.ids), pieces, self.metrics)
        pieces.timer = asyncio.get_running_loop().call_later(self.seconds, answer.expire, self.seconds)
        job.future.add_done_callback(lambda _: self._landed(asked))
        job.future.add_done_callback(lambda _: pieces.tell(Pieces.END))
        return answer

    @contextmanager
    def place(self, priority: int) -> Iterator[None]:
        """A place for work that is no order.  raises QueueFull"""
        self._take_place(priority)
        try:
            yield
        finally:
            self._give_place()

    def _start(self, order: Order, key: str, tell: Callable[[str], None] | None) -> tuple[Question, Job]:
        limit = self.limit()
        question = self._prepare(order, key, tell, limit)
        _check_length(len(question.prompt.ids), order, limit)
        return question, self.engine.start(question)

    def _prepare(self, order: Order, key: str, tell: Callable[[str], None] | None, limit: Limit) -> Question:
        turns, tools = fit(order.turns, order.functions, self._template)
        request = Request(
            messages=turns,
            output_type=order.output_type,
            tools=tools,
            max_tokens=order.max_tokens or max(limit.output, 1),
            temperature=order.temperature,
            seed=secrets.randbits(32) if order.seed is None else order.seed,
            stop=order.stop,
            logprobs=order.logprobs,
            salt=key,
            priority=order.priority,
            cancel=CancelToken(self.seconds),
            on_text=tell,
        )
        return self.engine.prepare(request)

    def _take_place(self, priority: int) -> None:
        with self._guard:
            most = int(self.places * BATCH_SHARE) if priority == BACKGROUND else self.places
            if self._taken >= most:  # batch work leaves places for people
                raise QueueFull(f"{self._taken} requests wait already", retry_seconds=self._mean_seconds * most)
            self._taken += 1

    def _give_place(self) -> None:
        with self._guard:
            self._taken -= 1

    def _landed(self, asked: float) -> None:
        with self._guard:
            self._taken -= 1
            self._mean_seconds += (1 - KEPT) * (time.monotonic() - asked - self._mean_seconds)

    def _dismiss(self, starting: "asyncio.Future[tuple[Question, Job]]") -> None:
        self._give_place()
        if not starting.cancelled() and starting.exception() is None:
            starting.result()[1].cancel()


def _check_length(tokens: int, order: Order, limit: Limit) -> None:
    if tokens > limit.idle_input:
        raise TooLong(tokens, limit.idle_input)
    allowed = max(limit.context, limit.idle_input)
    if order.max_tokens is not None and tokens + order.max_tokens > allowed:
        raise TooLong(tokens, allowed, order.max_tokens)
