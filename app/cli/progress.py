"""The progress bar of a load: entries done, entries a minute, time left; on stderr, so that stdout stays clean.

Knows rich; knows nothing of journals. In: the pipeline's own calls.  Out: one line that moves.
"""

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

LINE_EVERY_SECONDS = 30.0  # where stderr is no terminal (a log file, CI) a plain line now and then


class ProgressBar:
    """What the pipeline calls while it works; a do-nothing subclass serves tests."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("entries"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[day]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task: TaskID | None = None
        self._started = self._spoke = time.monotonic()

    def __enter__(self) -> "ProgressBar":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def say(self, line: str) -> None:
        """A line that stays: which model serves, which file was put aside and why."""
        self._bar.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def begin(self, entries: int) -> None:
        """The number of entries that this run will read."""
        self._started = self._spoke = time.monotonic()
        self._task = self._bar.add_task("reading", total=entries, rate="", day="")

    def advance(self, done: int, total: int, day: str) -> None:
        """`done` of `total` entries are in the graph; the next is of `day`."""
        minutes = (time.monotonic() - self._started) / 60
        rate = f"{done / minutes:.0f}/min" if done and minutes > 0 else ""
        if self._task is not None:
            self._bar.update(self._task, completed=done, rate=rate, day=day)
        if not self._console.is_terminal and time.monotonic() - self._spoke > LINE_EVERY_SECONDS:
            self._spoke = time.monotonic()
            left = f", about {(total - done) * minutes / done:.0f} min left" if done else ""
            print(f"{done}/{total} entries, {rate or 'starting'}{left}", file=sys.stderr, flush=True)
