"""Commands in forks of one process, each killed or failed at a chosen instant, and run again after it.

In: a folder, a command and what to break.  Out: one line of JSON. faults.c is preloaded by `start`.
"""

import ctypes
import errno
import json
import os
import random
import shutil
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
CALLS = {"sync": SYNC, "rename": RENAME, "write": WRITE | SYNC, "any": SYNC | RENAME | WRITE}
JOURNAL = (
    ("2024-03-04", "Nadia works at Helios. Thomas lives in Lyon."),
    ("2024-03-11", "Nadia left Helios. Nadia met Thomas."),
)
EDITED = ("2024-03-04", "Nadia works at Helios. Thomas lives in Kiel.")
FORGOTTEN = b"lyon"  # said on the first day alone, and only before it was edited


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
    """A peaceful run of a command as the measure, and homes that are broken and mended beside it.

    what   load: into an empty home; of a home that is loaded: forget (the first day), edit (it says something else, and
           is loaded again), rebuild, rebuild --into
    """

    def __init__(self, folder: Path, what: str = "load") -> None:
        from tests.pipeline.child import in_a_fork, load
        from tests.pipeline.scripted import fresh_home, write_journal

        self._fork, self._what = in_a_fork, what
        self.folder = folder
        self.journals = write_journal(folder / "journals" / "2024.md", *JOURNAL).parent
        self._homes = 0
        self._totals: dict[str, int] = {}
        self._faults = ctypes.CDLL(None)
        self._faults.fault_seen.restype = ctypes.c_long
        self._first = fresh_home(folder / "first")
        if what != "load":
            in_a_fork(lambda: load(self.journals, self._first))
        if what == "edit":
            write_journal(self.journals / "2024.md", EDITED, *JOURNAL[1:])
        self.calm = self.home()
        _, self.peace = self.run(self.calm)
        self._chunks = _states(self.outcome(self.calm))

    def home(self) -> Path:
        """A home on which the command can be run."""
        self._homes += 1
        return Path(shutil.copytree(self._first.parent, self.folder / str(self._homes))) / "home"

    def outcome(self, home: Path) -> Path:
        """The home that the command leaves."""
        return home.with_name("elsewhere") if self._what == "rebuild --into" else home

    def _command(self, home: Path) -> Any:
        from app import __main__ as daybook
        from tests.pipeline.child import load, ran

        if self._what in ("load", "edit"):
            return load(self.journals, home)
        more = {"forget": [JOURNAL[0][0]], "rebuild --into": [str(self.outcome(home))]}.get(self._what, [])
        words = [*self._what.split(), *more, "--home", str(home)]
        return ran(self.outcome(home), lambda: daybook.main(words))

    def total(self, kind: str) -> int:
        """How often a peaceful run does what `kind` names."""
        if kind not in self._totals:
            _, told = self.run(self.home(), calls=CALLS.get(kind, 0))
            self._totals[kind] = int(told["statements" if kind == "statement" else "seen"])
        return self._totals[kind]

    def run(
        self, home: Path, calls: int = 0, nth: int = 0, number: int = 0, *, stays: bool = False, die_after: int = 0
    ) -> tuple[int, Any]:
        """(signal that ended it, what the command reported)."""

        def job() -> Any:
            import pytest

            from tests.pipeline.child import count_statements

            with pytest.MonkeyPatch.context() as patch:
                told = count_statements(patch, die_after or None)
                self._faults.fault_arm(f"{home.parent}/".encode(), calls or 7, ctypes.c_long(nth), number, int(stays))
                found = self._command(home)
                seen = self._faults.fault_seen()
                self._faults.fault_arm(b"", 0, ctypes.c_long(0), 0, 0)
                return {**found, "seen": seen, "statements": told[0]}

        return self._fork(job, self.folder / "said")

    def broken_then_mended(self, *, then: dict[str, Any] | None = None, **how: Any) -> dict[str, Any]:
        """One death (or failure) and one more run: what went wrong, if anything.

        then   how the next run dies, too, if it comes that far
        """
        home = self.home()
        ended_by, first = self.run(home, **how)
        said = [line for line in (self.folder / "said").read_text().splitlines() if line.startswith("daybook:")]
        told = {"killed": ended_by == signal.SIGKILL, "died": ended_by, "code": first and first["code"]}
        if then:
            self.run(home, **then)
        _, again = self.run(home)
        faults = [] if not told["code"] or len(said) == 1 else [f"not one line of what failed, {len(said)}"]
        if self._what == "forget" and again and again["code"] == 2:  # it was killed after the last of it
            again = {**again, "code": 0, "dump": _dump(home)}
        if again is None or again["code"]:
            faults.append(f"the second run failed: {again and again['code']}")
        else:
            if again["dump"] != self.peace["dump"]:
                faults.append("another graph")
            if self._asked_again(again):
                faults.append(f"calls asked twice: {again['recorded']}+{again['computed']}")
            if (states := _states(self.outcome(home))) != self._chunks:
                faults.append(f"chunks {states}")
            if self._what in ("forget", "edit"):
                faults += [f"{file} holds a forgotten word" for file in _holders(home, FORGOTTEN)]
        shutil.rmtree(home.parent)
        return {**told, "faults": faults, "how": how, "then": then}

    def _asked_again(self, again: dict[str, Any]) -> bool:
        """Whether a question that the broken run had answered was computed once more."""
        if self._what.startswith("rebuild"):
            return bool(again["computed"])
        told, wanted = (run["recorded"] + run["computed"] for run in (again, self.peace))
        # At its end forgetting sweeps answers from the ledger: a run that was killed after that leaves fewer of them.
        return bool(told != wanted if self._what == "load" else told > wanted)


