"""A ledger of an older version becomes one of this version, with all that was whole in it."""

import os
import shutil
import signal
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from app.errors import StorageFailed
from app.ledger.database import APPLICATION_ID
from app.ledger.schema import TABLES
from app.ledger.store import LEDGER_NAME, Ledger
from benchmarks.fuzz import ANSWERS, GROUP, VECTORS, Decoder
from tests.ledger.test_store import a_file
from tests.pipeline.child import count_statements, in_a_fork
from tests.trust.test_private import small_files

# As they were, but for what was CHECKed.
VERSION_1 = """
CREATE TABLE files (path TEXT PRIMARY KEY, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, encoding TEXT NOT NULL,
    first_seen TEXT NOT NULL, last_seen TEXT NOT NULL, state TEXT NOT NULL) STRICT;
CREATE TABLE entries (group_id TEXT NOT NULL, entry_id TEXT NOT NULL, date TEXT NOT NULL, precision TEXT NOT NULL,
    title TEXT NOT NULL, lead INTEGER NOT NULL, state TEXT NOT NULL, PRIMARY KEY (group_id, entry_id)) STRICT;
CREATE TABLE placements (group_id TEXT NOT NULL, entry_id TEXT NOT NULL, path TEXT NOT NULL REFERENCES files (path),
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, PRIMARY KEY (group_id, entry_id, path, start),
    FOREIGN KEY (group_id, entry_id) REFERENCES entries ON DELETE CASCADE) STRICT;
CREATE INDEX placements_by_path ON placements (group_id, path);
CREATE TABLE chunks (episode_uuid TEXT PRIMARY KEY, chunk_id TEXT NOT NULL, group_id TEXT NOT NULL,
    entry_id TEXT NOT NULL, "index" INTEGER NOT NULL, "count" INTEGER NOT NULL, start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, date TEXT NOT NULL, ordinal INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT,
    FOREIGN KEY (group_id, entry_id) REFERENCES entries ON DELETE CASCADE) STRICT;
CREATE TABLE chunk_places (episode_uuid TEXT NOT NULL REFERENCES chunks ON DELETE CASCADE, path TEXT NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, PRIMARY KEY (episode_uuid, path, start)) STRICT;
CREATE TABLE calls (key TEXT PRIMARY KEY, prompt_name TEXT NOT NULL, model TEXT NOT NULL, answer TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, answer_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
    seconds REAL NOT NULL, created_at TEXT NOT NULL) STRICT;
CREATE TABLE vectors (key TEXT PRIMARY KEY, dim INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
VERSION_2 = """
CREATE TABLE texts (episode_uuid TEXT PRIMARY KEY REFERENCES chunks ON DELETE CASCADE, text TEXT NOT NULL,
    offsets TEXT, place INTEGER, checksum INTEGER NOT NULL) STRICT;
CREATE TABLE uses (group_id TEXT NOT NULL, key TEXT NOT NULL, round INTEGER NOT NULL, PRIMARY KEY (group_id, key))
    STRICT, WITHOUT ROWID;
ALTER TABLE calls ADD COLUMN checksum INTEGER;
ALTER TABLE vectors ADD COLUMN checksum INTEGER;
CREATE TABLE labels (number INTEGER PRIMARY KEY AUTOINCREMENT, group_id TEXT NOT NULL, verb TEXT NOT NULL,
    kind TEXT NOT NULL, target TEXT NOT NULL, about TEXT NOT NULL, undo TEXT, made_at TEXT NOT NULL) STRICT;
ALTER TABLE labels ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
CREATE TABLE label_episodes (number INTEGER NOT NULL REFERENCES labels ON DELETE CASCADE, root TEXT NOT NULL,
    episode_uuid TEXT NOT NULL REFERENCES chunks ON DELETE CASCADE, PRIMARY KEY (number, root, episode_uuid)) STRICT;
