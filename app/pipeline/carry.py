"""Fill an empty home with a picture that another home exported.

Knows the ledger, the graph and our own format; asks no language model. In: a file, or another home.  Out: a home that
equals its source, or a picture to compare.
"""

import asyncio
import dataclasses
from pathlib import Path

from app.errors import BadInput
from app.export import jsonld
from app.graph.carry import with_vectors, write_picture  # first: it silences graphiti
from app.graph.store import GraphStore
from app.ledger.store import Ledger
from app.picture import Label, Picture
from app.pipeline.home import Place, picture_of
from app.pipeline.request import GRAPH_NAME
from app.settings import settings

_OURS = "name a .jsonld file that `python -m app export jsonld` wrote"


def import_home(place: Place, file: Path) -> Place:
    """Read an export into the home of `place`, under the group that the file names.

    raises   BadInput for a file that is none of ours, or a home that already holds this group; HomeBusy
    """
    picture = _read(file.expanduser())
    if place.group is not None and place.group != picture.group:
        hint = "leave --group out: names inside the graph depend on it"
        raise BadInput(f"{file} holds the group {picture.group!r}, not {place.group!r}", hint=hint)
    place = dataclasses.replace(place, group=picture.group)
    with Ledger.open(place.folder) as ledger:
        from app.pipeline import embedding  # late: mlx takes seconds to wake, and a bad file should be told at once

        embedder = embedding.open_embedder(place.embedder or settings.MLX_EMBEDDER_NAME, ledger)

        async def fill() -> list[Label]:
            texts = [*(entity.name for entity in picture.entities), *(fact.fact for fact in picture.facts)]
            await embedder.embed_many([text.replace("\n", " ") for text in texts])
            with GraphStore.open_for_reading(
                place.folder / GRAPH_NAME, embedder=embedder, group=picture.group
            ) as store:
                await write_picture(store, picture)
                return await with_vectors(store, picture.labels)

        labels = asyncio.run(fill())
        # Last: after a kill between the two the same import finds its graph whole, and comes here.
        ledger.adopt(picture.group, picture.files, picture.episodes, labels)
    return place


def read_run(path: Path, group: str | None) -> Picture:
    """The picture of a home, or of an export of one. raises BadInput for anything else"""
    path = path.expanduser()
    if not path.exists():
        raise BadInput(f"{path} does not exist", hint="name a home, or a .jsonld export of one")
    return picture_of(Place(path, group)) if path.is_dir() else _read(path)


def _read(file: Path) -> Picture:
    try:
        return jsonld.read(file.read_text(encoding="utf-8"), file.name)
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not text (byte {error.start})", hint=_OURS) from None
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}", hint=_OURS) from None
