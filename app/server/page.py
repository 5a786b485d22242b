"""The page of a home, live at "/": the graph as `view` writes it, with ask and review in it.

Knows the shelf, the page and the desk's places; decides nothing itself. In: requests of a browser.  Out: HTML and JSON.

Whoever may ask is decided by the guard before anything here runs; a page of another origin gets nothing, not even in a
frame. What is decided goes through the same code as `python -m app review`.
"""

import asyncio
import html
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.errors import DaybookError, TimedOut
from app.llm.mlx_thread import INTERACTIVE
from app.picture import Picture
from app.pipeline.review import Review, as_json
from app.pipeline.shelf import Shelf
from app.server.desk import Desk
from app.server.refusals import Invalid
from app.server.respond import attended, json_body
from app.view.page import Live, page, policy

ASK, REVIEW, UNDO = "/page/ask", "/page/review", "/page/undo"
LIVE = Live(ASK, REVIEW, UNDO)
WAITING = 25  # things to decide on that one look brings
HOW = ("valid_at", "invalid_at", "to", "into")  # what a decision may carry
HEADERS = {
    "content-security-policy": f"{policy(LIVE)}; frame-ancestors 'none'",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class LivePage:
    """Pages of one home, made anew only when it has changed."""

    def __init__(self, shelf: Shelf, desk: Desk) -> None:
        self._shelf = shelf
        self._desk = desk
        self._making = asyncio.Lock()
        self._made: tuple[Picture, str] | None = None

    @property
    def routes(self) -> list[BaseRoute]:
        """For the server's app."""
        return [
            Route("/", self.page),
            Route(ASK, self.ask, methods=["POST"]),
            Route(REVIEW, self.review),
            Route(REVIEW, self.decide, methods=["POST"]),
            Route(UNDO, self.undo, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        """The whole page; where there is nothing to show, why, in words."""
        try:
            text, status = await attended(request, self._text()), 200
        except DaybookError as error:
            text, status = _said(error), error.status
        return Response(text, status, HEADERS, media_type="text/html")

    async def ask(self, request: Request) -> Response:
        """{"question", "as_of": a day or null} -> the object of `python -m app ask --json`."""
        body = await json_body(request)
        question, as_of = _text(body, "question"), _day(body, "as_of")
        with self._desk.place(INTERACTIVE):
            try:
                async with asyncio.timeout(self._desk.seconds):
                    return _json(asdict(await attended(request, self._shelf.ask(question, as_of=as_of))))
            except TimeoutError:
                raise TimedOut(f"not answered within {self._desk.seconds:g} seconds", hint="ask again") from None

    async def review(self, request: Request) -> Response:
        """The next things nobody has decided on, and how many are left."""
        return await self._reviewed(request, _waiting)

    async def decide(self, request: Request) -> Response:
        """{"uuid", "verb", and what the verb needs} -> what is left to decide on."""
        body = await json_body(request)
        uuid, verb = _text(body, "uuid"), _text(body, "verb")
        how = {name: _text(body, name) if body[name] is not None else None for name in HOW if name in body}

        async def work(review: Review) -> dict[str, Any]:
            found = [item for item in await review.items() if item.uuid == uuid]
            if not found:
                raise Invalid("uuid", "this was decided on already, or the graph has it no more", hint="go on")
            await review.decide(found[0], verb, **how)  # type: ignore[arg-type]  # which says what fits
            return await _waiting(review)

        return await self._reviewed(request, work)

    async def undo(self, request: Request) -> Response:
        """{} -> what is left to decide on, with the last decision taken back."""
        await json_body(request)

        async def work(review: Review) -> dict[str, Any]:
            await review.take_back()
            return await _waiting(review)

        return await self._reviewed(request, work)

    async def _reviewed(self, request: Request, work: Callable[[Review], Awaitable[dict[str, Any]]]) -> Response:
        # On a thread: a decision that was begun is carried out, also for a caller who leaves.
        return _json(await attended(request, self._shelf.review(work)))

    async def _text(self) -> str:
        async with self._making:
            picture = await self._shelf.picture()
            if self._made is None or self._made[0] is not picture:
                self._made = picture, await asyncio.to_thread(page, picture, live=LIVE)
            return self._made[1]


async def _waiting(review: Review) -> dict[str, Any]:
    items, labels = await review.items(), review.labels()
    last = labels[-1] if labels else None
    return {
        "left": len(items),
        "decided": len(labels),
        "last": {"verb": last.verb, "about": last.about.get("fact") or last.about["name"]} if last else None,
        "items": [as_json(item) for item in items[:WAITING]],
    }


def _said(error: DaybookError) -> str:
    lines = "".join(f"<p>{html.escape(text)}</p>" for text in (error.message, error.hint) if text)
    return f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Daybook</title><h1>Daybook</h1>{lines}'


def _json(value: Any) -> Response:
    response = JSONResponse(json.loads(json.dumps(value, default=str)))
    response.headers.update(HEADERS)
    return response


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or value.encode(errors="replace").decode() != value:  # half of a pair is no text
        raise Invalid(name, f"{name} must be a text")
    return value


def _day(body: dict[str, Any], name: str) -> date | None:
    if body.get(name) is None:
        return None
    try:
        return date.fromisoformat(_text(body, name))
    except ValueError:
        raise Invalid(name, f"{name} is no date", hint="write it as YYYY-MM-DD") from None
