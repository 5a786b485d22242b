"""Find the owner's journal files and read each into dated entries, no character lost.

Knows files, encodings and which format a name promises; knows no models and no graph. Opens files read-only.
In: paths.  Out: one Reading per file, whose entries and furniture partition the file's text.
"""

import hashlib
import logging
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from app.errors import BadJournal
from app.journal.encoding import decode
from app.journal.exports import read_export
from app.journal.file_names import date_of_name
from app.journal.headings import Heading
from app.journal.prose import read_prose
from app.journal.types import Entry, Labelled

JOURNAL_SUFFIXES = (".txt", ".text", ".md", ".markdown", ".json", ".jrnl")
# Pepys's nine years are 6 MB; the whole text is held in memory, at up to four bytes a character.
MAX_FILE_BYTES = 64 * 1024 * 1024

_MAY_READ = "see that it is there and yours to read, or move it out of the journals"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one file holds: the spans of entries and furniture partition `text`.

    sha256      of the file's bytes
    text        as decoded, byte order mark and line ends included
    furniture   the parts no entry owns: "heading", "front matter", "blank", "byte order mark", "syntax"
    """

    path: Path
    sha256: str
    encoding: str
    text: str
    entries: tuple[Entry, ...]
    furniture: tuple[Labelled, ...]

    @property
    def covered_chars(self) -> int:
        """Characters that belong to an entry or to furniture; equal to len(text)."""
        spans = [(e.start, e.end) for e in self.entries] + [span for span, _ in self.furniture]
        return sum(end - start for start, end in spans)


def find_files(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Journal files at the given paths: a file as it is, a folder with all below it, sorted by name.

    Hidden files and folders are skipped, and so is a folder met before (a link back to itself: one line in the log).
    raises   BadJournal for a path that does not exist and for a folder without journal files
    """
    found: dict[str, Path] = {}
    for path in map(Path, paths):
        if not os.path.lexists(path):
            raise BadJournal(f"{path}: no such file or folder", hint="check the path")
        files = list(_files_below(path, set())) if _is_folder(path) else [path]
        if not files:
            raise BadJournal(f"{path}: no journal file in this folder", hint=f"known are {' '.join(JOURNAL_SUFFIXES)}")
        for file in files:
            found.setdefault(os.path.realpath(file), file)
    return list(found.values())


def _files_below(folder: Path, seen: set[str]) -> Iterator[Path]:
    real = os.path.realpath(folder)
    if real in seen:
        _log.warning("%s leads to %s, which is read already: not followed", folder, real)
        return
    seen.add(real)
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise BadJournal(f"{folder}: this folder cannot be read ({error.strerror})", hint=_MAY_READ) from error
    for path in paths:
        if path.name.startswith("."):
            continue
        if _is_folder(path):
            yield from _files_below(path, seen)
        elif path.suffix.lower() in JOURNAL_SUFFIXES:
            yield path


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:
        raise BadJournal(f"{path}: cannot be read ({error.strerror})", hint=_MAY_READ) from error


def read_journal(path: Path, *, date_from: Literal["heading", "name", "mtime"] = "heading") -> Reading:
    """Read one file into entries.

    date_from   "heading": front matter and headings, and where they give no date the file's name;
                "name", "mtime": the file is one entry, dated by its name or its last change. JSON keeps its own dates
    raises      BadJournal naming the path, and the byte or line where one is to blame
    """
    try:
        str(path).encode()
    except UnicodeEncodeError as error:  # nothing could keep it or tell it
        shown = str(path).encode(errors="backslashreplace").decode()
        raise BadJournal(f"{shown}: the name is not UTF-8", hint="rename it") from error
    raw, changed = _read_bytes(path)
    text, encoding = decode(raw, str(path))
    if path.suffix.lower() == ".json":
        entries, furniture = read_export(text, path)
    else:
        named = Heading(changed, "day") if date_from == "mtime" else date_of_name(path)
        if named is None and date_from == "name":
            raise BadJournal(
                f"{path}: the name gives no date", hint="rename it like 2024-04-03.md, or --date-from mtime"
            )
        entries, furniture = read_prose(text, path, named, whole=date_from != "heading")
    entries.sort(key=lambda entry: entry.start)
    digest = hashlib.sha256(raw).hexdigest()
    return Reading(path, digest, encoding, text, tuple(entries), tuple(_complete(text, entries, furniture)))


def _read_bytes(path: Path) -> tuple[bytes, date]:
    """The bytes of a regular file of bearable size, and the local day it was last changed."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise BadJournal(f"{path}: not a regular file", hint="name a file or a folder of files")
        if about.st_size > MAX_FILE_BYTES:
            raise BadJournal(
                f"{path}: {about.st_size:,} bytes, a journal file may have {MAX_FILE_BYTES:,}: it is held in memory",
                hint="split it by year",
            )
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES), date.fromtimestamp(about.st_mtime)
    except (OSError, OverflowError, ValueError) as error:  # the last two: a clock far outside the calendar
        said = getattr(error, "strerror", None) or error
        raise BadJournal(f"{path}: cannot be read ({said})", hint=_MAY_READ) from error


def _complete(text: str, entries: list[Entry], furniture: list[Labelled]) -> Iterator[Labelled]:
    """The furniture and a label for every gap it leaves between the entries, in file order."""
    if text.startswith("\ufeff"):
        furniture = [*furniture, ((0, 1), "byte order mark")]
    known: list[tuple[int, int, str]] = [(start, end, kind) for (start, end), kind in furniture]
    known += [(entry.start, entry.end, "") for entry in entries]
    at = 0
    for start, end, kind in [*sorted(known), (len(text), len(text), "")]:
        if at < start:
            yield (at, start), "syntax" if text[at:start].strip() else "blank"
        if kind:
            yield (start, end), kind
        at = end
