"""A run that is stopped, at whatever instant, is finished by the next one; and no run speaks to the network."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.settings import BUNDLED_EMBEDDER

REPOSITORY = Path(__file__).parents[2]


def child(what: str, folder: Path) -> Any:
    """One line of JSON from tests/pipeline/child.py; a warning there is an error here."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.pipeline.child", what, str(folder)],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def test_kill_at_any_moment_then_run_again(tmp_path: Path) -> None:
    """After SIGKILL the same command builds the graph of an undisturbed run and repeats no answered model call."""
    told = child("kill", tmp_path)
    assert told["killed"] == told["deaths"]
    assert (told["different"], told["asked_again"]) == ([], [])


def test_a_load_never_ends_without_a_word(tmp_path: Path) -> None:
    """Ctrl-C, kill and a closed terminal end in one line, a crash tells where, and after a kill the next run tells."""
    told = child("stopped", tmp_path)
    assert told.pop("unheard"), "2>&1 | head does not end a load"
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        one = told[name]
        assert one["code"] == 128 + signal.Signals[name]
        (line,) = [line for line in one["said"] if line.startswith("daybook:")]
        assert "run the same command again" in line
        assert "Traceback" not in "".join(one["said"])
        assert one["told"] == []
    assert any("Segmentation fault" in line for line in told["SIGSEGV"]["said"])
    assert [len(told[name]["told"]) for name in ("SIGSEGV", "SIGKILL")] == [1, 1]
    assert [(one["same"], one["asked"]) for one in told.values()] == [(True, 0)] * 5


@pytest.mark.skipif(not (BUNDLED_EMBEDDER / "model.safetensors").exists(), reason="the bundled embedder is not here")
def test_nothing_is_sent_anywhere(tmp_path: Path) -> None:
    """Load, search and status connect to nothing and look up no name."""
    assert child("quiet", tmp_path) == {"codes": [0, 0, 0], "network": []}
