"""One SQLite file that is either whole or refused, and never half written.

Knows SQLite and its failures; knows nothing of journals.
In: SQL with parameters, from any thread.  Out: rows, or StorageFailed in one line.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import RLock

from app.errors import StorageFailed
from app.ledger.home import make_private_file

Value = str | int | float | bytes | None
Row = tuple[Value, ...]

APPLICATION_ID = 0x44_61_79_62  # "Dayb": tells our file from any other SQLite file
SCHEMA_VERSION = 2

_SCHEMA = """
CREATE TABLE files (
    path TEXT PRIMARY KEY, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, encoding TEXT NOT NULL,
    first_seen TEXT NOT NULL, last_seen TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('present', 'gone'))
) STRICT;
CREATE TABLE entries (
    group_id TEXT NOT NULL, entry_id TEXT NOT NULL, date TEXT NOT NULL, precision TEXT NOT NULL, title TEXT NOT NULL,
    lead INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('current', 'superseded', 'gone')),
    PRIMARY KEY (group_id, entry_id)
) STRICT;
CREATE TABLE placements (
    group_id TEXT NOT NULL, entry_id TEXT NOT NULL, path TEXT NOT NULL REFERENCES files (path),
    start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    PRIMARY KEY (group_id, entry_id, path, start),
    FOREIGN KEY (group_id, entry_id) REFERENCES entries ON DELETE CASCADE
) STRICT;
CREATE INDEX placements_by_path ON placements (group_id, path);
CREATE TABLE chunks (
    episode_uuid TEXT PRIMARY KEY, chunk_id TEXT NOT NULL, group_id TEXT NOT NULL, entry_id TEXT NOT NULL,
    "index" INTEGER NOT NULL, "count" INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    date TEXT NOT NULL, ordinal INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('planned', 'done', 'empty', 'quarantined')), reason TEXT,
    FOREIGN KEY (group_id, entry_id) REFERENCES entries ON DELETE CASCADE
) STRICT;
CREATE INDEX chunks_by_entry ON chunks (group_id, entry_id, "index");
CREATE INDEX chunks_by_date ON chunks (group_id, date, ordinal);
CREATE TABLE chunk_places (
    episode_uuid TEXT NOT NULL REFERENCES chunks ON DELETE CASCADE, path TEXT NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    PRIMARY KEY (episode_uuid, path, start)
) STRICT;
CREATE TABLE calls (
    key TEXT PRIMARY KEY, prompt_name TEXT NOT NULL, model TEXT NOT NULL, answer TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, answer_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
    seconds REAL NOT NULL, created_at TEXT NOT NULL
) STRICT;
CREATE TABLE vectors (key TEXT PRIMARY KEY, dim INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""

_RESTORE = "restore it from a copy, or choose another home"

# What each version added to the one before it. Version 2: the words of every chunk and the order in which chunks were
# read, so that the graph can be built again from this file alone; which answers a group's graph stands on; checksums.
_ADDED = {
    2: """
CREATE TABLE texts (
    episode_uuid TEXT PRIMARY KEY REFERENCES chunks ON DELETE CASCADE, text TEXT NOT NULL, offsets TEXT,
    place INTEGER, checksum INTEGER NOT NULL
) STRICT;
CREATE INDEX texts_by_place ON texts (place);
CREATE TABLE uses (
    group_id TEXT NOT NULL, key TEXT NOT NULL, round INTEGER NOT NULL, PRIMARY KEY (group_id, key)
) STRICT, WITHOUT ROWID;
ALTER TABLE calls ADD COLUMN checksum INTEGER;
ALTER TABLE vectors ADD COLUMN checksum INTEGER;
"""
}


class Database:
    """A connection shared by all threads behind one lock; each statement is durable before it returns.

    path    created with mode 0600 if absent
    raises  StorageFailed for a damaged, foreign or newer file, a full disk, an input/output error
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = RLock()
        self._depth = 0
        make_private_file(path)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except BaseException:  # nobody else can close it, whatever went wrong; it goes on
            self._connection.close()
            raise

    def _prepare(self) -> None:
        # An SQLite file of another program is refused before the first PRAGMA could change it.
        (application,), (version,) = self.rows("PRAGMA application_id")[0], self.rows("PRAGMA user_version")[0]
        is_blank = not self.rows("SELECT 1 FROM sqlite_master LIMIT 1") and application == 0 and version == 0
        if not is_blank and application != APPLICATION_ID:
            raise StorageFailed(f"{self._path} is not a Daybook ledger", hint="choose another home")
        if not is_blank and version not in range(1, SCHEMA_VERSION + 1):
            raise StorageFailed(
                f"{self._path} has schema version {version!r}, this Daybook reads {SCHEMA_VERSION}",
                hint="use the Daybook that wrote it, or choose another home",
            )
        self.rows("PRAGMA journal_mode = WAL")
        self.rows("PRAGMA synchronous = FULL")  # a put survives a power cut, not only a crash
        self.rows("PRAGMA secure_delete = ON")  # forgotten text is overwritten, not only unlinked
        self.rows("PRAGMA temp_store = MEMORY")  # no journal text in temporary files
        self.rows("PRAGMA foreign_keys = ON")
        if is_blank or version != SCHEMA_VERSION:
            with self.transaction():
                added = [script for number, script in _ADDED.items() if is_blank or number > int(version or 0)]
                for statement in filter(str.strip, ";".join([_SCHEMA, *added] if is_blank else added).split(";")):
                    self.rows(statement)
                self.rows(f"PRAGMA application_id = {APPLICATION_ID}")
                self.rows(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def rows(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """Run one statement and return all its rows."""
        with self._lock, self._named_failures():
            return self._connection.execute(sql, parameters).fetchall()

    def each(self, sql: str, parameters: Iterable[Sequence[Value]]) -> None:
        """Run one statement for every row of parameters; outside a transaction each is its own commit."""
        with self._lock, self._named_failures():
            self._connection.executemany(sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside becomes durable together, or not at all; may be nested (the outermost commits).

        Other threads wait until it ends: never `await` inside.
        """
        with self._lock:
            if self._depth == 0:
                self.rows("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
                if self._depth == 1:
                    self.rows("COMMIT")
            except BaseException:  # Ctrl-C must not leave half a transaction either; it goes on
                # SQLite has already rolled back by itself after some full-disk errors.
                if self._depth == 1 and self._connection.in_transaction:
                    self.rows("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    def scrub(self) -> None:
        """Leave nothing of deleted rows in the file, its free pages or its log."""
        with self._lock:
            self.rows("VACUUM")
            self.rows("PRAGMA wal_checkpoint(TRUNCATE)")

    def copy_to(self, path: Path, sql: str, parameters: Sequence[Value]) -> None:
        """Write everything that is committed into another file (mode 0600), which gets its name when it is whole.

        sql   one statement that the copy is told before it gets its name
        """
        part = part_of(path)
        make_private_file(part)  # VACUUM takes an empty file
        self.rows("VACUUM INTO ?", (str(part),))
        with closing(sqlite3.connect(part, isolation_level=None)) as copy, self._named_failures():
            copy.execute(sql, parameters)
        part.replace(path)

    def close(self) -> None:
        """Fold the write-ahead log into the file, so that deleted text does not linger there."""
        with self._lock:
            try:
                self.rows("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                self._connection.close()

    @contextmanager
    def _named_failures(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:
            raise  # a mistake of ours: it keeps its traceback
        except sqlite3.DatabaseError as error:
            raise _storage_failed(self._path, error) from error
        except UnicodeDecodeError as error:  # in the words of the table that SQLite complains of
            raise StorageFailed(f"{self._path} is damaged", hint=_RESTORE) from error


def part_of(path: Path) -> Path:
    """Under which name a copy is written until it is whole."""
    return path.with_name(path.name + ".part")


def _storage_failed(path: Path, error: sqlite3.DatabaseError) -> StorageFailed:
    """One line for the owner: what SQLite said, and the cure that fits its code."""
    code, said = getattr(error, "sqlite_errorcode", 0) & 0xFF, " ".join(str(error).split())
    if code == sqlite3.SQLITE_FULL:
        return StorageFailed(f"database or disk is full: {path}", hint="free space and run the same command again")
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
        return StorageFailed(f"cannot write {path}: {said}", hint="free space or check the disk, then run again")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StorageFailed(f"{path} is damaged: {said}", hint=_RESTORE)
    return StorageFailed(f"{path}: {said}", hint="run the same command again; if it stays, choose another home")
