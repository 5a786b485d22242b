"""Start the server of a home: models loaded once, one app, one socket, until it is told to stop.

Knows the settings, the pipeline and uvicorn. In: what a person chose.  Out: an exit code, when it has ended.
"""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import BadInput
from app.llm.embedder import QwenEmbedder
from app.llm.loader import load_embedder
from app.pipeline.embedding import embedder_over
from app.pipeline.engine import open_engine
from app.pipeline.home import Place
from app.pipeline.intake import Intake
from app.pipeline.models import describe, models_over
from app.pipeline.shelf import Shelf
from app.server import running
from app.server.app import Served, build
from app.server.desk import Desk
from app.server.guard import Access, access_for, in_url
from app.server.mcp import mcp_app, mcp_server
from app.server.metrics import Metrics
from app.server.page import LivePage
from app.settings import settings

DRAIN_SECONDS = 5  # for answers on their way when the server is told to stop


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person chose; `idle_minutes` without a request end the server, None: nothing does."""

    place: Place
    model: str | None = None
    host: str = "127.0.0.1"
    port: int = 8321
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    places: int = 64
    seconds: float = 1800.0
    can_write: bool = False
    keep_chats: bool = True
    idle_minutes: float | None = None


def serve(choices: Choices, say: Callable[[str], None]) -> int:
    """Load, listen, answer.

    raises   BadInput for an address in use or off loopback without a key; HomeBusy; ModelMissing, ModelDamaged
    """
    home, group = choices.place.folder, choices.place.group_name
    keys = [key for key in settings.DAYBOOK_API_KEYS.get_secret_value().split(",") if key]
    access = access_for(choices.host, keys, hosts=choices.hosts, origins=choices.origins)
    own_key = secrets.token_urlsafe(32)  # for our own programs, by the file in the home
    if access.keys:
        access = Access({**access.keys, "own": own_key}, access.hosts, access.origins, access.max_body_bytes)
    running.refuse_second(home)
    listening = listen(choices.host, choices.port)
    url = f"http://{_shown(choices.host)}:{listening.getsockname()[1]}"
    say(f"loading {choices.model or settings.MLX_MODEL_NAME}")
    served = _served(choices, access, say)
    say(describe(served.desk.engine.loaded))
    limit = served.desk.limit()
    say(f"context {limit.context:,} tokens: {limit.input:,} in, {limit.output:,} out (bound by the {limit.binding})")
    quiet = _Quiet(build(served))
    config = uvicorn.Config(
        quiet, log_level="warning", access_log=False, server_header=False, ws="none", lifespan="on",
        timeout_graceful_shutdown=DRAIN_SECONDS, timeout_keep_alive=75, limit_concurrency=1024,
    )  # fmt: skip
    server = uvicorn.Server(config)
    if choices.idle_minutes is not None:
        quiet.watch(server, choices.idle_minutes * 60)
    running.announce(home, running.Running(url, own_key, os.getpid(), served.instance, group))
    say(f"serving at {url}, open it in a browser; MCP at {url}/mcp; Ctrl-C stops it")
    try:
        asyncio.run(server.serve(sockets=[listening]))
    finally:
        running.withdraw(home)
        listening.close()
    return 0


def _served(choices: Choices, access: Access, say: Callable[[str], None]) -> Served:
    place, home = choices.place, choices.place.folder
    name = choices.model or settings.MLX_MODEL_NAME
    engine = open_engine(name, home=home, blocks_on_disk=choices.keep_chats)
    embedder = load_embedder(place.embedder or settings.MLX_EMBEDDER_NAME, allow_download=True)
    desk = Desk(engine, Metrics(), places=choices.places, seconds=choices.seconds)
    shelf = Shelf(place, embedder, engine)
    intake = Intake(place, name, lambda ledger: models_over(engine, name, embedder_over(embedder, ledger), ledger), say)
    routes, lifespan = mcp_app(mcp_server(shelf, can_write=choices.can_write, on_entry=intake.wake))

    @asynccontextmanager
    async def reading() -> AsyncIterator[None]:
        intake.start()
        try:
            yield
        finally:
            await asyncio.to_thread(intake.stop)

    return Served(
        desk,
        QwenEmbedder(embedder, settings.MLX_EMBEDDING_DIM),
        embedder.name,
        access=access,
        routes=[*routes, *LivePage(shelf, desk).routes],
        lifespans=[lifespan, *([reading] if choices.can_write else [])],
        can_write=choices.can_write,
    )


class _Quiet:
    """ASGI middleware that knows when it was last asked."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._last = time.monotonic()
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        self._open += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open -= 1
            self._last = time.monotonic()

    def watch(self, server: uvicorn.Server, seconds: float) -> None:
        """End the server after so many quiet seconds."""
        ticked = server.on_tick

        async def on_tick(counter: int) -> bool:
            is_idle = self._open == 0 and time.monotonic() - self._last > seconds
            return is_idle or await ticked(counter)

        server.on_tick = on_tick  # type: ignore[method-assign]


def listen(host: str, port: int) -> socket.socket:
    """Bound before the model is loaded: nobody waits a minute to hear that the port is taken.  raises BadInput"""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named asyncio turns Nagle's delay off; without, each answer waits 40 ms for an acknowledgement.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host.strip("[]"), port))
        listening.listen(512)
    except OSError as error:
        listening.close()
        raise BadInput(f"cannot listen on {host}:{port}: {error.strerror}", hint="choose another --port") from error
    return listening


def _shown(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::") else in_url(host)
