"""What the commands say: results on stdout, one line for every failure, and nothing of either to strangers."""

import json
import os
import resource
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from app.budget.planner import TYPICAL, Pace
from app.ledger.store import Ledger
from app.pipeline.reading import read_files
from app.settings import BUNDLED_MODEL
from tests.pipeline.conftest import Bench
from tests.pipeline.scripted import write_journal

REPOSITORY = Path(__file__).parents[2]
BAD_UTF8 = b"# 2024-05-01\n\nh\xc3\xa9llo w\xc3\xb6rld \xff\xc3 bad\n"


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_json_is_one_object_and_nothing_else(bench: Bench) -> None:
    """Everything for people goes to stderr."""
    told = bench.load(bench.journals, "--json")
    assert told.out.count("\n") == 1
    assert told.json["chunks_planned"] == 4
    assert "scripted" in told.err


def test_a_refused_file_does_not_stop_the_others(bench: Bench) -> None:
    """It is named with the byte that is to blame, the rest is loaded, and the exit code is 2."""
    (bench.journals / "bad.md").write_bytes(BAD_UTF8)
    told = bench.load(bench.journals, "--json")
    assert told.code == 2
    (line,) = [line for line in told.err.splitlines() if line.startswith("put aside:")]
    assert "bad.md: byte 28 is not UTF-8" in line
    assert (told.json["files"], told.json["chunks_done"], len(told.json["refused"])) == (1, 3, 1)


def test_a_known_file_that_turns_bad_keeps_its_entries(bench: Bench) -> None:
    """A file that cannot be read today is not a file without entries."""
    write_journal(bench.journals / "other.md", ("2024-06-01", "Mara lives in Kiel."))
    bench.load()
    before = bench.dump()
    (bench.journals / "2024.md").write_bytes(BAD_UTF8)
    told = bench.load()
    assert told.code == 2
    assert "no file any more" not in told.err
    assert bench.dump() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "no such file or folder"),
        (["empty"], "no journal file in this folder"),
        (["binary.txt"], "binary file"),
        (["undated.txt"], "--date-from"),
        (["bad.md"], "byte 28 is not UTF-8"),
        (["circle"], "symbolic links"),
        (["2024.md", "--since", "2024-13-01"], "write it as YYYY-MM-DD"),
        (["2024.md", "--since", "2024-02-01", "--until", "2024-01-01"], "later than --until"),
        (["2024.md", "--limit", "0"], "1 or more"),
        (["2024.md", "--group", "a b"], "DAYBOOK_GROUP is 'a b' (allowed: 1 to 64 of "),
        (["2024.md", "--owner", "x" * 81], "(allowed: a name, "),
        (["2024.md", "--owner", " "], "--owner is empty (see: load_journals.py --help)"),
        (["caf\udce9"], "caf\\udce9 is not UTF-8 (see: load_journals.py --help)"),
        (["2024.md", ""], "an argument is empty (see: load_journals.py --help)"),
    ],
)
def test_bad_input_is_one_line(bench: Bench, arguments: list[str], said: str) -> None:
    """What happened and what was allowed, exit code 2, no model, and nothing written."""
    (bench.journals / "empty").mkdir()
    (bench.journals / "binary.txt").write_bytes(bytes(range(256)))
    (bench.journals / "undated.txt").write_text("words without a day\n")
    (bench.journals / "bad.md").write_bytes(BAD_UTF8)
    (bench.journals / "circle").symlink_to(bench.journals / "circle")
    try:
        told = bench.load(bench.journals / arguments[0], *arguments[1:])
        code, err = told.code, told.err
    except SystemExit as stop:
        code, err = int(str(stop.code)), bench.read()[1]
    assert code == 2
    (line,) = err.splitlines()
    assert line.startswith("daybook: ")
    assert said in line
    assert (bench.engine.computed, {p.name for p in bench.home.iterdir()}) == (0, {"graph.kuzu"})


def test_an_unreadable_file_does_not_stop_the_others() -> None:
    """One line names it and what to do. Root may read everything, so it becomes somebody else for the moment."""
    with tempfile.TemporaryDirectory() as name:
        folder, user = Path(name), os.geteuid()
        folder.chmod(0o755)
        for file, mode in (("2024-01-01.md", 0o644), ("2024-01-02.md", 0)):
            (folder / file).write_text("Anna came.\n", encoding="utf-8")
            (folder / file).chmod(mode)
        try:
            if user == 0:
                os.seteuid(65534)
            if not os.access(folder / "2024-01-01.md", os.R_OK, effective_ids=True):
                pytest.skip("nobody else may look into the folder for temporary files here")
            read = read_files([folder], date_from="heading", chunk_tokens=100, count_tokens=len)
        finally:
            os.seteuid(user)
    (line,) = read.refused
    assert "2024-01-02.md: cannot be read (Permission denied) (see that it is there and yours to read" in line
    assert [reading.path.name for reading in read.readings] == ["2024-01-01.md"]


def test_a_group_nobody_loaded_and_a_place_below_a_file_are_refused(bench: Bench, tmp_path: Path) -> None:
    """By every command alike, in one line with a hint."""
    bench.load()
    (tmp_path / "file").write_text("")
    for typed, said in (
        (["status", "--group", "nobody"], "holds no group 'nobody' ("),
        (["search", "x", "--group", "nobody"], "holds no group 'nobody' ("),
        (["search", "x", "--group", "a b/c"], "DAYBOOK_GROUP is 'a b/c' (allowed: 1 to 64 of "),
        (["export", "csv", "--out", str(tmp_path / "file" / "x")], "cannot be made: Not a directory ("),
    ):
        told = bench.ask(*typed)
        assert (told.code, told.out, len(told.err.splitlines())) == (2, "", 1)
        assert said in told.err


