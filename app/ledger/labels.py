"""What the owner decided about facts and entities: it corrects the graph at once and teaches the prompts later.

Knows decisions and SQL; knows no graph and no prompt. In: a decision.  Out: decisions in the order they were made.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from app.ledger.database import Database, Value
from app.picture import Label

# A label goes with the texts it quotes: when a chunk is deleted, for whatever reason, its rows here go too, a label
# that has lost one of its roots follows, and what stays can no longer be taken back with words of the lost text.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS labels (
    number INTEGER PRIMARY KEY AUTOINCREMENT, group_id TEXT NOT NULL, verb TEXT NOT NULL, kind TEXT NOT NULL,
    target TEXT NOT NULL, about TEXT NOT NULL, undo TEXT, made_at TEXT NOT NULL, place INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS label_episodes (
    number INTEGER NOT NULL REFERENCES labels ON DELETE CASCADE, root TEXT NOT NULL,
    episode_uuid TEXT NOT NULL REFERENCES chunks ON DELETE CASCADE,
    PRIMARY KEY (number, root, episode_uuid)
) STRICT;
CREATE INDEX IF NOT EXISTS label_episodes_by_episode ON label_episodes (episode_uuid);
"""
_TRIGGER = """
CREATE TRIGGER IF NOT EXISTS labels_follow_their_texts AFTER DELETE ON label_episodes BEGIN
    UPDATE labels SET undo = NULL WHERE number = OLD.number;
    DELETE FROM labels WHERE number = OLD.number
        AND NOT EXISTS (SELECT 1 FROM label_episodes WHERE number = OLD.number AND root = OLD.root);
END
"""


class Labels:
    """The decisions of every group of one ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database
        for statement in (*filter(str.strip, _SCHEMA.split(";")), _TRIGGER):
            database.rows(statement)
        if "place" not in {name for _, name, *_ in database.rows("PRAGMA table_info(labels)")}:  # an older home
            database.rows("ALTER TABLE labels ADD COLUMN place INTEGER NOT NULL DEFAULT 0")

    def keep(self, group: str, label: Label, *, place: int | None = None) -> int:
        """Write a decision down, durably; returns its number.

        place    None: after all that has been read
        """
        with self._database.transaction():
            ((number,),) = self._database.rows(
                "INSERT INTO labels (group_id, verb, kind, target, about, undo, made_at, place)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, coalesce(?, (SELECT max(place) FROM texts), 0)) RETURNING number",
                (
                    group, label.verb, label.kind, label.target, _json(label.about),
                    None if label.undo is None else _json(label.undo), datetime.now(UTC).isoformat(timespec="seconds"),
                    place,
                ),
            )  # fmt: skip
            self._database.each(
                "INSERT INTO label_episodes VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                [(number, root, uuid) for root, episodes in label.roots.items() for uuid in episodes],
            )
        return int(number or 0)

    def all(self, group: str) -> list[Label]:
        """Every decision on this group's graph, in the order in which they were made."""
        roots: dict[Value, dict[str, tuple[str, ...]]] = {}
        for number, root, uuid in self._database.rows(
            "SELECT e.number, e.root, e.episode_uuid FROM label_episodes e JOIN labels l USING (number)"
            " WHERE l.group_id = ? ORDER BY e.number, e.root, e.episode_uuid",
            (group,),
        ):
            of_label = roots.setdefault(number, {})
            of_label[str(root)] = (*of_label.get(str(root), ()), str(uuid))
        rows = self._database.rows(
            "SELECT number, verb, kind, target, about, undo, place FROM labels WHERE group_id = ? ORDER BY number",
            (group,),
        )
        return [
            Label(
                verb,  # type: ignore[arg-type]  # only `keep` writes the table
                kind,  # type: ignore[arg-type]
                str(target),
                json.loads(str(about)),
                roots.get(number, {}),
                None if undo is None else json.loads(str(undo)),
                int(number or 0),
                int(place or 0),
            )
            for number, verb, kind, target, about, undo, place in rows
        ]

    def change(self, number: int, undo: dict[str, Any] | None) -> None:
        """Remember anew how to take a decision back: the graph was built again and it was applied again."""
        self._database.rows(
            "UPDATE labels SET undo = ? WHERE number = ?", (None if undo is None else _json(undo), number)
        )

    def withdraw(self, numbers: Iterable[int]) -> None:
        """Forget decisions that were taken back."""
        self._database.each("DELETE FROM labels WHERE number = ?", [(number,) for number in numbers])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
