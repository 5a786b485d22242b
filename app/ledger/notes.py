"""Read a figure that a home keeps about this machine, without holding the home and without making one.

Knows the ledger's file; writes nothing. In: a home and a name.  Out: the figure's text, or None.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from app.ledger.checksums import teach
from app.ledger.schema import META
from app.ledger.store import LEDGER_NAME


def read_note(home: Path, name: str) -> str | None:
    """What `Ledger.note` kept; None where there is no ledger, or none that can be read just now."""
    file = home / LEDGER_NAME
    if not file.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?{_manner(file)}", uri=True)) as connection:
            teach(connection)
            row = connection.execute(f"SELECT value FROM meta WHERE name = ? AND {META.whole()}", (name,)).fetchone()
    except sqlite3.Error:  # damaged or foreign: the next load will say so; a forecast can do without
        return None
    return str(row[0]) if row else None


def _manner(file: Path) -> str:
    """How SQLite opens the ledger without a trace.

    A reader makes a log and its index where there are none, and one that must not write leaves them behind. So a file
    whose log is empty is read as one that nobody changes; if a load changes it this very moment, the row's checksum
    or SQLite fails. Where words are in the log, a load made both files, and works or was killed.
    """
    try:
        has_words = file.with_name(f"{file.name}-wal").stat().st_size > 0
    except OSError:  # there is none
        has_words = False
    return "mode=ro" if has_words else "immutable=1"
