"""Bring the rows of a ledger of an older version into a new one.

Knows what each version had; knows nothing of what the rows are for. In: a connection to a new, empty ledger, and the
old one's path, which is only read.  Out: the new one with every row that was whole.

Version 1 had neither the words of chunks nor their places in the order of reading. Version 2 had both, the place beside
the words, and checksums on words, answers and vectors: a row that fails its own is left behind. Then an answer is asked
again, a vector is computed again, and a chunk is as one of version 1: the next load brings its words, and the chunk
itself where it was not read yet. Decisions and how sure an answer was came without a new version, the latter in a table
of its own.
"""

import sqlite3
import zlib
from pathlib import Path

from app.ledger.schema import TABLES

_WHOLE = {
    "texts": "checksum = crc32(CAST(coalesce(offsets, 'None') || char(0) || text AS BLOB))",
    "calls": "checksum IS NULL OR checksum = crc32(CAST(answer AS BLOB))",
    "vectors": "checksum IS NULL OR checksum = crc32(data)",
}


def take_over(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Copy the old ledger's rows, all or none.

    version  of the old one
    raises  sqlite3.DatabaseError if they do not fit together
    """
    connection.create_function("crc32", 1, zlib.crc32, deterministic=True)
    connection.execute("ATTACH ? AS old", (str(path),))
    try:
        connection.execute("BEGIN IMMEDIATE")
        for table in TABLES:
            before = _columns(connection, "old", table.name)
            both = ", ".join(f'"{name}"' for name in _columns(connection, "main", table.name) if name in before)
            whole = _WHOLE.get(table.name, "TRUE") if version == 2 else "TRUE"
            if both:
                connection.execute(
                    f"INSERT INTO main.{table.name} ({both}) SELECT {both} FROM old.{table.name} WHERE {whole}"
                )
        if _columns(connection, "old", "call_weights"):
            connection.execute("UPDATE calls SET weights = o.weights FROM old.call_weights o WHERE o.key = calls.key")
        if version == 2:
            connection.execute(
                "UPDATE chunks SET place = o.place FROM old.texts o WHERE o.episode_uuid = chunks.episode_uuid"
            )
        connection.execute(
            "DELETE FROM chunks WHERE state = 'planned' AND place IS NULL"
            " AND episode_uuid NOT IN (SELECT episode_uuid FROM texts)"
        )
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("DETACH old")


def _columns(connection: sqlite3.Connection, schema: str, table: str) -> list[str]:
    return [str(name) for _, name, *_ in connection.execute(f"PRAGMA {schema}.table_info({table})")]
