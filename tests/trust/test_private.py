"""What is private stays so: no socket, and a manifest that says what a run stood on."""

import hashlib
import sys
from pathlib import Path

import pytest

from tests.pipeline.test_interrupted import child


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux; on a Mac sandbox-exec starts the process again")
def test_a_proved_load_cannot_open_a_socket_and_builds_the_same_graph(tmp_path: Path) -> None:
    """The kernel refuses every socket, nothing asked for one, and the manifest names inputs, models, code and files."""
    told = child("offline", tmp_path)
    assert (told["code"], told["same"], told["refused"]) == (0, True, 2)
    manifest = told["manifest"]
    journal = tmp_path / "journals" / "2024.md"
    assert manifest["inputs"] == {str(journal): hashlib.sha256(journal.read_bytes()).hexdigest()}
    assert manifest["sockets"] == []
    assert manifest["enforced_by"] == "seccomp"
    assert str(journal) in manifest["files_opened"]
    assert all(len(model["sha256"]) == 64 for model in manifest["models"].values())
