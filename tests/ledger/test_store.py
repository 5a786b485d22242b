"""The ledger's file: private, locked, durable, and named when it cannot be used."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from app.errors import BadInput, DaybookError, HomeBusy, StorageFailed
from app.journal.types import Chunk, Entry
from app.ledger.records import FileReading
from app.ledger.store import Ledger

REPOSITORY = Path(__file__).parents[2]
TOKENS = {"prompt_tokens": 10, "answer_tokens": 2, "cached_tokens": 7, "seconds": 0.5}


def a_file(text: str = "Nadia came.") -> FileReading:
    entry = Entry(Path("a.md"), date(2024, 3, 4), text, 0, len(text))
    return FileReading(entry.path, "0" * 64, len(text), "utf-8", (entry,), (Chunk(entry, 0, 1, 0, len(text)),))


def hold(home: Path) -> "subprocess.Popen[str]":
    """A child process that opens the ledger, records one call, says so, and waits."""
    program = (
        "import sys, time; from pathlib import Path; from app.ledger.store import Ledger\n"
        "ledger = Ledger.open(Path(sys.argv[1]))\n"
        "ledger.calls.put('k', prompt_name='p', answer='{}', prompt_tokens=1, answer_tokens=1, cached_tokens=0,"
        " seconds=0.1)\n"
        "print('open', flush=True); time.sleep(600)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(home)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    return child


def kill(child: "subprocess.Popen[str]") -> None:
    child.send_signal(signal.SIGKILL)
    child.communicate()


def test_a_second_process_is_told_who_holds_the_home(tmp_path: Path) -> None:
    """HomeBusy names the holder's process id; after kill -9 the home opens, with everything that was put."""
    child = hold(tmp_path)
    try:
        with pytest.raises(HomeBusy, match=rf"in use by process {child.pid}\b"):
            Ledger.open(tmp_path)
    finally:
        kill(child)
    with Ledger.open(tmp_path) as ledger:
        assert ledger.calls.get("k") == "{}"


def test_closing_lets_the_next_one_in(tmp_path: Path) -> None:
    """The lock is held from open to close, and only then."""
    with Ledger.open(tmp_path), pytest.raises(HomeBusy):
        Ledger.open(tmp_path)
    Ledger.open(tmp_path).close()


