"""A home kept at hand for a process that stays: its picture, read again when a load has changed it, and its search.

Knows the ledger, the graph and the embedder; holds the home's lock only while it reads, so loads run beside it.
In: questions from an event loop.  Out: a Picture, and facts with where they were read.
"""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from app.errors import HomeBusy
from app.graph.store import GraphStore
from app.ledger.store import LEDGER_NAME, Ledger
from app.llm.embedder import QwenEmbedder
from app.llm.engine import Engine
from app.llm.loader import LoadedModel
from app.picture import Fact, Picture
from app.pipeline.ask import Answer, Librarian
from app.pipeline.home import Place, look, read_whole
from app.pipeline.intake import keep_entry
from app.pipeline.request import GRAPH_NAME
from app.pipeline.review import Review, review
from app.settings import settings

MAX_ANSWERS = 256  # of this process that are remembered
T = TypeVar("T")
Stamp = tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _Held:
    stamp: Stamp
    picture: Picture
    librarian: Librarian | None = None  # made when the first question comes


class _Lent:
    """The ledger's memory of vectors while the ledger is open, and nothing while it is not."""

    vectors: Any = None

    def get_all(self, keys: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = self.vectors.get_all(keys) if self.vectors is not None else {}
        return found

    def put_all(self, vectors: Mapping[str, bytes]) -> None:
        if self.vectors is not None:
            self.vectors.put_all(vectors)


class _Said:
    """The answers of this process to the questions of late; the ledger is closed when they come."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, str] = OrderedDict()

    def get(self, key: str) -> str | None:
        return self._answers.get(key)

    def put(self, key: str, *, answer: str, **_: Any) -> None:
        self._answers[key] = answer
        if len(self._answers) > MAX_ANSWERS:
            self._answers.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Client:
    engine: Engine | None


@dataclass(frozen=True, slots=True)
class _Models:
    embedder: QwenEmbedder
    client: _Client


class Shelf:
    """One home, opened once and again only when it has changed; safe to share between tasks.

    engine   answers questions; without one only finding is possible
    """

    def __init__(self, place: Place, embedder: LoadedModel, engine: Engine | None = None) -> None:
        self.place = place
        self._lent, self._said = _Lent(), _Said()
        self._models = _Models(QwenEmbedder(embedder, settings.MLX_EMBEDDING_DIM, vectors=self._lent), _Client(engine))
        self._guard = threading.Lock()
        self._held: _Held | None = None

    async def picture(self) -> Picture:
        """The whole home.  raises BadInput if nothing was loaded; HomeBusy if the first load of all is under way"""
        return (await asyncio.to_thread(self._current)).picture

    async def find(self, text: str, *, limit: int, as_of: date | None = None) -> list[Fact]:
        """Facts by words, meaning and nearness, best first."""
        librarian = await asyncio.to_thread(self._librarian)
        # Passages stand among what is found: asked for more, so that enough facts are left.
        found = await librarian.find(text, as_of=as_of, limit=4 * limit)
        return [hit.fact for hit in found if hit.fact is not None][:limit]

    async def ask(self, question: str, *, as_of: date | None = None) -> Answer:
        """Answer from the home, as `python -m app ask` does. Errors as there, and of `picture`."""
        librarian = await asyncio.to_thread(self._librarian)
        return await librarian.ask(question, as_of=as_of)

    async def review(self, work: Callable[[Review], Awaitable[T]]) -> T:
        """Let the owner decide, as `python -m app review` does.  raises what `review` and `work` raise"""

        def alone() -> T:
            with self._guard:
                return review(self.place, work)

        return await asyncio.to_thread(alone)

    def add_entry(self, text: str, day: date) -> Path:
        """As `keep_entry`."""
        return keep_entry(self.place.folder, text, day)

    def _current(self) -> _Held:
        with self._guard:
            return self._looked()

    def _librarian(self) -> Librarian:
        with self._guard:
            held = self._looked()
            return held.librarian or self._indexed(held)

    def _indexed(self, held: _Held) -> Librarian:
        try:
            picture, librarian = look(self.place, partial(self._index, held))
        except HomeBusy:  # a load is at work: what it is working on is looked at afterwards, so the stamp stays
            held.librarian = asyncio.run(Librarian.of(held.picture, self._models, self._said))
            return held.librarian
        self._held = _Held(self._stamp(), picture, librarian)
        return librarian

    def _looked(self) -> _Held:
        if self._held is not None and self._held.stamp == self._stamp():
            return self._held
        try:
            picture = look(self.place, read_whole)
        except HomeBusy:
            if self._held is None:
                raise
            return self._held  # a load is at work: as it was before it began
        # Closing the files touches them, so the stamp is taken afterwards.
        self._held = _Held(self._stamp(), picture)
        return self._held

    async def _index(self, held: _Held, store: GraphStore, ledger: Ledger) -> tuple[Picture, Librarian]:
        # A load may have ended since the picture was read; from here on none can begin.
        picture = held.picture if held.stamp == self._stamp() else await read_whole(store, ledger)
        embedder = self._models.embedder
        name = f"{embedder.loaded.fingerprint[:16]}/{embedder.dim}"
        ledger.claim("embedder", name, hint="name the home's embedder with --embedder")
        self._lent.vectors = ledger.vectors
        try:
            return picture, await Librarian.of(picture, self._models, self._said)
        finally:
            self._lent.vectors = None

    def _stamp(self) -> Stamp:
        def of(path: Path) -> tuple[int, int]:
            try:
                known = path.stat()
            except OSError:
                return 0, 0
            # An empty log says nothing, and comes with whoever opens the ledger, also for reading alone.
            return (known.st_mtime_ns, known.st_size) if known.st_size else (0, 0)

        names = (LEDGER_NAME, f"{LEDGER_NAME}-wal", GRAPH_NAME, f"{GRAPH_NAME}.wal")
        return tuple(of(self.place.folder / name) for name in names)
