"""Make every row of the ledger prove itself: a CRC-32 of all its columns beside them, kept by SQLite.

Knows SQLite's generated columns and triggers; knows no table. In: the columns of a table, and a connection.
Out: statements that make a table whose rows have checksums, and a condition that a damaged row fails.

A checksum finds a changed value. What holds rows together (pages, indexes, types) is SQLite's own integrity check's.
"""

import re
import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

_COLUMN = re.compile(r'("?\w+"?) (TEXT|INTEGER|REAL|BLOB)\b')


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows have checksums.

    columns       as in CREATE TABLE, each with its type
    constraints   of the table, each with a comma before it
    """

    name: str
    columns: str
    constraints: str = ""

    def statements(self) -> Iterator[str]:
        """Make the table. An UPDATE of a damaged row fails: it would give the damage a checksum of its own."""
        yield (
            f"CREATE TABLE {self.name} ({self.columns},"
            f" checksum INTEGER NOT NULL GENERATED ALWAYS AS ({self._sum()}) STORED{self.constraints})"
            " STRICT"
        )
        yield (
            f"CREATE TRIGGER {self.name}_stay_damaged BEFORE UPDATE ON {self.name} WHEN NOT ({self.whole('OLD')})"
            f" BEGIN SELECT RAISE(ABORT, 'a row of {self.name} fails its checksum'); END"
        )

    def whole(self, called: str = "") -> str:
        """The SQL condition that a row is as it was written.

        called   what the statement calls the table
        """
        called = called or self.name
        return f"{called}.checksum IS {self._sum(called + '.')}"

    def _sum(self, before: str = "") -> str:
        # Text as its bytes: Python could not be given a text whose damage is that it is no UTF-8 any more.
        values = (
            f"CAST({before}{name} AS BLOB)" if kind == "TEXT" else f"{before}{name}"
            for name, kind in _COLUMN.findall(self.columns)
        )
        return f"row_checksum({', '.join(values)})"


def teach(connection: sqlite3.Connection) -> None:
    """Give a connection the function without which no row can be written or checked."""
    connection.create_function("row_checksum", -1, row_checksum, deterministic=True)
    connection.execute("PRAGMA trusted_schema = ON")  # some builds of SQLite let no table name a function


def row_checksum(*values: bytes | int | float | None) -> int:
    """CRC-32 of a row: first what each value is (a number, nothing, or bytes and how many), then all bytes."""
    kinds = [(len(value),) if isinstance(value, bytes) else value for value in values]
    told = b"".join(value for value in values if isinstance(value, bytes))
    return zlib.crc32(told, zlib.crc32(repr(kinds).encode()))