def test_a_busy_home_names_its_holder(bench: Bench) -> None:
    """A second process gets exit code 4, and the id of the first."""
    with Ledger.open(bench.home):
        told = bench.load(bench.journals, "--json")
        assert told.code == 4
        assert f"process {os.getpid()}" in told.err
        assert told.json["error"]["code"] == "home_busy"
        assert bench.ask("status").code == 4
    assert bench.load().code == 0


def test_a_full_disk_stops_and_the_next_run_finishes(bench: Bench) -> None:
    """Exit code 3, one line, and the same command goes on when there is room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (bench.home / "graph.kuzu").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + (32 << 20), hard))
    try:
        told = bench.load()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert told.code == 3
    assert "disk is full" in told.err.splitlines()[-1]
    assert bench.load(bench.journals, "--json").json["chunks_done"] == 3


def test_a_home_is_private(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are 0700 and files 0600, also the logs that exist only while a run lasts."""
    seen: dict[str, int] = {}
    private: dict[str, int] = {}

    def look(_: int) -> None:
        for path in [bench.home, *bench.home.rglob("*")]:
            seen[path.name] = seen.get(path.name, 0) | stat.S_IMODE(path.stat().st_mode)
            private[path.name] = 0o700 if path.is_dir() else 0o600

    monkeypatch.setattr(bench.engine, "before", look)
    os.umask(0)
    (bench.home / "graph.kuzu").unlink()
    try:
        bench.load()
    finally:
        os.umask(0o022)
    look(0)
    assert {"ledger.sqlite-wal", "graph.kuzu.wal"} <= seen.keys()
    assert {name: oct(mode) for name, mode in seen.items() if mode != private[name]} == {}


def test_search_show_and_status(bench: Bench) -> None:
    """People get lines, programs JSON; both carry dates, file and sentence."""
    bench.load()
    assert "2024-03-04 to 2024-04-21  Nadia works at Helios." in bench.ask("search", "Helios").out
    assert [f["fact"] for f in bench.ask("search", "Helios works", "--limit", "1", "--json").json] == [
        "Nadia works at Helios."
    ]
    then = bench.ask("search", "Helios", "--as-of", "2024-03-10", "--json").json
    assert "Nadia left Helios." not in {f["fact"] for f in then}
    shown = bench.ask("show", "nadia").out
    assert shown.startswith("Nadia (Person), named ")
    assert "2024.md:" in shown
    status = bench.ask("status", "--json").json
    assert (status["files"], status["entries"], status["chunks_planned"], status["facts"]) == (1, 4, 4, 7)
    assert "4 planned = 3 done + 1 empty + 0 quarantined" in bench.ask("status").out


def test_an_unknown_name_offers_near_ones(bench: Bench) -> None:
    """A misspelt entity is exit code 2 and the spelling the graph knows."""
    bench.load()
    told = bench.ask("show", "Nadja", "--json")
    assert told.code == 2
    assert "did you mean Nadia" in told.err
    assert told.json["error"]["code"] == "bad_input"


@pytest.mark.parametrize("command", [["status"], ["search", "x"], ["show", "x"]])
def test_looking_before_any_load_says_what_to_do(bench: Bench, tmp_path: Path, command: list[str]) -> None:
    """It is no crash and makes no home."""
    told = bench.ask(*command, home=tmp_path / "none")
    assert told.code == 2
    assert "load_journals.py" in told.err
    assert not (tmp_path / "none").exists()


def test_a_dry_run_wakes_no_model(bench: Bench, tmp_path: Path) -> None:
    """Neither mlx nor graphiti nor dspy is imported to read, plan and foretell, where the model ran before.

    And nothing is left in that home.
    """
    known = tmp_path / "known"
    with Ledger.open(known) as ledger:
        ledger.note(f"pace of {BUNDLED_MODEL}", Pace(TYPICAL, runs=1).to_json())
    before = sorted(known.iterdir())
    heavy = ("mlx", "mlx_lm", "graphiti_core", "dspy", "transformers", "kuzu", "torch")
    code = (
        "import sys, load_journals\n"
        f"assert load_journals.main([{str(bench.journals)!r}, '--dry-run', '--json', '--home', {str(known)!r}]) == 0\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    told = run("-c", code)
    report = json.loads(told.stdout)
    assert (report["entries"], told.stderr) == (4, "[]\n")
    assert report["forecast"]["is_measured"]
    assert report["forecast"]["seconds"] > 0
    assert sorted(known.iterdir()) == before


def test_a_terminal_without_utf8_gets_escapes(bench: Bench) -> None:
    """A name no ASCII terminal can show costs neither the report nor a traceback."""
    write_journal(bench.journals / "łódź" / "2024.md", ("2024-01-01", "words"))
    (bench.journals / "łódź" / "bad.md").write_bytes(BAD_UTF8)
    ascii_only = {"PYTHONIOENCODING": "ascii", "NO_COLOR": "1", "COLUMNS": "40"}
    told = run("load_journals.py", bench.journals / "łódź", "--dry-run", "--json", **ascii_only)
    assert told.returncode == 2
    assert json.loads(told.stdout)["refused"][0].startswith(str(bench.journals / "łódź"))
    assert "Traceback" not in told.stderr


def test_a_reader_that_leaves_is_no_error(bench: Bench) -> None:
    """`| head` closes the pipe; nobody is there to be told."""
    reader, writer = os.pipe()
    os.close(reader)
    told = subprocess.run(
        [sys.executable, "load_journals.py", str(bench.journals), "--dry-run"],
        cwd=REPOSITORY, stdout=writer, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    os.close(writer)
    assert (told.returncode, told.stderr) == (0, b"")
