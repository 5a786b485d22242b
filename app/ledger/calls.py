"""Remember every model answer and every vector, so that no question is asked twice.

Knows keys and bytes; knows nothing of models, prompts or graphs.
In: a key that stands for everything the answer depends on.  Out: the answer given before, or None.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from app.ledger.database import Database
from app.ledger.schema import CALLS, VECTORS
from app.ledger.uses import Uses

_BYTES_PER_COMPONENT = 4  # float32
_KEYS_A_QUERY = 500  # SQLite takes 999 values a statement in its oldest builds


class CallLog:
    """Model answers by key. A put is durable before it returns, unless inside `Ledger.transaction()`."""

    def __init__(self, database: Database, uses: Uses) -> None:
        self._database = database
        self._uses = uses

    def get(self, key: str) -> str | None:
        """The answer recorded under `key` (JSON text), or None if it was never asked, or is damaged: then ask again."""
        for (answer,) in self._database.rows(
            f"SELECT CASE WHEN {CALLS.whole()} THEN answer END FROM calls WHERE key = ?", (key,)
        ):
            if answer is not None:
                self._uses.note(key)
                return str(answer)
            self._database.rows("DELETE FROM calls WHERE key = ?", (key,))
        return None

    def put(
        self,
        key: str,
        *,
        prompt_name: str,
        answer: str,
        prompt_tokens: int,
        answer_tokens: int,
        cached_tokens: int,
        seconds: float,
        weights: Sequence[Any] | None = None,
    ) -> None:
        """Record an answer. The first one stays: the same key never gets two answers.

        cached_tokens   of prompt_tokens, those whose KV was already there
        seconds         wall time of the call
        weights         how sure it was, in the same commit: a replay must be as sure as the first reading
        """
        sure = None if weights is None else json.dumps(weights, separators=(",", ":"))
        self._database.rows(  # no model's name: the key is of the model, too
            "INSERT INTO calls VALUES (?, ?, '', ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
            (key, prompt_name, answer, prompt_tokens, answer_tokens, cached_tokens, seconds, _now(), sure),
        )
        self._uses.note(key)


class WeightShelf:
    """How sure each recorded answer was, so that a replay is as sure as the first reading."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> list[Any] | None:
        """The weights of the call, or None if they were not asked for; ask for its answer first."""
        rows = self._database.rows(f"SELECT weights FROM calls WHERE key = ? AND {CALLS.whole()}", (key,))
        return list(json.loads(str(rows[0][0]))) if rows and rows[0][0] is not None else None


class VectorShelf:
    """Embeddings by key, as float32 bytes. A put is durable before it returns, unless inside a transaction."""

    def __init__(self, database: Database, uses: Uses) -> None:
        self._database = database
        self._uses = uses

    def get(self, key: str) -> bytes | None:
        """The vector's bytes, or None if it was never computed, or is damaged: then it is computed again."""
        return self.get_all([key]).get(key)

    def get_all(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Those of the vectors that are there, by key; a damaged one is not."""
        found: dict[str, bytes] = {}
        damaged: list[str] = []
        for first in range(0, len(keys), _KEYS_A_QUERY):
            some = keys[first : first + _KEYS_A_QUERY]
            marks = ", ".join("?" * len(some))
            rows = self._database.rows(
                f"SELECT key, CASE WHEN {VECTORS.whole()} THEN data END FROM vectors WHERE key IN ({marks})", some
            )
            for key, data in rows:
                if isinstance(data, bytes):
                    self._uses.note(str(key))
                    found[str(key)] = data
                else:
                    damaged.append(str(key))
        if damaged:
            self._database.each("DELETE FROM vectors WHERE key = ?", [(key,) for key in damaged])
        return found

    def put(self, key: str, data: bytes) -> None:
        """Keep a vector of float32 components; the first one under a key stays."""
        self.put_all({key: data})

    def put_all(self, vectors: Mapping[str, bytes]) -> None:
        """Keep many, in one commit: each costs a sync."""
        assert all(len(data) % _BYTES_PER_COMPONENT == 0 for data in vectors.values()), "whole float32 components"
        with self._database.transaction():
            self._database.each(
                "INSERT INTO vectors VALUES (?, ?, ?) ON CONFLICT (key) DO NOTHING",
                [(key, len(data) // _BYTES_PER_COMPONENT, data) for key, data in vectors.items()],
            )
        for key in vectors:
            self._uses.note(key)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
