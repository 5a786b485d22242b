"""How sure each recorded answer was, beside the answer, so that a replay is as sure as the first reading.

Knows keys and JSON; knows nothing of tokens. In: a call's key.  Out: what was put under it.
"""

import json
from collections.abc import Sequence
from typing import Any

from app.ledger.database import Database

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS call_weights (key TEXT PRIMARY KEY REFERENCES calls ON DELETE CASCADE,"
    " weights TEXT NOT NULL) STRICT"
)


class WeightShelf:
    """Weights by the key of a recorded call; they go when the call goes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.rows(_SCHEMA)

    def get(self, key: str) -> list[Any] | None:
        """The weights of the call, or None if they were not asked for."""
        rows = self._database.rows("SELECT weights FROM call_weights WHERE key = ?", (key,))
        return list(json.loads(str(rows[0][0]))) if rows else None


def put_weights(database: Database, key: str, weights: Sequence[Any]) -> None:
    """Keep them beside their call, which must be recorded."""
    database.rows(
        "INSERT INTO call_weights VALUES (?, ?) ON CONFLICT (key) DO NOTHING",
        (key, json.dumps(weights, separators=(",", ":"))),
    )