CREATE TABLE call_weights (key TEXT PRIMARY KEY REFERENCES calls ON DELETE CASCADE, weights TEXT NOT NULL) STRICT;
"""
# Where a value stands today, by its table and column then.
MOVED = {
    ("texts", "place"): "(SELECT place FROM new.chunks c WHERE c.episode_uuid = texts.episode_uuid)",
    ("texts", "checksum"): "crc32(CAST(coalesce(offsets, 'None') || char(0) || text AS BLOB))",
    ("calls", "checksum"): "crc32(CAST(answer AS BLOB))",
    ("vectors", "checksum"): "crc32(data)",
}


def older(version: int, whole: bytes, tmp_path: Path) -> bytes:
    """The file of an older version with the rows of a ledger of today."""
    (tmp_path / "new").write_bytes(whole)
    with closing(sqlite3.connect(tmp_path / "old", isolation_level=None)) as old:
        old.executescript(VERSION_1 + (VERSION_2 if version == 2 else ""))
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        old.execute(f"PRAGMA user_version = {version}")
        old.create_function("crc32", 1, zlib.crc32)
        old.execute("ATTACH ? AS new", (str(tmp_path / "new"),))
        tables = old.execute("SELECT name FROM main.sqlite_master WHERE type = 'table' AND sql LIKE '%STRICT%'")
        for (table,) in tables.fetchall():
            names = [name for _, name, *_ in old.execute(f"PRAGMA main.table_info({table})")]
            values = ", ".join(MOVED.get((table, name), f'"{name}"') for name in names)
            rows = f"{table} WHERE TRUE" if table != "call_weights" else "calls WHERE weights NOTNULL"
            old.execute(f"INSERT INTO main.{table} SELECT {values} FROM new.{rows}")
    return (tmp_path / "old").read_bytes()


def test_a_ledger_of_version_2_holds_what_it_held(tmp_path: Path) -> None:
    """All that today's ledger holds, told in version 2's words, comes back through its own methods."""
    decoder = Decoder()
    old = older(2, decoder.whole, tmp_path)
    assert decoder.holds(old)
    assert sorted(path.name for path in decoder.broken.iterdir()) == [LEDGER_NAME, "lock"]


def test_an_upgrade_that_was_killed_is_begun_anew(tmp_path: Path) -> None:
    """What a kill left of the new file is no hindrance and does not stay; the old file was only read."""
    (tmp_path / LEDGER_NAME).write_bytes(older(2, Decoder().whole, tmp_path))
    for left in ("ledger.sqlite.part", "ledger.sqlite.part-wal"):
        (tmp_path / left).write_bytes(b"half of a ledger")
    with Ledger.open(tmp_path) as ledger:
        assert ledger.counts(GROUP).entries == 2
    assert list(tmp_path.glob("*.part*")) == []


def left_in_its_log(path: Path, row: str) -> None:
    """Write a row as a process does that is killed: it stands in the log beside the file alone."""

    def write() -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("INSERT INTO meta VALUES (?, 'kept')", (row,))
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_a_fork(write)[0] == signal.SIGKILL
    assert row.encode() not in path.read_bytes()


def test_an_upgrade_is_killed_after_every_statement(tmp_path: Path) -> None:
    """With a log that an earlier kill left beside the old file; the next opening ends as that of nobody killed."""
    first = tmp_path / "first"
    first.mkdir()
    (first / LEDGER_NAME).write_bytes(older(2, Decoder().whole, tmp_path))
    left_in_its_log(first / LEDGER_NAME, "in the log")

    def opened(home: Path) -> object:
        with Ledger.open(home) as ledger:
            return [ledger.noted("in the log"), *(ledger._database.rows(f"SELECT * FROM {t.name}") for t in TABLES)]

    def killed(home: Path, moment: int) -> bool:
        def run() -> None:
            with pytest.MonkeyPatch.context() as patch:
                count_statements(patch, moment)
                opened(home)

        return in_a_fork(run)[0] == signal.SIGKILL

    calm = opened(shutil.copytree(first, tmp_path / "calm"))
    moments = 0
    while killed(home := shutil.copytree(first, tmp_path / str(moments)), moments + 1):
        assert opened(home) == calm
        assert sorted(path.name for path in home.iterdir()) == [LEDGER_NAME, "lock"]
        assert (home / LEDGER_NAME).stat().st_mode & 0o777 == 0o600
        moments += 1
    assert moments > 40


def test_an_upgrade_waits_for_another_program_that_has_the_file_open(tmp_path: Path) -> None:
    """A reader keeps the old file's log alive, and SQLite would play it into the new file: exit code 3, unharmed."""
    path = tmp_path / LEDGER_NAME
    path.write_bytes(older(2, Decoder().whole, tmp_path))
    left_in_its_log(path, "in the log")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM meta").fetchall()
        with pytest.raises(StorageFailed, match=r"another program has .* open"):
            Ledger.open(tmp_path)
    with Ledger.open(tmp_path) as ledger:
        assert (ledger.noted("in the log"), ledger.counts(GROUP).entries) == ("kept", 2)