def _dump(home: Path) -> Any:
    from tests.pipeline.child import in_a_fork
    from tests.pipeline.conftest import dump_of

    return in_a_fork(lambda: dump_of(home))[1]


def _holders(home: Path, word: bytes) -> list[str]:
    return [file.name for file in home.rglob("*") if file.is_file() and word in file.read_bytes().lower()]


def _states(home: Path) -> list[Any]:
    with sqlite3.connect(home / "ledger.sqlite") as ledger:
        rows = ledger.execute("SELECT state, count(*), count(DISTINCT chunk_id) FROM chunks GROUP BY state ORDER BY 1")
        found = [list(row) for row in rows]
    ledger.close()
    return found


def at_every(breaker: Breaker, kind: str, most: int = 0) -> dict[str, Any]:
    """Kill at the n-th call of a kind, n = 1, 2, 3, ... until a run is not killed; or at so many of them, evenly."""
    total = breaker.total(kind)
    moments = sorted({1 + place * total // most for place in range(most)}) if most else range(1, 1_000_000)
    found = []
    for moment in moments:
        found.append(breaker.broken_then_mended(**_death(kind, moment)))
        if not found[-1]["killed"]:
            break
    return _told(found, total)


def at_random(breaker: Breaker, times: int, seed: int) -> dict[str, Any]:
    """Kill at any write, sync, rename or query, drawn at random; of eight runs that mend one is killed as well."""
    chance = random.Random(seed)

    def death() -> dict[str, Any]:
        kind = chance.choice(["any", "any", "statement"])
        return _death(kind, chance.randint(1, breaker.total(kind)))

    found = [breaker.broken_then_mended(**death(), then=death() if place % 8 == 7 else None) for place in range(times)]
    return _told(found, breaker.total("any") + breaker.total("statement"))


def failing(breaker: Breaker, number: str, most: int) -> dict[str, Any]:
    """Let the n-th write fail for good, as a full disk does, or once, as a bad sector does."""
    total = breaker.total("write")
    stays = number == "ENOSPC"
    found = [
        breaker.broken_then_mended(
            calls=WRITE | SYNC, nth=1 + place * total // most, number=getattr(errno, number), stays=stays
        )
        for place in range(most)
    ]
    return _told(found, total)


def suite(folder: Path) -> dict[str, Any]:
    """What the tests try; `python -m benchmarks.kills` tries more."""
    commands = ("load", "forget", "edit", "rebuild --into")
    loads, forgets, edits, moves = (Breaker(folder / what, what) for what in commands)
    return {
        "every rename": at_every(loads, "rename"),
        "some syncs": at_every(loads, "sync", 5),
        "some statements": at_every(loads, "statement", 5),
        "random": at_random(loads, 72, int(time.time())),  # more than a hundred deaths with the others
        **{number: failing(loads, number, 2) for number in ("ENOSPC", "EIO", "ENOMEM")},
        "forget": {kind: at_every(forgets, kind, 3) for kind in ("statement", "rename")},
        "edit": {kind: at_every(edits, kind, 2) for kind in ("statement", "rename")},
        "rebuild --into": {kind: at_every(moves, kind, 3) for kind in ("statement", "rename")},
    }


def _death(kind: str, moment: int) -> dict[str, Any]:
    return {"die_after": moment} if kind == "statement" else {"calls": CALLS[kind], "nth": moment}


def _told(found: list[dict[str, Any]], total: int) -> dict[str, Any]:
    return {
        "total": total,
        "tried": len(found),
        "killed": sum(one["killed"] for one in found),
        "codes": sorted({str(one["code"] if one["code"] is not None else f"signal {one['died']}") for one in found}),
        "faults": [one for one in found if one["faults"]],
    }


if __name__ == "__main__":
    job, folder, what = sys.argv[1], Path(sys.argv[2]), (sys.argv[3:4] or ["load"])[0]
    jobs: dict[str, Callable[[], Any]] = {
        "suite": lambda: suite(folder),
        "every": lambda: at_every(Breaker(folder, what), sys.argv[4]),
        "random": lambda: at_random(Breaker(folder, what), int(sys.argv[4]), int(sys.argv[5])),
        "failing": lambda: failing(Breaker(folder, what), sys.argv[4], int(sys.argv[5])),
    }
    print(json.dumps(jobs[job]()))
