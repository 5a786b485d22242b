"""Entries that were told to Daybook itself: kept at once, read by whatever load comes next, never lost between."""

import errno
import os
import subprocess
import sys
import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app.errors import HomeBusy, StorageFailed
from app.pipeline import intake, models
from app.pipeline.home import Place
from app.pipeline.intake import Intake, keep_entry
from app.pipeline.request import LoadReport
from app.settings import ROOT
from tests.pipeline.conftest import Bench

TOLD = "Mara lives in Kiel."
KILLED = """
import os, signal, sys
from datetime import date
from pathlib import Path
from app.pipeline.intake import keep_entry
keep_entry(Path(sys.argv[1]), sys.argv[2], date(2024, 5, 6))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_an_entry_survives_a_kill_and_the_next_load_reads_it(bench: Bench) -> None:
    """Whatever journal that load is told to read; once it is in, nothing is asked again."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(bench.home), TOLD],
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == -9
    bench.load()
    (fact,) = [one for one in bench.ask("show", "Mara", "--json").json["facts"] if one["target"] == "Kiel"]
    assert fact["sources"][0]["file"].startswith(str(bench.home / "entries" / "2024-05-06-"))
    computed = bench.engine.computed
    bench.load()
    assert bench.engine.computed == computed


def test_a_server_reads_entries_with_its_own_models_for_the_same_owner(bench: Bench) -> None:
    """What lay there when it began, and what comes later, each told in one line without its words."""
    bench.load()
    lines, heard = list[str](), threading.Event()

    def say(line: str) -> None:
        lines.append(line)
        heard.set()

    def open_models(ledger: Any) -> models.Models:
        return models.open_models("", "", ledger)

    keep_entry(bench.home, TOLD, date(2024, 5, 6))
    reading = Intake(Place(bench.home), "scripted", open_models, say)
    reading.start()
    assert heard.wait(60)
    heard.clear()
    keep_entry(bench.home, "Zoë lives in Kiel.", date(2024, 5, 7))
    reading.wake()
    assert heard.wait(60)
    reading.stop()
    assert lines == ["1 new of 1 entries read", "1 new of 2 entries read"]
    for name in ("Mara", "Zoë"):
        assert "Kiel" in [one["target"] for one in bench.ask("show", name, "--json").json["facts"]]


def test_a_busy_home_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A load that began before the entry was told does not make it wait for the next one."""
    monkeypatch.setattr(intake, "AGAIN_SECONDS", 0.01)
    tries, done = list[int](), threading.Event()

    def load(*_: Any) -> LoadReport:
        tries.append(1)
        if len(tries) < 3:
            raise HomeBusy("held")
        done.set()
        return LoadReport()

    keep_entry(tmp_path, TOLD, date(2024, 5, 6))
    reading = Intake(Place(tmp_path), "scripted", lambda _: None, print, load=load)
    reading.start()
    assert done.wait(30)
    reading.stop()


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "runs/x.json"), "No space left on device: runs/x.json"),
        (MemoryError(), "the machine has no more memory"),
        (StorageFailed("database or disk is full"), "database or disk is full"),
    ],
)
def test_a_failing_disk_or_memory_ends_one_load_and_not_the_reading(
    tmp_path: Path, failure: Exception, told: str
) -> None:
    """It is told in one line, to a log that may lie on the same disk, and the next word to come is read as ever."""
    lines, tries, tried = list[str](), list[int](), threading.Event()

    def load(*_: Any) -> LoadReport:
        tries.append(1)
        if len(tries) < 3:
            raise failure
        return LoadReport(entries=1, entries_new=1)

    def say(line: str) -> None:
        lines.append(line)
        tried.set()
        if len(lines) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")

    keep_entry(tmp_path, TOLD, date(2024, 5, 6))
    reading = Intake(Place(tmp_path), "scripted", lambda _: None, say, load=load)
    reading.start()
    for _ in range(3):
        assert tried.wait(30)
        tried.clear()
        reading.wake()
    reading.stop()
    assert [line.startswith(f"entries were not read: {told}") for line in lines[:2]] == [True, True]
    assert lines[2] == "1 new of 1 entries read"
