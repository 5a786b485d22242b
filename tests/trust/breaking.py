"""Loads in forks of one process, each killed or failed at a chosen instant, and the same command run again after it.

In: a folder and what to break.  Out: one line of JSON. faults.c is preloaded by `start`.
"""

import ctypes
import errno
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SYNC, RENAME, WRITE = 1, 2, 4
CALLS = {"sync": SYNC, "rename": RENAME, "write": WRITE, "any": SYNC | RENAME | WRITE}
JOURNAL = (
    ("2024-03-04", "Nadia works at Helios. Thomas lives in Lyon."),
    ("2024-03-11", "Nadia left Helios. Nadia met Thomas."),
)


def start(what: str, folder: Path, *arguments: str) -> Any:
    """Run this module in a process with the faults preloaded; returns what it found."""
    library = folder / "faults.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, HERE / "faults.c", "-ldl"], check=True)
    told = subprocess.run(
        [sys.executable, "-m", "tests.trust.breaking", what, str(folder), *arguments],
        cwd=HERE.parents[1],
        env={**os.environ, "OMP_NUM_THREADS": "1", "LD_PRELOAD": str(library)},
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        raise AssertionError(told.stderr)
    return json.loads(told.stdout)


class Breaker:
    """A peaceful run as the measure, and homes that are broken and mended beside it."""

    def __init__(self, folder: Path, journal: tuple[tuple[str, str], ...] = JOURNAL) -> None:
        from tests.pipeline.child import in_a_fork
        from tests.pipeline.scripted import fresh_home, write_journal

        self._fork, self._fresh = in_a_fork, fresh_home
        self.folder = folder
        self.journals = write_journal(folder / "journals" / "2024.md", *journal).parent
        self._homes = 0
        self._faults = ctypes.CDLL(None)
        self._faults.fault_seen.restype = ctypes.c_long
        _, self.peace = self.run(self.home())

    def home(self) -> Path:
        """A fresh home."""
        self._homes += 1
        return self._fresh(self.folder / str(self._homes))

    def run(
        self, home: Path, calls: int = 0, nth: int = 0, number: int = 0, *, stays: bool = False, die_after: int = 0
    ) -> tuple[int, Any]:
        """(signal that ended it, what the load reported)."""

        def job() -> Any:
            import pytest

            from tests.pipeline.child import count_statements, load

            with pytest.MonkeyPatch.context() as patch:
                told = count_statements(patch, die_after or None)
                self._faults.fault_arm(str(home).encode(), calls or 7, ctypes.c_long(nth), number, int(stays))
                found = load(self.journals, home)
                seen = self._faults.fault_seen()
                self._faults.fault_arm(b"", 0, ctypes.c_long(0), 0, 0)
                return {**found, "seen": seen, "statements": told[0]}

        return self._fork(job)

    def broken_then_mended(self, **how: Any) -> dict[str, Any]:
        """One death (or failure) and one more run: what went wrong, if anything."""
        home = self.home()
        ended_by, first = self.run(home, **how)
        lost_text = {"killed": ended_by == signal.SIGKILL, "died": ended_by, "code": first and first["code"]}
        _, again = self.run(home)
        faults = []
        if again is None or again["code"]:
            faults.append(f"the second run failed: {again and again['code']}")
        else:
            if again["dump"] != self.peace["dump"]:
                faults.append("another graph")
            if again["recorded"] + again["computed"] != self.peace["computed"]:
                faults.append(f"calls asked twice: {again['recorded']}+{again['computed']}")
            if (states := _states(home)) != _states_of_peace(self):
                faults.append(f"chunks {states}")
        return {**lost_text, "faults": faults, "how": how}


def _states(home: Path) -> list[Any]:
    with sqlite3.connect(home / "ledger.sqlite") as ledger:
        rows = ledger.execute("SELECT state, count(*), count(DISTINCT chunk_id) FROM chunks GROUP BY state ORDER BY 1")
        found = [list(row) for row in rows]
    ledger.close()
    return found


def _states_of_peace(breaker: Breaker) -> list[Any]:
    return _states(breaker.folder / "1" / "home")


def at_every(folder: Path, kind: str, most: str) -> dict[str, Any]:
    """Kill at the n-th call of a kind, n = 1, 2, 3, ... until a run is not killed; at most so many of them, evenly."""
    breaker = Breaker(folder)
    key = {"statement": "statements"}.get(kind, "seen")
    if key == "seen":
        _, counted = breaker.run(breaker.home(), calls=CALLS[kind])
        total = counted["seen"]
    else:
        total = breaker.peace["statements"]
    moments = sorted({1 + place * total // int(most) for place in range(int(most))} | {total}) if int(most) else []
    found = []
    for moment in moments or range(1, 1_000_000):
        how = {"die_after": moment} if kind == "statement" else {"calls": CALLS[kind], "nth": moment}
        found.append(breaker.broken_then_mended(**how))
        if not found[-1]["killed"]:
            break
    return _told(found, total)


def at_random(folder: Path, times: str, seed: str) -> dict[str, Any]:
    """Kill at random instants of the clock, again and again until the load finishes; then start with a new home."""
    breaker, chance = Breaker(folder), random.Random(int(seed))
    _, counted = breaker.run(breaker.home())
    found = []
    for _ in range(int(times)):
        kind = chance.choice(["any", "any", "statement"])
        total = counted["statements"] if kind == "statement" else counted["seen"]
        moment = chance.randint(1, total)
        how = {"die_after": moment} if kind == "statement" else {"calls": CALLS[kind], "nth": moment}
        found.append(breaker.broken_then_mended(**how))
    return _told(found, counted["seen"] + counted["statements"])


def failing(folder: Path, number: str, most: str) -> dict[str, Any]:
    """Let the n-th write fail for good, as a full disk does, or once, as a bad sector does."""
    breaker = Breaker(folder)
    _, counted = breaker.run(breaker.home(), calls=WRITE | SYNC)
    code, total = getattr(errno, number), counted["seen"]
    moments = sorted({1 + place * total // int(most) for place in range(int(most))})
    found = [
        breaker.broken_then_mended(calls=WRITE | SYNC, nth=n, number=code, stays=number == "ENOSPC") for n in moments
    ]
    return _told(found, total)


def _told(found: list[dict[str, Any]], total: int) -> dict[str, Any]:
    return {
        "total": total,
        "tried": len(found),
        "killed": sum(one["killed"] for one in found),
        "codes": sorted({str(one["code"] if one["code"] is not None else f"signal {one['died']}") for one in found}),
        "faults": [one for one in found if one["faults"]],
    }


if __name__ == "__main__":
    jobs: dict[str, Callable[..., Any]] = {"every": at_every, "random": at_random, "failing": failing}
    began = time.monotonic()
    result = jobs[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
    print(json.dumps({**result, "seconds": round(time.monotonic() - began, 1)}))
