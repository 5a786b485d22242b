"""The words that travel between rooms: an Entry is one dated text, a Chunk a slice of it that fits a model call.

Knows no files and no models. Every span is half-open, in characters of the decoded journal file.
"""

import hashlib
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

Span = tuple[int, int]  # half-open [start, end), in characters of the decoded file
Labelled = tuple[Span, str]  # a part of the file that belongs to no entry, and what it is: "heading", "blank", ...
Precision = Literal["day", "month", "year"]


@dataclass(frozen=True, slots=True)
class OffsetMap:
    """Where the characters of an entry's text stand in its file, when the file stores them escaped.

    `text_starts[i]` and `file_starts[i]` begin the i-th run; inside a run both advance together. An escape is a run of
    one character. The last run stands at the text's end, so that a slice may end with an escape.
    """

    text_starts: tuple[int, ...]
    file_starts: tuple[int, ...]

    def to_file(self, offset: int) -> int:
        """File offset of the character at `offset` of the text."""
        run = bisect_right(self.text_starts, offset) - 1
        return self.file_starts[run] + offset - self.text_starts[run]

    def part(self, start: int, end: int) -> "OffsetMap":
        """The map of `text[start:end]`."""
        runs = range(bisect_right(self.text_starts, start), bisect_right(self.text_starts, end))
        return OffsetMap(
            (0, *(self.text_starts[run] - start for run in runs)),
            (self.to_file(start), *(self.file_starts[run] for run in runs)),
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One dated text of a journal file.

    start, end   the entry's text in the file; `file_text[start:end] == text` unless `offsets` is set
    precision    how much of `date` the journal says; the rest is the first day of the period
    """

    path: Path
    date: date
    text: str
    start: int
    end: int
    title: str = ""
    precision: Precision = "day"
    offsets: OffsetMap | None = field(default=None, repr=False)

    @property
    def entry_id(self) -> str:
        """Identity is content plus date: a renamed, moved or copied file holds the same entries."""
        return hashlib.sha256(f"{self.date.isoformat()}\0{self.text.strip()}".encode()).hexdigest()[:32]

    def file_span(self, start: int, end: int) -> Span:
        """Span in the file of `text[start:end]`; for an empty slice both ends are equal."""
        if self.offsets is None:
            return self.start + start, self.start + end
        return self.offsets.to_file(start), self.offsets.to_file(end)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A slice of an entry that fits one model call: `entry.text[start:end] == text`.

    index, count   place among the entry's chunks; "".join(c.text for c in chunks) == entry.text
    """

    entry: Entry
    index: int
    count: int
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.entry.text[self.start : self.end]

    @property
    def chunk_id(self) -> str:
        """Identity of the slice: the entry's identity plus the slice's own place in it."""
        return hashlib.sha256(f"{self.entry.entry_id}\0{self.start}\0{self.end}".encode()).hexdigest()[:32]

    def file_span(self, start: int, end: int) -> Span:
        """Span in the journal file of `self.text[start:end]`."""
        return self.entry.file_span(self.start + start, self.start + end)
