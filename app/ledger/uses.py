"""Which recorded answers and vectors the graph of each group stands on, so that forgetting can drop all others.

Knows keys, groups and rounds; knows nothing of what an answer says.
In: the keys a run asks for.  Out: what no graph stands on any more is deleted.

A round is one building of a group's graph from its first chunk. What the present round did not ask for was asked with
the help of a text that is forgotten: its answer may quote that text, and a build that never saw it has no such answer.
"""

from app.ledger.database import Database
from app.ledger.schema import USES


class Uses:
    """The keys asked for while a group is read; kept in memory until `write`, because each commit costs a sync."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._group: str | None = None
        self._round = 0
        self._written: set[str] = set()
        self._waiting: dict[str, None] = {}

    def begin(self, group: str) -> None:
        """From here on keys are asked for this group's graph."""
        self.drop_damaged()
        rows = self._database.rows("SELECT value FROM meta WHERE name = ?", (_round_name(group),))
        self._group, self._round = group, int(str(rows[0][0])) if rows else 0
        self._waiting.clear()
        self._written = {
            str(key)
            for (key,) in self._database.rows(
                "SELECT key FROM uses WHERE group_id = ? AND round = ?", (group, self._round)
            )
        }

    def end(self) -> None:
        """Keys asked for from here on belong to no graph: a search's question is such a one."""
        self.write()
        self._group = None

    def note(self, key: str) -> None:
        """`key` was asked for."""
        if self._group is not None and key not in self._written:
            self._waiting[key] = None

    def write(self) -> None:
        """Make what was noted durable; call it before the graph commits what was built with it."""
        if self._waiting and self._group is not None:
            with self._database.transaction():
                self._database.each(
                    "INSERT INTO uses VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET round = excluded.round",
                    [(self._group, key, self._round) for key in self._waiting],
                )
            self._written |= self._waiting.keys()
            self._waiting.clear()

    def next_round(self, group: str) -> None:
        """The group's graph is built anew; inside the caller's transaction."""
        self._database.rows(
            "INSERT INTO meta VALUES (?, '1') ON CONFLICT (name) DO UPDATE SET value = value + 1",
            (_round_name(group),),
        )

    def sweep(self) -> tuple[int, int]:
        """Delete every answer and every vector that no graph's present round asked for; returns how many of each."""
        self.drop_damaged()
        with self._database.transaction():
            self._database.rows(
                "DELETE FROM uses WHERE round < coalesce("
                "(SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'round of ' || group_id), 0)"
            )
            calls = self._database.rows("DELETE FROM calls WHERE key NOT IN (SELECT key FROM uses) RETURNING 1")
            vectors = self._database.rows("DELETE FROM vectors WHERE key NOT IN (SELECT key FROM uses) RETURNING 1")
        return len(calls), len(vectors)

    def drop_damaged(self) -> None:
        """Forget uses that are damaged: a graph built anew writes its own."""
        self._database.rows(f"DELETE FROM uses WHERE NOT ({USES.whole()})")


def _round_name(group: str) -> str:
    return f"round of {group}"
