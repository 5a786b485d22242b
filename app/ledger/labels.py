"""What the owner decided about facts and entities: it corrects the graph at once and teaches the prompts later.

Knows decisions and SQL; knows no graph and no prompt. In: a decision.  Out: decisions in the order they were made.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from app.ledger.database import Database, Value
from app.picture import Label


class Labels:
    """The decisions of every group of one ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, group: str, label: Label, *, place: int | None = None) -> int:
        """Write a decision down, durably; returns its number.

        place    None: after all that has been read
        """
        with self._database.transaction():
            ((number,),) = self._database.rows(
                "INSERT INTO labels (group_id, verb, kind, target, about, undo, made_at, place)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, coalesce(?, (SELECT max(place) FROM chunks), 0)) RETURNING number",
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
