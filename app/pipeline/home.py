"""Open a loaded home for looking: its ledger, its graph, and the two together as one picture.

Knows the ledger and the graph; writes neither. In: a Place.  Out: what a question to both answers, or a Picture.
"""

import asyncio
import dataclasses
import gc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from app.errors import BadInput
from app.graph.carry import read_picture, without_vectors  # first: it silences graphiti
from app.graph.store import GraphStore
from app.ledger.store import LEDGER_NAME, Ledger
from app.picture import Picture
from app.pipeline.replay import last_reader
from app.pipeline.request import GRAPH_NAME, home_folder
from app.settings import read_settings, settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Which home and whose graph; None means: as the settings say."""

    home: Path | None = None
    group: str | None = None
    embedder: str | None = None

    @property
    def folder(self) -> Path:
        """The home's folder."""
        return home_folder(self.home)

    @property
    def group_name(self) -> str:
        """raises BadInput for a name the settings would refuse"""
        return read_settings(DAYBOOK_GROUP=self.group).DAYBOOK_GROUP if self.group else settings.DAYBOOK_GROUP


def look(place: Place, ask: Callable[[GraphStore, Ledger], Awaitable[T]], *, needs_embedder: bool = False) -> T:
    """Ask the graph and the ledger of a home something, and close both.

    raises   BadInput if nothing was loaded; HomeBusy if another process holds the home
    """
    with open_ledger(place.folder) as ledger:
        if ledger.past.replay is not None:
            raise BadInput(f"the graph of {place.folder} is being built again", hint="finish it: python -m app rebuild")
        if not (place.folder / GRAPH_NAME).exists():
            raise BadInput(f"{place.folder} has no graph", hint="run load_journals.py again: the ledger builds it")
        check_group(place, ledger)
        embedder: Any = None
        if needs_embedder:
            from app.pipeline import embedding  # late: mlx takes seconds to wake, and `show` does not need it

            embedder = embedding.open_embedder(place.embedder or settings.MLX_EMBEDDER_NAME, ledger)
        return ask_graph(place, embedder, ledger, ask)


def check_group(place: Place, ledger: Ledger) -> None:
    """raises BadInput for a group that is named and that the home does not hold"""
    if place.group and not ledger.counts(place.group_name).entries:
        hint = "leave --group out, or name the group it was loaded with"
        raise BadInput(f"{place.folder} holds no group {place.group!r}", hint=hint)


def ask_graph(place: Place, embedder: Any, ledger: Ledger, ask: Callable[[GraphStore, Ledger], Awaitable[T]]) -> T:
    """Open the graph for the length of one question."""

    async def run() -> T:
        with GraphStore.open_for_reading(place.folder / GRAPH_NAME, embedder=embedder, group=place.group_name) as store:
            return await ask(store, ledger)

    return asyncio.run(run())


def picture_of(place: Place) -> Picture:
    """The whole of a home, graph and ledger, as plain values."""
    return look(place, read_whole)


async def read_whole(store: GraphStore, ledger: Ledger) -> Picture:
    """The graph's picture, with what the ledger knows of each text and the owner's decisions."""
    with uncollected():
        picture, chunks = await read_picture(store), ledger.chunk_records(store.group)
        episodes = tuple(dataclasses.replace(episode, chunk=chunks.get(episode.uuid)) for episode in picture.episodes)
    labels = tuple(map(without_vectors, ledger.decisions(store.group)))
    reader = last_reader(store.group, ledger)
    return dataclasses.replace(
        picture,
        episodes=episodes,
        files=ledger.journal_files(store.group),
        labels=labels,
        writer=reader.owner if reader else settings.DAYBOOK_OWNER,
    )


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage is looked for meanwhile. Of many values that stay none is garbage, and to look takes half the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def open_ledger(home: Path) -> Ledger:
    """raises BadInput if nothing has been loaded there"""
    if home.exists() and not home.is_dir():
        raise BadInput(f"{home} is a file, a home is a folder", hint="name the folder that holds ledger.sqlite")
    if not (home / LEDGER_NAME).exists():
        raise BadInput(f"nothing has been loaded into {home} yet", hint="run: python load_journals.py YOUR_JOURNAL")
    return Ledger.open(home)