def test_a_home_is_for_its_owner_alone(tmp_path: Path) -> None:
    """The folder is 0700 and every file in it 0600, also under a generous umask and with the log open."""
    home = tmp_path / "deep" / "home"
    before = os.umask(0)
    try:
        with Ledger.open(home) as ledger:
            ledger.plan("ines", [a_file()])
            files = list(home.iterdir())
            assert {f.name for f in files} >= {"ledger.sqlite", "ledger.sqlite-wal", "lock"}
            assert {stat.S_IMODE(f.stat().st_mode) for f in files} == {0o600}
            assert stat.S_IMODE(home.stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_a_file_in_the_way_of_the_home_is_named(tmp_path: Path) -> None:
    """A home must be a folder."""
    (tmp_path / "home").write_text("x")
    with pytest.raises(BadInput, match="is not a folder"):
        Ledger.open(tmp_path / "home")


def test_a_damaged_ledger_is_named_and_the_home_released(tmp_path: Path) -> None:
    """Garbage instead of a database is StorageFailed with the path, and leaves no lock behind."""
    (tmp_path / "ledger.sqlite").write_bytes(b"not a database at all, but long enough to look at" * 100)
    for _ in range(2):
        with pytest.raises(StorageFailed, match=r"ledger\.sqlite is damaged"):
            Ledger.open(tmp_path)


def test_damage_inside_the_file_is_named(tmp_path: Path) -> None:
    """Pages overwritten with noise are StorageFailed when they are read, never a traceback of sqlite."""
    with Ledger.open(tmp_path) as ledger:
        ledger.plan("ines", [a_file()])
    path = tmp_path / "ledger.sqlite"
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with pytest.raises(StorageFailed, match="is damaged"), Ledger.open(tmp_path) as ledger:
        ledger.plan("ines", [a_file()])


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    """A foreign SQLite file is refused and not changed by a byte."""
    path = tmp_path / "ledger.sqlite"
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE mine (x)")
    foreign.commit()
    foreign.close()
    before = path.read_bytes()
    with pytest.raises(StorageFailed, match="is not a Daybook ledger"):
        Ledger.open(tmp_path)
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """An old program does not guess at a new file."""
    Ledger.open(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "ledger.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StorageFailed, match="schema version 99"):
        Ledger.open(tmp_path)


def test_a_full_disk_is_named_and_the_same_command_finishes_later(tmp_path: Path) -> None:
    """When the database cannot grow, the plan leaves nothing behind, says so, and the next run completes it."""
    big = a_file("Nadia came. " * 20_000)
    crowd = [FileReading(Path(f"{n}.md"), "0" * 64, 1, "utf-8", big.entries, big.chunks) for n in range(3000)]
    with Ledger.open(tmp_path) as ledger:
        pages = ledger._database.rows("PRAGMA page_count")[0][0]
        ledger._database.rows(f"PRAGMA max_page_count = {int(pages or 0)}")
        with pytest.raises(StorageFailed, match=r"database or disk is full.*free space and run the same command again"):
            ledger.plan("ines", crowd)
        assert ledger.counts("ines").planned == 0
    with Ledger.open(tmp_path) as ledger:
        ledger.plan("ines", crowd)
        assert ledger.counts("ines").planned == 1


def test_a_limit_on_file_size_is_named(tmp_path: Path) -> None:
    """A write the system refuses is StorageFailed in one line; what was put before it is still there."""
    program = (
        "import resource, sys; from pathlib import Path; from app.ledger.store import Ledger\n"
        "from app.errors import StorageFailed\n"
        "ledger = Ledger.open(Path(sys.argv[1])); ledger.vectors.put('small', bytes(8))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "try:\n"
        "    ledger.vectors.put('large', bytes(1_000_000))\n"
        "except StorageFailed as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert "free space" in done.stdout
    assert len(done.stdout.splitlines()) == 1
    with Ledger.open(tmp_path) as ledger:
        assert ledger.vectors.get("small") == bytes(8)
        assert ledger.vectors.get("large") is None


def test_calls_and_vectors_come_back_as_they_were_put(tmp_path: Path) -> None:
    """What is put is got, also after reopening; the first answer under a key stays."""
    with Ledger.open(tmp_path) as ledger:
        assert ledger.calls.get("k") is None
        ledger.calls.put("k", prompt_name="extract_edges.edge", answer='{"é": 1}', **TOKENS)  # type: ignore[arg-type]
        ledger.calls.put("k", prompt_name="extract_edges.edge", answer="{}", **TOKENS)  # type: ignore[arg-type]
        ledger.vectors.put("v", b"\x00\x00\x80\x3f" * 3)
    with Ledger.open(tmp_path) as ledger:
        assert ledger.calls.get("k") == '{"é": 1}'
        assert ledger.vectors.get("v") == b"\x00\x00\x80\x3f" * 3


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    """All of a transaction or none of it, however deeply it is nested."""
    with Ledger.open(tmp_path) as ledger:

        def fail_halfway() -> None:
            with ledger.transaction():
                ledger.vectors.put("a", bytes(4))
                with ledger.transaction():
                    ledger.vectors.put("b", bytes(4))
                raise KeyError

        with pytest.raises(KeyError):
            fail_halfway()
        assert (ledger.vectors.get("a"), ledger.vectors.get("b")) == (None, None)
        with ledger.transaction():
            ledger.vectors.put("a", bytes(4))
        assert ledger.vectors.get("a") == bytes(4)


def test_threads_share_one_ledger(tmp_path: Path) -> None:
    """Many threads put and get at once; nothing is lost and nobody is refused."""
    with Ledger.open(tmp_path) as ledger:

        def work(thread: int) -> None:
            for n in range(20):
                with ledger.transaction():
                    ledger.vectors.put(f"{thread}/{n}", bytes(4))
                assert ledger.vectors.get(f"{thread}/{n}") == bytes(4)

        threads = [threading.Thread(target=work, args=(t,)) for t in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ledger._database.rows("SELECT count(*) FROM vectors") == [(80,)]


def test_a_home_is_tied_to_the_settings_it_was_built_with(tmp_path: Path) -> None:
    """The first claim holds; another value is refused with both values in the message."""
    with Ledger.open(tmp_path) as ledger:
        ledger.claim("embedder", "nano/256")
        ledger.claim("embedder", "nano/256")
        with pytest.raises(BadInput, match=r"'nano/256', now it is 'qwen/1024'"):
            ledger.claim("embedder", "qwen/1024")
        assert ledger.claimed("embedder") == "nano/256"


def test_a_quarantined_chunk_has_a_reason_and_no_other_has(tmp_path: Path) -> None:
    """Giving up is always explained."""
    with Ledger.open(tmp_path) as ledger:
        ledger.plan("ines", [a_file()])
        (chunk,) = ledger.pending_chunks("ines")
        for state, reason in (("quarantined", None), ("done", "because")):
            with pytest.raises(DaybookError):
                ledger.finish(chunk.episode_uuid, state, reason)  # type: ignore[arg-type]
        with pytest.raises(DaybookError, match="no chunk"):
            ledger.finish("nowhere", "done")
        ledger.finish(chunk.episode_uuid, "quarantined", "answer was cut off")
        assert ledger.quarantined("ines") == [(chunk.episode_uuid, "answer was cut off")]


def test_forgotten_text_is_not_left_in_the_file(tmp_path: Path) -> None:
    """After an entry with a title is dropped and the ledger closed, the title's bytes are nowhere in the home."""
    entry = Entry(Path("a.md"), date(2024, 3, 4), "Text.", 0, 5, title="A quiet secret")
    with Ledger.open(tmp_path) as ledger:
        ledger.plan("ines", [FileReading(entry.path, "0" * 64, 5, "utf-8", (entry,), ())])
        ledger.past.forget("ines", {entry.entry_id})
    assert all(b"quiet secret" not in path.read_bytes() for path in tmp_path.iterdir())


def test_scrubbing_says_that_another_program_keeps_forgotten_text_alive(tmp_path: Path) -> None:
    """A reader holds the log, in which deleted words still stand: a named error; without the reader they go."""
    path = tmp_path / "ledger.sqlite"
    with Ledger.open(tmp_path) as ledger:
        ledger.plan("ines", [a_file("A quiet secret.")])
        ledger._database.rows("PRAGMA busy_timeout = 0")
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM texts").fetchall()
            ledger.past.forget("ines", {entry.entry_id for entry in ledger.past.entries("ines")})
            with pytest.raises(StorageFailed, match=r"another program has .*ledger\.sqlite open"):
                ledger.past.scrub()
            assert b"quiet secret" in (tmp_path / "ledger.sqlite-wal").read_bytes()
        ledger.past.scrub()
        assert all(b"quiet secret" not in file.read_bytes() for file in tmp_path.iterdir())
