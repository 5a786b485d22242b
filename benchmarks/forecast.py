"""A run's forecast, made before it starts, against its wall time: `python -m benchmarks.forecast [--entries 60]`.

Knows the load that a person runs; measures nothing of its own. In: a diary.  Out: a row for each of three runs.

One home: a first run teaches the ledger its pace, the next is foretold and held against the clock, and so is a third
of half as many entries. Every run reads entries that none before it has read, into a graph that grows.
"""

import argparse
import tempfile
import time
from pathlib import Path

import app.llm.mkl  # noqa: F401  # before anything that brings mlx in

# isort: split
from app.pipeline.load import load_journals
from app.pipeline.request import LoadReport, LoadRequest
from app.settings import BUNDLED_MODEL
from benchmarks.common import OWNER, SHARED, about, bundled

DIARY = SHARED / "diaries" / "raw" / "pepys_1664_one_file.txt"  # 366 entries


class Silent:
    """A door that shows nothing."""

    def say(self, line: str) -> None:
        """Not shown."""

    def begin(self, entries: int) -> None:
        """Not shown."""

    def advance(self, done: int, total: int, day: str) -> None:
        """Not shown."""


def run(diary: Path, home: Path, limit: int) -> tuple[LoadReport, float]:
    """Read the entries up to `limit` that were not read yet; the report, and the seconds it took."""
    started = time.monotonic()
    report = load_journals(
        LoadRequest(paths=[diary], home=home, owner=OWNER, model=str(BUNDLED_MODEL), limit=limit), Silent()
    )
    return report, time.monotonic() - started


def main() -> None:
    """One table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("diary", type=Path, nargs="?", default=DIARY, help="a file or folder of enough entries")
    parser.add_argument("--learn", type=int, default=20, help="entries of the first run")
    parser.add_argument("--entries", type=int, default=60, help="of the run that is foretold; the third has half")
    options = parser.parse_args()
    print(f"{about(bundled())}\n")
    print("| run | entries | chunks | foretold, s | interval, s | took, s | error |\n|---|---|---|---|---|---|---|")
    limit, chunks = 0, 0
    with tempfile.TemporaryDirectory() as home:
        runs = (("teaches", options.learn), ("foretold", options.entries), ("foretold", options.entries // 2))
        for name, entries in runs:
            limit += entries
            report, seconds = run(options.diary, Path(home), limit)
            told, error = report.forecast, report.forecast_error
            assert told is not None
            assert error is not None
            read, chunks = report.chunks_planned - chunks, report.chunks_planned
            print(
                f"| {name} | {entries} | {read} | {told.seconds:,.0f} | {told.low:,.0f} to {told.high:,.0f} "
                f"| {seconds:,.0f} | {error:+.0%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
