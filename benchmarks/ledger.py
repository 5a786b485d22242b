"""What the ledger costs, and how soon a killed load goes on: `python -m benchmarks.ledger [--entries 1000] [--runs 5]`.

Knows the tests' scripted model, which answers at once, and for `--share` the bundled one. In: a number of entries.
Out: JSON: the time a load takes to its first question after a kill and after a peaceful end, side by side, and the time
a ledger of that size takes to open; or the share of an ingestion's wall time that is spent in the ledger.
"""

import argparse
import json
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

import load_journals
from app.ledger.database import Database
from app.ledger.store import Ledger
from app.settings import ROOT
from tests.pipeline.child import in_a_fork
from tests.pipeline.scripted import OWNER, fresh_home, install, write_journal

NAMES = ("Nadia", "Thomas", "Mara", "Helios", "Lyon", "Kiel", "Bern")
VERBS = ("met", "visited", "works at", "lives in")


def diary(entries: int) -> list[tuple[date, str]]:
    """One short made entry a day."""
    return [
        (
            date(2000, 1, 1) + timedelta(days=day),
            f"{NAMES[day % 7]} {VERBS[day % 4]} {NAMES[(day // 7 + 1 + day) % 7]}.",
        )
        for day in range(entries)
    ]


def load(journals: Path, home: Path, before: Callable[[int], None] = lambda _: None) -> float:
    """Seconds of one run of the command."""
    with pytest.MonkeyPatch.context() as patch:
        install(patch, before)
        started = time.perf_counter()
        code = load_journals.main([str(journals), "--home", str(home), "--owner", OWNER])
    if code:
        raise SystemExit(f"the load ended with {code}")
    return time.perf_counter() - started


def recovery(entries: int, runs: int, folder: Path) -> dict[str, Any]:
    """A home of so many entries; each time one more entry is read after a peaceful end, and one after a kill in it."""
    journals, home = folder / "journals", fresh_home(folder)
    days = diary(entries + 2 * runs)
    write_journal(journals / "diary.md", *days[:entries])
    in_a_fork(lambda: load(journals, home))
    peaceful, killed = [], []
    for number in range(runs):
        first = entries + 2 * number
        write_journal(journals / "diary.md", *days[: first + 1])
        peaceful.append(in_a_fork(lambda: load(journals, home))[1])
        write_journal(journals / "diary.md", *days[: first + 2])
        in_a_fork(lambda: load(journals, home, lambda asked: os.kill(os.getpid(), signal.SIGKILL) if asked else None))
        killed.append(in_a_fork(lambda: load(journals, home))[1])
    calm, after = statistics.median(peaceful), statistics.median(killed)
    return {
        "entries": entries, "peaceful_s": calm, "after_kill_s": after, "recovery_s": after - calm, "runs": killed,
        "open_s": statistics.median(opening(home) for _ in range(31)),
    }  # fmt: skip


def opening(home: Path) -> float:
    """Seconds until a ledger is open, every row of it checked that is checked then."""
    started = time.perf_counter()
    with Ledger.open(home):
        return time.perf_counter() - started


def share(folder: Path) -> dict[str, Any]:
    """The sample journals with the bundled model, every call of the ledger's database timed from outside."""
    spent, depth = [0.0], [0]

    def timed(run: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            started, depth[0] = time.perf_counter(), depth[0] + 1
            try:
                return run(*arguments, **options)
            finally:
                depth[0] -= 1
                if not depth[0]:
                    spent[0] += time.perf_counter() - started

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("rows", "each", "scrub", "close"):
            patch.setattr(Database, name, timed(getattr(Database, name)))
        started = time.perf_counter()
        code = load_journals.main([str(ROOT / "data" / "journals"), "--home", str(folder / "home"), "--owner", "Nora"])
        total = time.perf_counter() - started
    return {"code": code, "seconds": total, "ledger_s": spent[0], "share": spent[0] / total}


def main() -> None:
    """Measure one of the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--share", action="store_true", help="the ledger's share of a load of the sample journals")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = share(Path(folder)) if options.share else recovery(options.entries, options.runs, Path(folder))
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
