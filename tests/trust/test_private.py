"""What is private stays so: no socket, a manifest that says what a run stood on, and no word of it in any log."""

import hashlib
import json
import logging
import os
import resource
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from app.errors import Truncated
from app.graph.quiet import SWITCHES
from app.llm.folder import open_folder
from app.pipeline.intake import keep_entry
from app.settings import ROOT
from tests.pipeline.child import in_a_fork, load
from tests.pipeline.conftest import Bench
from tests.pipeline.scripted import WEEKS, write_journal
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
    assert manifest["telemetry"] == SWITCHES
    code = [*sorted((ROOT / "app").rglob("*.py")), ROOT / "load_journals.py", ROOT / "requirements.lock"]
    lines = [f"{path.relative_to(ROOT)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in code]
    assert manifest["code"] == hashlib.sha256("\n".join(lines).encode()).hexdigest()
    home = tmp_path / "shut" / "home"
    opened = {str(journal), str(home / "ledger.sqlite"), str(home / "graph.kuzu"), str(home / "graph.kuzu.wal")}
    assert opened <= set(manifest["files_opened"])
    for use, name in (("generator", "daybook-nano"), ("embedder", "daybook-nano-embed")):
        model = ROOT / "models" / name
        assert manifest["models"][use] == {"name": str(model), "sha256": open_folder(str(model)).fingerprint}


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp, and a file system that takes any bytes as a name")
def test_a_manifest_is_written_whatever_a_file_is_called(bench: Bench) -> None:
    """A file whose name is no text is put aside, which the manifest says, too; the others are read."""
    odd = Path(os.fsdecode(os.fsencode(bench.journals) + b"/caf\xe9.md"))
    odd.write_text("# 2024-03-04\n\nNadia met Mara.\n")
    ended_by, told = in_a_fork(lambda: load(bench.journals, bench.home, options=["--prove-offline"]))
    assert (ended_by, told["code"], len(bench.dump()["episodes"])) == (0, 2, len(WEEKS))
    manifest = json.loads((bench.home / "offline.json").read_text(encoding="utf-8"))
    assert list(manifest["inputs"]) == [str(bench.journals / "2024.md")]
    assert manifest["put_aside"] == [f"{bench.journals}/caf\\udce9.md: the name is not UTF-8 (rename it)"]


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp")
def test_a_manifest_holds_what_was_read_and_says_what_was_put_aside(bench: Bench) -> None:
    """Also what was told to Daybook itself; a link to nowhere and a pipe without a writer neither end nor stop it."""
    (bench.journals / "gone.md").symlink_to(bench.journals / "nowhere.md")
    os.mkfifo(bench.journals / "pipe.md")
    told = keep_entry(bench.home, "Mara lives in Kiel.", date(2024, 5, 6))
    ended_by, ran = in_a_fork(lambda: load(bench.journals, bench.home, options=["--prove-offline"]))
    assert (ended_by, ran["code"]) == (0, 2)
    manifest = json.loads((bench.home / "offline.json").read_text(encoding="utf-8"))
    read = (bench.journals / "2024.md", told)
    assert manifest["inputs"] == {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in read}
    assert [line.split(": ")[0] for line in manifest["put_aside"]] == [
        str(bench.journals / name) for name in ("gone.md", "pipe.md")
    ]


@contextmanager
def small_files(room: int) -> Iterator[None]:
    """Let no file grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What any logger tells the root's handlers from INFO up; pytest's own also listen at loggers that are shut."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    for name in ("", *logging.root.manager.loggerDict):
        caplog.set_level(logging.INFO, logger=name)
    logging.root.addHandler(handler)
    yield lines
    logging.root.removeHandler(handler)


@pytest.mark.parametrize("failure", [None, Truncated("cut off"), MemoryError(), RuntimeError("a mistake")])
def test_no_log_and_no_error_quotes_the_journal(bench: Bench, heard: list[str], failure: Exception | None) -> None:
    """Every logger at INFO, loads that end well and that fail, and what may follow: nothing holds the entry's words."""
    secrets = ("quuxmarin", "velvet gloves")
    write_journal(bench.journals / "2024.md", ("2024-03-04", "Nadia works at Quuxmarin. Nadia has velvet gloves."))

    def fail(asked: int) -> None:
        if asked == 1 and failure is not None:
            raise failure

    bench.engine.before = fail
    said = ""
    try:
        with small_files((bench.home / "graph.kuzu").stat().st_size + (32 << 20)):
            said += bench.load().err  # the graph refuses to write
        said += bench.load().err
    except RuntimeError as error:
        said += "".join(traceback.format_exception(error))
    said += bench.ask("status").out
    bench.engine.before = lambda _: None
    for words in (["search", "velvet"], ["rebuild"], ["forget", "2024-03-04"]):
        said += bench.ask(*words).err
    assert said
    logging.getLogger("graphiti_core.nodes").error("Quuxmarin")  # whatever Graphiti says goes nowhere
    logging.getLogger("app.pipeline").info("heard")
    assert heard[-1] == "heard"
    assert [one for one in secrets if one in "\n".join([said, *heard]).lower()] == []
