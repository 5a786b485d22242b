"""The progress bar of a load: entries done, entries a minute, time left; on stderr, so that stdout stays clean.

Knows rich; knows nothing of journals. In: the pipeline's own calls.  Out: one line that moves.
"""

import sys
import time
from contextlib import suppress
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from app.cli.terminal import inert

LINE_EVERY_SECONDS = 30.0  # where stderr is no terminal (a log file, CI) a plain line now and then


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Who no longer reads what is said (`2>&1 | head`) does not end the work; rich would leave without a word."""
        self.quiet = True


class ProgressBar:
    """What the pipeline calls while it works; a do-nothing subclass serves tests."""

    def __init__(self) -> None:
        self._console = _Console(stderr=True)
        self._bar = Progress(
            BarColumn(bar_width=None),
            *(TextColumn(f"{{task.fields[{name}]}}", table_column=Column(no_wrap=True)) for name in ("count", "pace")),
            TextColumn("{task.fields[day]}", table_column=Column(no_wrap=True)),
            console=self._console,
            transient=True,
            expand=True,
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
        self._bar.console.print(inert(line), highlight=False, markup=False, soft_wrap=True)

    def begin(self, entries: int) -> None:
        """The number of entries that this run will read."""
        self._started = self._spoke = time.monotonic()
        self._task = self._bar.add_task("", total=entries, count=f"0/{entries} entries", pace="starting", day="")

    def advance(self, done: int, total: int, day: str) -> None:
        """`done` of `total` entries are in the graph; the next is of `day`."""
        count, pace = f"{done}/{total} entries", _pace(done, total, time.monotonic() - self._started)
        if self._task is not None:
            self._bar.update(self._task, completed=done, count=count, pace=pace, day=day)
        if not self._console.is_terminal and time.monotonic() - self._spoke > LINE_EVERY_SECONDS:
            self._spoke = time.monotonic()
            with suppress(BrokenPipeError):
                print(f"{count}, {pace}", file=sys.stderr, flush=True)


def _pace(done: int, total: int, seconds: float) -> str:
    """Entries a minute and the time left at that pace, once there is one."""
    if not done or seconds <= 0:
        return "starting"
    left = round((total - done) * seconds / done)
    hours, minutes = left // 3600, left % 3600 // 60
    time_left = f"{left} s" if left < 60 else f"{hours} h {minutes} min" if hours else f"{minutes} min"
    rate = done * 60 / seconds
    return f"{rate:.0f}/min, {time_left} left" if rate >= 10 else f"{rate:.1f}/min, {time_left} left"
