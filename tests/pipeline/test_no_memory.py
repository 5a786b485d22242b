"""A machine without memory, and a home that is held: one line, the right exit code, and nothing is lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import OutOfMemory
from app.ledger.store import Ledger
from tests.pipeline.conftest import Bench
from tests.pipeline.scripted import fresh_home

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("failure", [MemoryError(), OutOfMemory()], ids=["python", "device"])
def test_out_of_memory_is_one_line_and_the_next_run_finishes(bench: Bench, tmp_path: Path, failure: Exception) -> None:
    """Exit code 3; the next load gives the graph of an undisturbed one and asks no answered question again."""
    assert bench.load(home=fresh_home(tmp_path / "whole")).code == 0
    once, calm = bench.engine.computed, bench.engine.before

    def fail(asked: int) -> None:
        if asked == once + once // 2:
            raise failure

    bench.engine.before = fail
    told = bench.load()
    (line,) = [line for line in told.err.splitlines() if line.startswith("daybook:")]
    assert (told.code, "no more memory" in line, "Traceback" in told.err) == (3, True, False)
    bench.engine.before = calm
    assert bench.load().code == 0
    assert bench.engine.computed == 2 * once
    assert bench.dump() == bench.dump(tmp_path / "whole" / "home")


def test_another_runtime_error_is_not_called_a_lack_of_memory(bench: Bench) -> None:
    """A mistake of ours stays a mistake, with its trace."""

    def fail(_asked: int) -> None:
        raise RuntimeError("a mistake")

    bench.engine.before = fail
    with pytest.raises(RuntimeError, match="a mistake"):
        bench.load()


def test_the_second_load_of_a_home_is_told_who_holds_it(bench: Bench) -> None:
    """Exit code 4 and one line with the holder's process id, while the first holds the home."""
    command = [sys.executable, "load_journals.py", "--home", str(bench.home), str(bench.journals)]
    with Ledger.open(bench.home):
        told = subprocess.run(command, cwd=REPOSITORY, env={**os.environ}, capture_output=True, text=True, check=False)
    (line,) = told.stderr.splitlines()
    assert (told.returncode, f"in use by process {os.getpid()}" in line) == (4, True), told.stderr
