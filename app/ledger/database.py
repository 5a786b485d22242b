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
from app.ledger import checksums, upgrade
from app.ledger.home import make_private_file
from app.ledger.schema import CHECKED_AT_OPENING, SCHEMA_VERSION, schema

Value = str | int | float | bytes | None
Row = tuple[Value, ...]

APPLICATION_ID = 0x44_61_79_62  # "Dayb": tells our file from any other SQLite file

_RESTORE = "restore it from a copy, or load its journals into another home"
_MADE = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"


class Database:
    """A connection shared by all threads behind one lock; each statement is durable before it returns.

    path    created with mode 0600 if absent; one of an older version becomes one of this version
    raises  StorageFailed for a damaged, foreign or newer file, a full disk, an input/output error
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = RLock()
        self._depth = 0
        make_private_file(path)
        self._connection = _connect(path)
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
        if is_blank:
            with self.transaction():
                for statement in schema():
                    self.rows(statement)
                self.rows(f"PRAGMA application_id = {APPLICATION_ID}")
                self.rows(f"PRAGMA user_version = {SCHEMA_VERSION}")
            return
        if version != SCHEMA_VERSION:
            self._renew(int(version or 0))
            return
        for (name,) in self.rows("SELECT name FROM sqlite_master WHERE name LIKE 'sqlite_stat%'"):
            self.rows(f'DROP TABLE "{name!s}"')  # by another program's ANALYZE: it samples rows, forgotten ones, too
        if self.rows(_MADE) != _made():
            raise self._damaged("its tables are not those of a ledger")
        if complaint := self._complaint():
            self._mend(complaint)
        else:
            self._require_whole_rows()

    def _complaint(self) -> str:
        """What SQLite says of pages, indexes and types, if not all is well; it reads the whole file."""
        ((said,),) = self.rows("PRAGMA integrity_check(1)")
        return "" if said == "ok" else str(said)

    def _mend(self, complaint: str) -> None:
        """Make the indexes anew: they hold nothing that the rows do not, and rows can prove themselves."""
        with self.transaction():
            self.rows("REINDEX")
            if self._complaint():
                raise self._damaged(complaint)
            self._require_whole_rows()
            # Words whose own key is damaged belong to nothing any more, and nothing would ever delete them.
            self.rows("DELETE FROM texts WHERE episode_uuid NOT IN (SELECT episode_uuid FROM chunks)")

    def _require_whole_rows(self) -> None:
        """The rows of the tables that cannot be had again."""
        counted = " UNION ALL ".join(
            f"SELECT count(*), '{table.name}' FROM {table.name} WHERE NOT ({table.whole()})"
            for table in CHECKED_AT_OPENING
        )
        damaged = ", ".join(
            f"{int(rows)} in {table!s}" for rows, table in self.rows(counted) if isinstance(rows, int) and rows
        )
        if damaged:
            raise self._damaged(f"rows that fail their checksum: {damaged}")

    def _damaged(self, what: str) -> StorageFailed:
        return StorageFailed(f"{self._path} is damaged: {' '.join(what.split())}", hint=_RESTORE)

    def _renew(self, version: int) -> None:
        """Put a ledger of this version in the place of an older one, in one step."""
        if self.rows("SELECT 1 FROM sqlite_master WHERE sql LIKE '%row_checksum%'"):
            raise self._damaged(f"it says version {version} and has tables of a later one")
        if complaint := self._complaint():
            raise self._damaged(complaint)
        # The old file's log must be gone before another file has its name: SQLite would play it into that one.
        if self.rows("PRAGMA journal_mode = DELETE") != [("delete",)]:
            raise _in_use(self._path)
        part = part_of(self._path)
        _clear(part)
        try:
            with closing(Database(part)) as new, self._named_failures():
                upgrade.take_over(new._connection, self._path, version)
            self.close()
            part.replace(self._path)
        finally:
            _clear(part)
        self._connection = _connect(self._path)
        self._prepare()

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
        """Leave nothing of deleted rows in the file, its free pages or its log.

        raises  StorageFailed if another program reads the file: its log stays as long as that
        """
        with self._lock:
            self.rows("VACUUM")
            ((is_busy, *_),) = self.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        if is_busy:
            raise _in_use(self._path)

    def copy_to(self, path: Path, sql: str, parameters: Sequence[Value]) -> None:
        """Write everything that is committed into another file (mode 0600), which gets its name when it is whole.

        sql   one statement that the copy is told before it gets its name
        """
        part = part_of(path)
        make_private_file(part)  # VACUUM takes an empty file
        self.rows("VACUUM INTO ?", (str(part),))
        with closing(_connect(part)) as copy, self._named_failures():
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


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    checksums.teach(connection)
    return connection


def _made() -> list[Row]:
    """The tables, indexes and triggers of a new ledger."""
    with closing(sqlite3.connect(":memory:")) as new:
        checksums.teach(new)
        for statement in schema():
            new.execute(statement)
        return new.execute(_MADE).fetchall()


def _clear(part: Path) -> None:
    """Leave nothing of a copy that was not finished."""
    for left in part.parent.glob(part.name + "*"):
        left.unlink()


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
    if code == sqlite3.SQLITE_BUSY:
        return _in_use(path)
    if code == 0:  # Python could not take a text, and would quote it
        return StorageFailed(f"{path} is damaged", hint=_RESTORE)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT):
        return StorageFailed(f"{path} is damaged: {said}", hint=_RESTORE)
    return StorageFailed(f"{path}: {said}", hint="run the same command again; if it stays, choose another home")


def _in_use(path: Path) -> StorageFailed:
    return StorageFailed(f"another program has {path} open", hint="close it there and run the same command again")