def test_an_upgrade_on_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """It is named, nothing of the new file stays, and with room again the same command ends well."""
    path = tmp_path / LEDGER_NAME
    path.write_bytes(older(2, Decoder().whole, tmp_path))
    with small_files(path.stat().st_size // 2), pytest.raises(StorageFailed, match="free space"):
        Ledger.open(tmp_path)
    assert [file.name for file in tmp_path.glob("*.part*")] == []
    with Ledger.open(tmp_path) as ledger:
        assert ledger.counts(GROUP).entries == 2


def test_what_was_damaged_before_is_not_made_good(tmp_path: Path) -> None:
    """Rows that fail version 2's checksums get none of this version: asked again, computed again, named."""
    old = bytearray(older(2, Decoder().whole, tmp_path))
    key, vector = next(iter(ANSWERS)), next(iter(VECTORS))
    for held in (ANSWERS[key].encode(), VECTORS[vector], b"Nadia met Thomas. "):
        old[old.index(held) + 7] ^= 1
    (tmp_path / LEDGER_NAME).write_bytes(old)
    with Ledger.open(tmp_path) as ledger:
        assert [found for found in ANSWERS if ledger.calls.get(found) is None] == [key]
        assert [found for found in VECTORS if ledger.vectors.get(found) is None] == [vector]
        with pytest.raises(StorageFailed, match="the words of 1 entry, of 2024-02-29, are damaged or missing"):
            ledger.past.start_replay()


@pytest.mark.parametrize("ended", [True, False])
def test_a_ledger_of_version_1_gets_its_words_with_its_journal(tmp_path: Path, ended: bool) -> None:
    """It kept no words: who wants to build its graph again is told to load, and after that it works."""
    with Ledger.open(tmp_path) as ledger:
        ledger.plan(GROUP, [a_file()])
        (chunk,) = ledger.pending_chunks(GROUP)
        if ended:
            ledger.finish(chunk.episode_uuid, "done")
    file = tmp_path / LEDGER_NAME
    file.write_bytes(older(1, file.read_bytes(), tmp_path))
    with Ledger.open(tmp_path) as ledger:
        assert ledger.pending_chunks(GROUP) == []
        if ended:
            with pytest.raises(StorageFailed, match="load the journal again"):
                ledger.past.start_replay()
        ledger.plan(GROUP, [a_file()])
        if ended:
            ledger.past.start_replay()
        assert [again.text for again in ledger.pending_chunks(GROUP)] == [chunk.text]


def test_a_version_that_lies_is_refused(tmp_path: Path) -> None:
    """The number of the version is a byte, too."""
    Ledger.open(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / LEDGER_NAME)) as connection:
        connection.execute("PRAGMA user_version = 2")
    with pytest.raises(StorageFailed, match="says version 2 and has tables of a later one"):
        Ledger.open(tmp_path)
