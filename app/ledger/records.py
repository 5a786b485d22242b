"""What the ledger is told about files, and what it tells back.

Knows the journal's words (Entry, Chunk); knows nothing of SQL.
In and out: frozen values that travel between the ledger and the pipeline.
"""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal
from uuid import UUID, uuid5

from app.journal.types import Chunk, Entry, OffsetMap, Span

ChunkState = Literal["planned", "done", "empty", "quarantined"]

_EPISODES = UUID("9d1f5a7e-7d0b-5a63-9a5e-0d1b3f2c4e68")  # any fixed value: it only has to stay the same for ever


def episode_uuid(group: str, chunk_id: str) -> str:
    """The episode's uuid, derived from whose graph it is and which text: the same on every machine and every run."""
    return str(uuid5(_EPISODES, f"{group}\0{chunk_id}"))


@dataclass(frozen=True, slots=True)
class FileReading:
    """One journal file as it was read: its fingerprint, its entries, and the chunks each was cut into.

    chunks   of all entries, in file order; an entry without chunks has nothing to extract
    """

    path: Path
    sha256: str
    bytes: int
    encoding: str
    entries: tuple[Entry, ...]
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What changed since the ledger last saw these files; each is a sorted tuple of entry ids."""

    new: tuple[str, ...]
    unchanged: tuple[str, ...]
    superseded: tuple[str, ...]  # edited: the same file now holds another entry of the same date
    gone: tuple[str, ...]  # in no known file any more, and nothing took its place


@dataclass(frozen=True, slots=True)
class PlannedChunk:
    """A chunk waiting for its model calls.

    order     place among all chunks of that date in this group
    text      its words; `offsets` is set when the file stores them escaped
    is_begun  it was read before, or its reading was interrupted: it comes before whatever is new
    """

    episode_uuid: str
    chunk_id: str
    entry_id: str
    date: date
    order: int
    index: int
    count: int
    start: int
    end: int
    text: str = field(repr=False)
    offsets: OffsetMap | None = field(repr=False)
    is_begun: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """How many chunks ended how. Law: planned == done + empty + quarantined + waiting."""

    planned: int
    done: int
    empty: int
    quarantined: int
    waiting: int
    entries: int
    files: int


@dataclass(frozen=True, slots=True)
class EpisodePlace:
    """Where an episode's text stands today: half-open character offsets into the decoded file."""

    path: Path
    date: date
    span: Span
