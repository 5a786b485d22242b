"""DSPy on the model in this process: `dspy.configure(lm=mlx_lm(), adapter=JSONAdapter())`.

Knows DSPy's engine contract and our Engine; knows no journal. In: a model's name, or an Engine.  Out: a dspy.LM.

Answers keep to their schema always; calls may come from any thread and any event loop; the device runs one at a time,
and a caller that gives up stops its own. Equal requests in flight are answered once. Neither prompts nor answers are
kept on disk unless `cache=True` asks for it. DSPy keeps a history in memory: `dspy.configure(disable_history=True)`.
"""

import asyncio
import json
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import dspy
from dspy import lm15

from app.dspy_wire import (
    SUPPORTED,
    completion_of,
    errors_in_their_words,
    finish_of,
    logprobs_of,
    parts_of,
    request_of,
    response_of,
    usage_of,
)
from app.errors import Truncated
from app.llm.engine import Engine
from app.llm.loader import LoadedModel, load_generator
from app.llm.mlx_thread import Job
from app.llm.request import Completion, Request
from app.llm.tool_calls import ToolCalls
from app.prompts.adapter import JSONAdapter
from app.settings import settings

__all__ = ["JSONAdapter", "mlx_lm"]

_ENGINES: dict[str, Engine] = {}
_LOADING = threading.Lock()


def mlx_lm(model: str | Path | Engine | None = None, *, cache: bool = False, **options: Any) -> dspy.LM:
    """A dspy.LM on the local model; with the same name twice the weights are loaded once.

    model     a folder, a hub name, an Engine that is already there, or None for MLX_MODEL_NAME
    cache     True lets DSPy keep prompts and answers on disk (~/.dspy_cache)
    options   further arguments of dspy.LM: temperature, max_tokens, num_retries
    raises    ModelMissing, ModelDamaged
    """
    engine = model if isinstance(model, Engine) else _engine_of(str(model or settings.MLX_MODEL_NAME))
    flights = Flights(engine)
    return dspy.LM(
        name_of(engine.loaded),
        engine=MlxEngine(flights),
        async_engine=AsyncMlxEngine(flights),
        cache=cache,
        **options,
    )


def name_of(loaded: LoadedModel) -> str:
    """`mlx/<model>@<revision>-<quantisation>`: DSPy's cache knows a model by this alone."""
    bits = (loaded.config.get("quantization") or {}).get("bits")
    return f"mlx/{loaded.name}@{loaded.fingerprint[:12]}-{f'{bits}bit' if bits else loaded.dtype}"


class Flights:
    """Requests on their way: equal ones share one, which goes on while anyone waits for it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.tokenizer = engine.loaded.tokenizer
        self._guard = threading.Lock()
        self._waiting: dict[object, tuple[Job, list[Future[Completion]]]] = {}

    def translate(self, asked: lm15.Request, on_text: Callable[[str], None] | None = None) -> Request:
        """As our engine takes it."""
        return request_of(asked, str(self.tokenizer.chat_template or ""), on_text)

    def respond(self, asked: lm15.Request, request: Request, completion: Completion) -> lm15.Response:
        """As DSPy takes it."""
        return response_of(asked, request, completion, self.tokenizer)

    def join(self, request: Request) -> tuple["Future[Completion]", Callable[[], None]]:
        """A future of the answer for this caller alone, and what to call when it gives up."""
        mine: Future[Completion] = Future()
        question = self.engine.prepare(request)
        key = (question.key, request.max_tokens, request.logprobs)
        with self._guard:
            if key in self._waiting:
                job, waiters = self._waiting[key]
                waiters.append(mine)
                return mine, lambda: self._leave(key, job, mine)
            job = self.engine.start(question)
            self._waiting[key] = job, [mine]
        job.future.add_done_callback(lambda _: self._land(key, job))
        return mine, lambda: self._leave(key, job, mine)

    def _land(self, key: object, job: Job) -> None:
        with self._guard:
            waiters = self._waiting.pop(key)[1] if key in self._waiting and self._waiting[key][0] is job else []
        for waiter in waiters:
            if not waiter.set_running_or_notify_cancel():
                continue
            error = None if job.future.cancelled() else job.future.exception()
            if job.future.cancelled() or error is not None:
                waiter.set_exception(error or asyncio.CancelledError())
            else:
                waiter.set_result(job.future.result())

    def _leave(self, key: object, job: Job, mine: "Future[Completion]") -> None:
        with self._guard:
            here = self._waiting.get(key)
            if here is None or here[0] is not job or mine not in here[1]:
                return  # it has landed
            here[1].remove(mine)
            if here[1]:
                return
            del self._waiting[key]  # a later request for the same starts anew
        job.cancel()  # outside the guard: it may call `_land` here and now


class MlxEngine:
    """DSPy's synchronous engine contract; one attempt a request."""

    supports_response_schema = True
    supports_function_calling = True
    supports_reasoning = False
    supported_params = SUPPORTED

    def __init__(self, flights: Flights) -> None:
        self._flights = flights

    def complete(self, request: lm15.Request) -> lm15.Response:
        """Answer and wait; an interrupted caller stops the device."""
        with errors_in_their_words():
            ours = self._flights.translate(request)
            future, leave = self._flights.join(ours)
            try:
                completion = future.result()
            except Truncated as error:
                completion = completion_of(ours, error)
            except BaseException:  # a cancelled task and Ctrl-C end our interest, too; it goes on
                leave()
                raise
            return self._flights.respond(request, ours, completion)

    def stream(self, request: lm15.Request) -> Iterator[Any]:
        """Events as the answer is written; closing the iterator stops the device."""
        texts: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        with errors_in_their_words():
            ours = self._flights.translate(request, texts.put)
            job = self._flights.engine.start(self._flights.engine.prepare(ours))
            job.future.add_done_callback(lambda _: texts.put(None))
            try:
                yield lm15.StreamStartEvent(model=request.model)
                while (text := texts.get()) is not None:
                    yield lm15.StreamDeltaEvent(lm15.TextDelta(text))
                yield from _last_events(self._flights, ours, job)
            finally:
                job.cancel()

    def close(self) -> None:
        """The model stays: others may share it."""

    def dump_state(self) -> dict[str, Any]:
        """What finds the model again; never weights."""
        return _state_of(self._flights.engine)

    @classmethod
    def load_state(cls, state: dict[str, Any]) -> "MlxEngine":
        """The engine of a saved program; the model is loaded if it is not."""
        return cls(Flights(_engine_of(state["model"])))

    def __deepcopy__(self, memo: dict[int, object]) -> "MlxEngine":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return MlxEngine.load_state, (self.dump_state(),)


