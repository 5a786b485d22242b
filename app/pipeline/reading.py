"""Read the owner's files for one run: what is good is planned, what is bad is put aside with one line.

Knows the journal room and the ledger's words; knows no model. In: paths and limits.  Out: Readings and a selection.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from app.errors import BadJournal
from app.journal.chunks import chunk_entry
from app.journal.reader import find_files, read_journal
from app.journal.types import Chunk, Entry
from app.ledger.records import FileReading
from app.pipeline.request import DateFrom


@dataclass(frozen=True, slots=True)
class ReadFiles:
    """Everything that was read, and everything that could not be.

    refused   one clear line a file; the others go on
    chars     of all files, each of them in an entry or known as a heading or syntax
    """

    readings: tuple[FileReading, ...]
    refused: tuple[str, ...]
    chars: int

    def entries(self, since: date | None, until: date | None, limit: int | None) -> dict[str, Entry]:
        """entry_id -> Entry of the days asked for, by date and then in reading order; the first place of a twin."""
        chosen: dict[str, Entry] = {}
        for reading in self.readings:
            for entry in reading.entries:
                if (since is None or entry.date >= since) and (until is None or entry.date <= until):
                    chosen.setdefault(entry.entry_id, entry)
        by_date = sorted(chosen.items(), key=lambda item: item[1].date)
        return dict(by_date[:limit])


def read_files(
    paths: Iterable[Path], *, date_from: DateFrom, chunk_tokens: int, count_tokens: Callable[[str], int]
) -> ReadFiles:
    """Read every journal file under the paths and cut its entries into chunks.

    raises  BadJournal if a path does not exist, a folder holds no journal, or no file at all could be read
    """
    readings, refused, chars = [], [], 0
    for path in find_files(paths):
        try:
            reading = read_journal(path, date_from=date_from)
        except BadJournal as error:
            refused.append(str(error))
            continue
        chunks: list[Chunk] = []
        for entry in reading.entries:
            chunks += chunk_entry(entry, max_tokens=chunk_tokens, count_tokens=count_tokens)
        readings.append(
            FileReading(path, reading.sha256, path.stat().st_size, reading.encoding, reading.entries, tuple(chunks))
        )
        chars += reading.covered_chars
    if not readings:
        raise BadJournal(
            refused[0] if len(refused) == 1 else f"none of {len(refused)} files could be read: {refused[0]}"
        )
    return ReadFiles(tuple(readings), tuple(refused), chars)
