"""A server over a real socket, with a tiny random-weight model: it obeys nothing but grammars and limits."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from app.llm.embedder import QwenEmbedder
from app.llm.engine import Engine
from app.llm.loader import load_embedder, load_generator
from app.server.app import Served, build
from app.server.desk import Desk
from app.server.embeddings import Embedder
from app.server.guard import Access
from app.server.metrics import Metrics
from app.server.serve import listen
from app.settings import BUNDLED_EMBEDDER
from tests.llm.tiny import CONTROL, MARKERS, SHORT, TINY, build_model, build_tokenizer
from tests.server.asked import MODEL


@dataclass(frozen=True)
class Running:
    """A server that is up."""

    url: str
    desk: Desk
    instance: str

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Answers that stay small, so that many can be asked for."""
    folder: Path = tmp_path_factory.mktemp("models") / MODEL
    folder.mkdir()
    count = build_tokenizer(folder)
    eos = [count - len(MARKERS) - 1, count - len(MARKERS) - len(CONTROL)]
    build_model(folder, {**TINY, "vocab_size": (count // 64 + 1) * 64, "eos_token_id": eos})
    return Engine(load_generator(folder), bounds=SHORT)


@pytest.fixture(scope="session")
def embedder() -> QwenEmbedder:
    return QwenEmbedder(load_embedder(BUNDLED_EMBEDDER), 64)


Start = Callable[..., Running]


@pytest.fixture(scope="session")
def start(engine: Engine, embedder: QwenEmbedder) -> Iterator[Start]:
    """Start a server with choices of one's own."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(
        *,
        access: Access | None = None,
        engine: Engine = engine,
        embedder: Embedder = embedder,
        routes: Any = (),
        lifespans: Any = (),
        **desk: Any,
    ) -> Running:
        served = Served(Desk(engine, Metrics(), **desk), embedder, "embedder", access or Access(), routes, lifespans)
        listening = listen("127.0.0.1", 0)
        config = uvicorn.Config(build(served), log_level="warning", ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        running.append((server, thread))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        for _ in range(200):
            if server.started:
                break
            threading.Event().wait(0.02)
        return Running(url, served.desk, served.instance)

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join(5)


@pytest.fixture(scope="session")
def running(start: Start) -> Running:
    """The server most tests share."""
    return start()