class AsyncMlxEngine:
    """DSPy's asynchronous engine contract, for any number of event loops."""

    supports_response_schema = True
    supports_function_calling = True
    supports_reasoning = False
    supported_params = SUPPORTED

    def __init__(self, flights: Flights) -> None:
        self._flights = flights

    async def complete(self, request: lm15.Request) -> lm15.Response:
        """Answer; a cancelled task returns at once, and the device stops within one chunk or token."""
        with errors_in_their_words():
            ours = self._flights.translate(request)
            future, leave = self._flights.join(ours)
            try:
                completion = await asyncio.wrap_future(future)
            except Truncated as error:
                completion = completion_of(ours, error)
            except BaseException:  # a cancelled task and Ctrl-C end our interest, too; it goes on
                leave()
                raise
            return self._flights.respond(request, ours, completion)

    async def stream(self, request: lm15.Request) -> AsyncIterator[Any]:
        """Events as the answer is written; closing the iterator stops the device."""
        loop, texts = asyncio.get_running_loop(), asyncio.Queue[str | None]()

        def put(text: str | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(texts.put_nowait, text)

        with errors_in_their_words():
            ours = self._flights.translate(request, put)
            job = self._flights.engine.start(self._flights.engine.prepare(ours))
            job.future.add_done_callback(lambda _: put(None))
            try:
                yield lm15.StreamStartEvent(model=request.model)
                while (text := await texts.get()) is not None:
                    yield lm15.StreamDeltaEvent(lm15.TextDelta(text))
                for event in _last_events(self._flights, ours, job):
                    yield event
            finally:
                job.cancel()

    async def aclose(self) -> None:
        """The model stays: others may share it."""

    def dump_state(self) -> dict[str, Any]:
        """What finds the model again; never weights."""
        return _state_of(self._flights.engine)

    @classmethod
    def load_state(cls, state: dict[str, Any]) -> "AsyncMlxEngine":
        """The engine of a saved program; the model is loaded if it is not."""
        return cls(Flights(_engine_of(state["model"])))

    def __deepcopy__(self, memo: dict[int, object]) -> "AsyncMlxEngine":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return AsyncMlxEngine.load_state, (self.dump_state(),)


def _engine_of(model: str) -> Engine:
    name = str(Path(model).expanduser())
    with _LOADING:  # two callers at once would load the weights twice
        if name not in _ENGINES:
            _ENGINES[name] = Engine(load_generator(name, allow_download=True))
        return _ENGINES[name]


def _state_of(engine: Engine) -> dict[str, Any]:
    return {"model": next((name for name, known in _ENGINES.items() if known is engine), engine.loaded.name)}


def _last_events(flights: Flights, request: Request, job: Job) -> Iterator[Any]:
    """Calls, which are not told before they are whole; how probable all was; the end."""
    try:
        completion: Completion = job.future.result()
    except Truncated as error:
        completion = completion_of(request, error)
    parts = parts_of(request, completion)
    if isinstance(request.output_type, ToolCalls):
        for place, part in enumerate(parts):
            yield lm15.StreamDeltaEvent(_delta(part, place))
    if scores := logprobs_of(completion, flights.tokenizer):
        yield lm15.StreamDeltaEvent(lm15.TextDelta("", logprobs=scores))
    yield lm15.StreamEndEvent(finish_reason=finish_of(parts, completion), usage=usage_of(completion))


def _delta(part: Any, place: int) -> Any:
    if isinstance(part, lm15.ToolCallPart):
        return lm15.ToolCallDelta(
            json.dumps(part.input, ensure_ascii=False), part_index=place, id=part.id, name=part.name
        )
    return lm15.TextDelta(part.text, part_index=place)
