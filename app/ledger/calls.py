"""Remember every model answer and every vector, so that no question is asked twice.

Knows keys and bytes; knows nothing of models, prompts or graphs.
In: a key that stands for everything the answer depends on.  Out: the answer given before, or None.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.ledger.database import Database
from app.ledger.uses import Uses
from app.ledger.weights import put_weights

_BYTES_PER_COMPONENT = 4  # float32
_KEYS_A_QUERY = 500  # SQLite takes 999 values a statement in its oldest builds


@dataclass(frozen=True, slots=True)
class CallTotals:
    """What all recorded model calls cost together."""

    calls: int
    prompt_tokens: int
    answer_tokens: int
    cached_tokens: int
    seconds: float


class CallLog:
    """Model answers by key. A put is durable before it returns, unless inside `Ledger.transaction()`."""

    def __init__(self, database: Database, uses: Uses) -> None:
        self._database = database
        self._uses = uses

    def get(self, key: str) -> str | None:
        """The answer recorded under `key` (JSON text), or None if it was never asked, or is damaged: then ask again."""
        for answer, checksum in self._database.rows("SELECT answer, checksum FROM calls WHERE key = ?", (key,)):
            if checksum in (None, zlib.crc32(str(answer).encode())):
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
        model: str = "",
        weights: Sequence[Any] | None = None,
    ) -> None:
        """Record an answer. The first one stays: the same key never gets two answers.

        cached_tokens   of prompt_tokens, those whose KV was already there
        seconds         wall time of the call
        weights         how sure it was, in the same commit: a replay must be as sure as the first reading
        """
        with self._database.transaction():
            self._database.rows(
                "INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
                (
                    key, prompt_name, model, answer, prompt_tokens, answer_tokens, cached_tokens, seconds, _now(),
                    zlib.crc32(answer.encode()),
                ),
            )  # fmt: skip
            if weights is not None:
                put_weights(self._database, key, weights)
        self._uses.note(key)

    def totals(self) -> CallTotals:
        """Sums over every recorded call."""
        ((calls, prompt, answer, cached, seconds),) = self._database.rows(
            "SELECT count(*), coalesce(sum(prompt_tokens), 0), coalesce(sum(answer_tokens), 0),"
            " coalesce(sum(cached_tokens), 0), coalesce(sum(seconds), 0.0) FROM calls"
        )
        return CallTotals(int(calls or 0), int(prompt or 0), int(answer or 0), int(cached or 0), float(seconds or 0))


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
            rows = self._database.rows(f"SELECT key, data, checksum FROM vectors WHERE key IN ({marks})", some)
            for key, data, checksum in rows:
                if isinstance(data, bytes) and checksum in (None, zlib.crc32(data)):
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
                "INSERT INTO vectors VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
                [(key, len(data) // _BYTES_PER_COMPONENT, data, zlib.crc32(data)) for key, data in vectors.items()],
            )
        for key in vectors:
            self._uses.note(key)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
