"""One way to answer a chat, whatever its dialect: refuse before the first byte, stream, keep alive, notice who left.

Knows HTTP and the desk; knows no dialect's words. In: a request and a dialect.  Out: JSON, or server-sent events.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Coroutine, Iterator, Mapping
from contextlib import aclosing, suppress
from typing import Any, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from app.errors import Cancelled, DaybookError
from app.llm.request import Completion
from app.llm.tool_calls import Part
from app.server.desk import Answer, Desk
from app.server.order import Order
from app.server.refusals import Invalid

KEEP_ALIVE_SECONDS = 5.0  # of silence, before a stream says that it is still there; proxies close after 30 to 60
MAX_DEPTH = 64  # of a JSON body; nothing honest is deeper

T = TypeVar("T")


class Reply(Protocol):
    """A dialect's words for one answer; the event methods yield the frames of one stream, in order."""

    is_streamed: bool

    def whole(self, parts: list[Part], done: Completion) -> dict[str, Any]: ...
    def opening(self, prompt_tokens: int) -> Iterator[bytes]: ...
    def part(self, part: Part) -> Iterator[bytes]: ...
    def keep_alive(self) -> bytes: ...
    def closing(self, done: Completion) -> Iterator[bytes]: ...
    def failure(self, error: DaybookError) -> bytes: ...


async def respond(request: Request, desk: Desk, order: Order, reply: Reply) -> Response:
    """Queue the order and answer it; whatever is known before the first byte is a proper status."""
    key = request.scope["state"]["key"]
    answer = await attended(request, desk.take(order, key, is_streamed=reply.is_streamed))
    try:
        if not reply.is_streamed:
            parts = await attended(request, answer.whole())
            done = answer.completion()
            _count(desk, done)
            return JSONResponse(reply.whole(parts, done))
        await attended(request, answer.begun(KEEP_ALIVE_SECONDS))
    except BaseException:  # a caller who leaves and Ctrl-C free the device, too; it goes on
        answer.give_up()
        raise
    return EventStream(desk, answer, reply)


class EventStream(Response):
    """Server-sent events of one answer. A caller who leaves is noticed at once, also while nothing is sent."""

    def __init__(self, desk: Desk, answer: Answer, reply: Reply) -> None:
        self._desk = desk
        self._answer = answer
        self._reply = reply
        self.status_code = 200
        self.background = None
        self.body = b""
        self.init_headers({"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"})

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Without a length: it is not known."""
        self.raw_headers = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_all() -> None:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async with aclosing(self._frames()) as frames:
                async for frame in frames:
                    await send({"type": "http.response.body", "body": frame, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        try:
            await attended(Request(scope, receive), send_all())
        except Cancelled:
            self._desk.metrics.left.inc()
        finally:
            self._answer.give_up()

    async def _frames(self) -> AsyncGenerator[bytes, None]:
        reply, answer = self._reply, self._answer
        for frame in reply.opening(answer.prompt_tokens):
            yield frame
        try:
            async for part in answer.parts(KEEP_ALIVE_SECONDS):
                if part is None:
                    yield reply.keep_alive()
                    continue
                for frame in reply.part(part):
                    yield frame
            done = answer.completion()
            for frame in reply.closing(done):
                yield frame
            _count(self._desk, done)
        except DaybookError as error:  # the status is sent: the stream itself has to say it
            self._desk.metrics.refused.labels(error.code).inc()
            yield reply.failure(error)


async def attended(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Work for a caller who is there.  raises Cancelled, once `work` has ended, if the caller left"""
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Cancelled("the caller left")
    finally:
        for one in (task, gone):
            one.cancel()
        with suppress(asyncio.CancelledError, Exception):  # what it raised is told above, or nobody is left to hear it
            await task


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def json_body(request: Request) -> dict[str, Any]:
    """The body as an object.  raises Invalid"""
    raw = await request.body()
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Invalid("body", "the body is not JSON", hint="send one JSON object in UTF-8") from error
    if not isinstance(body, dict):
        raise Invalid("body", "the body is not a JSON object")
    _check_depth(body)
    return body


def _check_depth(body: Any) -> None:
    level, depth = [body], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise Invalid("body", f"the body is nested deeper than {MAX_DEPTH} levels")
        level = [
            inner
            for node in level
            if isinstance(node, dict | list)
            for inner in (node.values() if isinstance(node, dict) else node)
        ]


def _count(desk: Desk, done: Completion) -> None:
    tokens = desk.metrics.tokens
    tokens.labels("prompt").inc(done.prompt_tokens)
    tokens.labels("cached").inc(done.cached_tokens)
    tokens.labels("answer").inc(len(done.token_ids))
    desk.metrics.passes.inc(done.forward_passes)


def event(data: Any, name: str | None = None) -> bytes:
    """One server-sent event with JSON in it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"{f'event: {name}' + chr(10) if name else ''}data: {text}\n\n".encode("utf-8", "replace")
