"""Read what was told to Daybook itself into the graph while a server runs: in the background, behind everybody.

Knows loads and a thread; knows no socket. In: a word that something was told.  Out: the home, as any load leaves it.
"""

import hashlib
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from app.errors import BadInput, Cancelled, DaybookError, HomeBusy, of_the_machine
from app.pipeline.home import Place
from app.pipeline.load import load_journals
from app.pipeline.request import ENTRIES_NAME, LoadReport, LoadRequest

MAX_ENTRY_CHARS = 100_000
AGAIN_SECONDS = 30.0  # until a home that another load holds is tried again
STOP_SECONDS = 10.0  # for the chunk that is being read; the next load goes on where this one ended

Load = Callable[[LoadRequest, Any], LoadReport]


def keep_entry(home: Path, text: str, day: date) -> Path:
    """Keep an entry on disk, whole and for good; every load reads it in. The same entry twice is one.

    A file, because the home may be held by a load at this moment, and because evidence points into files; the load
    that comes next writes it into the ledger before it asks a model.
    raises   BadInput for an empty entry or one beyond 100,000 characters
    """
    text = text.strip()
    if not 1 <= len(text) <= MAX_ENTRY_CHARS:
        raise BadInput(f"the entry has {len(text):,} characters, 1 to {MAX_ENTRY_CHARS:,} are allowed")
    folder = home / ENTRIES_NAME
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{day.isoformat()}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.md"
    path, beside = folder / name, folder / f".{name}.{os.getpid()}"
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(f"# {day.isoformat()}\n\n{text}\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    inside = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(inside)  # the name, too
    finally:
        os.close(inside)
    return path


class Intake:
    """One thread that loads the entries of a home whenever there may be new ones.

    model        the name of the server's model
    open_models  hands over the server's own models; their background jobs wait for everybody's
    say          told in one line what was read, and what went wrong; never a word of an entry
    """

    def __init__(
        self,
        place: Place,
        model: str,
        open_models: Callable[[Any], Any],
        say: Callable[[str], None],
        *,
        load: Load = load_journals,
    ) -> None:
        self._folder = place.folder / ENTRIES_NAME
        self._request = LoadRequest(
            [self._folder],
            model=model,
            embedder=place.embedder,
            home=place.folder,
            group=place.group,
            open_models=open_models,
        )
        self._say, self._load = say, load
        self._told = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="intake", daemon=True)

    def start(self) -> None:
        """Begin, with what an earlier server or a kill left unread."""
        self._thread.start()
        self.wake()

    def wake(self) -> None:
        """Something was told."""
        self._told.set()

    def stop(self) -> None:
        """End after the chunk that is being read."""
        self._stopping.set()
        self._told.set()
        self._thread.join(STOP_SECONDS)

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._told.wait()
            self._told.clear()
            if not self._stopping.is_set() and any(self._folder.glob("*.md")):
                self._read()

    def _read(self) -> None:
        try:
            report = self._load(self._request, _Quiet(self._stopping))
        except HomeBusy:  # another load, which began before this entry was told
            self._stopping.wait(AGAIN_SECONDS)
            self._told.set()
        except Cancelled:
            return
        except DaybookError as error:  # the entry stays where it is; the next load tries again
            self._tell(f"entries were not read: {error}")
        except (OSError, MemoryError) as error:
            self._tell(f"entries were not read: {of_the_machine(error)}")
        else:
            if report.entries_new:
                self._tell(f"{report.entries_new} new of {report.entries} entries read")

    def _tell(self, line: str) -> None:
        with suppress(OSError):  # the server's log may lie on the very disk that is full
            self._say(line)


class _Quiet:
    """A load's progress that shows nothing, and ends the load between two chunks when the server stops."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping

    def say(self, line: str) -> None:
        """Nobody listens."""

    def begin(self, entries: int) -> None:
        """Nobody looks."""

    def advance(self, done: int, total: int, day: str) -> None:  # noqa: ARG002
        """raises Cancelled when the server stops"""
        if self._stopping.is_set():
            raise Cancelled("the server stops")
