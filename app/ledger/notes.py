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
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            teach(connection)
            row = connection.execute(f"SELECT value FROM meta WHERE name = ? AND {META.whole()}", (name,)).fetchone()
    except sqlite3.Error:  # damaged or foreign: the next load will say so; a forecast can do without
        return None
    return str(row[0]) if row else None
