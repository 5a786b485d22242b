"""The server: paths to handlers, and every refusal in the words of the dialect that was spoken.

Knows Starlette and the rooms below; holds no thought of its own. In: a desk, an embedder, access.  Out: an ASGI app.
"""

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.errors import Cancelled, DaybookError
from app.server.about import discovery_body, generator, models_body
from app.server.anthropic import MessageReply
from app.server.anthropic_body import read_count, read_messages
from app.server.desk import Desk
from app.server.embeddings import Embedder, embed, priority_of, read_embeddings
from app.server.guard import Access, Guard
from app.server.openai import ChatReply
from app.server.openai_body import read_chat
from app.server.refusals import NotThere, UnknownModel, anthropic_refusal, openai_refusal
from app.server.respond import attended, json_body, respond

ALIASES = ("default", "daybook", "local")  # names for whatever model is loaded
CLAUDE = "claude-"  # Claude-style clients have their models' names built in

Lifespan = Callable[[], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Served:
    """What an app serves.

    embedder_name   as the list of models names it
    routes          of other rooms: MCP, pages
    lifespans       entered when the server starts and left when it stops
    instance        tells this server from every other one, at /health; opens nothing
    """

    desk: Desk
    embedder: Embedder
    embedder_name: str
    access: Access = field(default_factory=Access)
    routes: Sequence[BaseRoute] = ()
    lifespans: Sequence[Lifespan] = ()
    can_write: bool = False
    instance: str = field(default_factory=secrets.token_urlsafe)


def build(served: Served) -> Starlette:
    """The whole app."""
    handlers = _Handlers(served)
    routes = [
        Route("/v1/chat/completions", handlers.chat, methods=["POST"]),
        Route("/v1/embeddings", handlers.embeddings, methods=["POST"]),
        Route("/v1/messages", handlers.messages, methods=["POST"]),
        Route("/v1/messages/count_tokens", handlers.count_tokens, methods=["POST"]),
        Route("/v1/models", handlers.models),
        Route("/v1/models/{name:path}", handlers.model),
        Route("/discovery", handlers.discovery),
        Route("/health", handlers.health),
        Route("/metrics", handlers.metrics),
        *served.routes,
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        from contextlib import AsyncExitStack

        async with AsyncExitStack() as stack:
            for enter in served.lifespans:
                await stack.enter_async_context(enter())
            yield

    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, access=served.access)],
        exception_handlers={DaybookError: handlers.refused, HTTPException: handlers.refused},
        lifespan=lifespan,
    )


class _Handlers:
    """One method a path."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._desk = served.desk
        loaded = served.desk.engine.loaded
        self._model = loaded.name
        self._fingerprint = loaded.fingerprint
        self._tokenizer = loaded.tokenizer
        metrics, desk = self._desk.metrics, self._desk
        metrics.watch("daybook_taken", "Orders that wait or run", lambda: desk.taken)
        metrics.watch("daybook_limit_context_tokens", "The limit of this moment", lambda: desk.limit().context)

    async def chat(self, request: Request) -> Response:
        chat, order = read_chat(await json_body(request))
        self._check_model(chat.model)
        reply = ChatReply(chat, self._model, self._fingerprint, self._token_text)
        return await self._timed(request, respond(request, self._desk, order, reply))

    async def messages(self, request: Request) -> Response:
        asked, order = read_messages(await json_body(request))
        self._check_model(asked.model, is_anthropic=True)
        return await self._timed(request, respond(request, self._desk, order, MessageReply(asked)))

    async def count_tokens(self, request: Request) -> Response:
        asked, order = read_count(await json_body(request))
        self._check_model(asked.model, is_anthropic=True)
        return JSONResponse({"input_tokens": await self._desk.count(order)})

    async def embeddings(self, request: Request) -> Response:
        served = self._served
        asked, texts = read_embeddings(await json_body(request), served.embedder.dim)
        if asked.model not in (served.embedder_name, *ALIASES):
            raise UnknownModel(f"{asked.model!r} makes no vectors here", hint=f"{served.embedder_name} does")

        async def vectors() -> Response:
            with self._desk.place(priority_of(texts)):
                return JSONResponse(await attended(request, embed(asked, texts, served.embedder, served.embedder_name)))

        return await self._timed(request, vectors())

    async def models(self, request: Request) -> Response:  # noqa: ARG002  Starlette hands it over
        return JSONResponse(models_body(self._desk, self._served.embedder_name, self._served.embedder.dim))

    async def model(self, request: Request) -> Response:
        name = request.path_params["name"]
        listed = models_body(self._desk, self._served.embedder_name, self._served.embedder.dim)["data"]
        for model in listed:
            if model["id"] == name:
                return JSONResponse(model)
        if name in ALIASES or name.startswith(CLAUDE):
            return JSONResponse({**generator(self._desk), "id": name})
        raise self._unknown(name)

    async def discovery(self, request: Request) -> Response:  # noqa: ARG002
        served = self._served
        return JSONResponse(
            discovery_body(
                self._desk,
                served.embedder_name,
                served.embedder.dim,
                has_keys=bool(served.access.keys),
                can_write=served.can_write,
            )
        )

    async def health(self, request: Request) -> Response:  # noqa: ARG002
        return JSONResponse({"status": "ok", "model": self._model, "instance": self._served.instance})

    async def metrics(self, request: Request) -> Response:  # noqa: ARG002
        return Response(self._desk.metrics.text(), media_type="text/plain; version=0.0.4")

    async def refused(self, request: Request, error: Exception) -> Response:
        """The door: the one place where errors end."""
        if isinstance(error, HTTPException):
            error = NotThere(f"{request.method} {request.url.path} is not served", hint="see /discovery")
        assert isinstance(error, DaybookError)
        if isinstance(error, Cancelled) and error.status == Cancelled.status:
            self._desk.metrics.left.inc()
        self._desk.metrics.refused.labels(error.code).inc()
        is_anthropic = request.url.path.startswith("/v1/messages") or "anthropic-version" in request.headers
        response = (anthropic_refusal if is_anthropic else openai_refusal)(error)
        self._desk.metrics.requests.labels(_path(request), response.status_code).inc()
        return response

    async def _timed(self, request: Request, work: Awaitable[Response]) -> Response:
        started = time.monotonic()
        response = await work
        self._desk.metrics.seconds.labels(_path(request)).observe(time.monotonic() - started)
        self._desk.metrics.requests.labels(_path(request), response.status_code).inc()
        return response

    def _check_model(self, name: str, *, is_anthropic: bool = False) -> None:
        if name not in (self._model, *ALIASES) and not (is_anthropic and name.startswith(CLAUDE)):
            raise self._unknown(name)

    def _unknown(self, name: str) -> UnknownModel:
        return UnknownModel(
            f"the model {name[:80]!r} is not loaded; {self._model} is",
            hint=f"ask for {self._model!r} or {ALIASES[0]!r}; another one is named when the server starts",
        )

    def _token_text(self, token: int) -> tuple[str, bytes]:
        text: str = self._tokenizer.decode([token], clean_up_tokenization_spaces=False)
        return text, text.encode("utf-8", "replace")


def _path(request: Request) -> str:
    """Only paths that are there: whoever asks for others could fill the memory with their names."""
    route = request.scope.get("route")
    return route.path if isinstance(route, Route) else "other"
