"""Take entries out of the ledger as if they had never been read, and send the rest back to be put into a new graph.

Knows entries, places and chunks; knows no graph. In: which entries.  Out: a ledger without them, and a mark that the
graph is to be built again; the mark stays until that is done, so that a kill in between is finished by the next run.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Literal

from app.errors import StorageFailed
from app.ledger.database import Database, Value
from app.ledger.schema import TEXTS
from app.ledger.uses import Uses

ReplayStep = Literal["drop", "fill"]
_MARK = "replay"
_TEXT = "CAST(texts.text AS BLOB)"  # as it lies there
_WRITE_MARK = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"


@dataclass(frozen=True, slots=True)
class Replay:
    """The graph is to be built again from the ledger.

    step      drop: the old graph may still lie there; fill: it is gone, and the chunks that wait go into a new one
    sweep     afterwards delete the answers that the new graph does not stand on
    copy_of   the home whose ledger was copied here for this
    """

    step: ReplayStep
    sweep: bool
    copy_of: str = ""


@dataclass(frozen=True, slots=True)
class KnownEntry:
    """An entry by what can be said of it without quoting it.

    files   where it stands today; none if it is gone
    """

    entry_id: str
    date: date
    state: str
    chunks: int
    files: tuple[Path, ...]


class Past:
    """What was read, to be forgotten or told again; one of each ledger."""

    def __init__(self, path: Path, database: Database, uses: Uses) -> None:
        self._path = path
        self._database = database
        self._rows = database.rows
        self._uses = uses

    def stretches(self) -> list[tuple[str, set[str]]]:
        """What waits to be told again: (group, its episodes) for each stretch read without another group's between.

        Groups share the graph's word index, so that the order between them is part of the order of reading.
        """
        rows = self._rows(
            "SELECT c.group_id, c.episode_uuid FROM chunks c JOIN entries e USING (group_id, entry_id)"
            " WHERE c.state = 'planned' AND e.state <> 'superseded' AND c.place IS NOT NULL ORDER BY c.place"
        )
        return [(str(group), {str(uuid) for _, uuid in run}) for group, run in groupby(rows, key=itemgetter(0))]

    def entries(self, group: str) -> list[KnownEntry]:
        """Every entry of a group, by date."""
        files: dict[str, list[Path]] = {}
        for entry_id, path in self._rows(
            "SELECT DISTINCT entry_id, path FROM placements WHERE group_id = ? ORDER BY path", (group,)
        ):
            files.setdefault(str(entry_id), []).append(Path(str(path)))
        rows = self._rows(
            "SELECT e.entry_id, e.date, e.state, count(c.episode_uuid) FROM entries e"
            " LEFT JOIN chunks c USING (group_id, entry_id) WHERE e.group_id = ?"
            " GROUP BY e.entry_id, e.date, e.state ORDER BY e.date, e.entry_id",
            (group,),
        )
        return [
            KnownEntry(
                str(one), date.fromisoformat(str(day)), str(state), int(count or 0), tuple(files.get(str(one), ()))
            )
            for one, day, state, count in rows
        ]

    def texts(self, group: str, entry_ids: Collection[str]) -> list[str]:
        """The words of these entries' chunks; damaged ones, too, so that they can be forgotten."""
        rows = self._rows(
            f"SELECT c.entry_id, {_TEXT} FROM texts JOIN chunks c USING (episode_uuid) WHERE c.group_id = ?", (group,)
        )
        return [_decoded(text) for entry_id, text in rows if str(entry_id) in entry_ids]

    def every_text(self) -> list[str]:
        """The words of all groups, damaged ones too."""
        return [_decoded(text) for (text,) in self._rows(f"SELECT {_TEXT} FROM texts")]

    def require_words(self, where: str, *parameters: Value) -> None:
        """See that chunks have their words, and that none are damaged.

        where   a condition on chunks c of entries e
        raises  StorageFailed, with what brings them back: words come with their journals
        """
        rows = self._rows(
            "SELECT DISTINCT c.date, c.entry_id FROM chunks c JOIN entries e USING (group_id, entry_id)"
            f" LEFT JOIN texts USING (episode_uuid) WHERE {where} AND NOT ({TEXTS.whole()}) ORDER BY c.date",
            parameters,
        )
        if rows:
            what = "1 entry, of" if len(rows) == 1 else f"{len(rows)} entries, the first of"
            ids = " ".join(str(entry_id)[:12] for _, entry_id in rows[:8])
            raise StorageFailed(
                f"{self._path}: the words of {what} {rows[0][0]!s}, are damaged or missing",
                hint=f"load the journal again; what no file holds any more: forget {ids}",
            )

    def forget(self, group: str, entry_ids: Collection[str]) -> bool:
        """Delete entries with all that hangs on them; True if the graph has to be built again.

        The days they leave are numbered anew, as a ledger would have numbered them that never saw the entries.
        raises  StorageFailed if the words of others are damaged or missing
        """
        with self._database.transaction():
            mine = [
                (str(state), place)
                for entry_id, state, place in self._rows(
                    "SELECT entry_id, state, place FROM chunks WHERE group_id = ?", (group,)
                )
                if str(entry_id) in entry_ids
            ]
            is_in_graph = any(place is not None or state in ("done", "empty") for state, place in mine)
            days = {entry.date.isoformat() for entry in self.entries(group) if entry.entry_id in entry_ids}
            self._database.each(
                "DELETE FROM entries WHERE group_id = ? AND entry_id = ?", [(group, one) for one in sorted(entry_ids)]
            )
            self._rows("DELETE FROM files WHERE path NOT IN (SELECT path FROM placements)")
            for day in sorted(days):
                _number_anew(self._database, group, day)
            if is_in_graph:
                # What was given up after reading them was asked with their help: it is tried again.
                self._rows(
                    "UPDATE chunks SET state = 'planned', reason = NULL WHERE group_id = ? AND state = 'quarantined'"
                    " AND place > ?",
                    (group, min((int(place or 0) for _, place in mine), default=0)),
                )
                self.start_replay(sweep=True)
            return is_in_graph

    def start_replay(self, *, sweep: bool = False) -> None:
        """Send every chunk that the graph holds back to the queue, in the order in which they were read.

        raises  StorageFailed if the words of one are damaged, or missing: a home of an older Daybook has none
        """
        with self._database.transaction():
            ended = "state IN ('done', 'empty')"
            self.require_words(f"c.{ended}")
            for (uuid,) in self._rows(
                f"SELECT episode_uuid FROM chunks WHERE {ended} AND place IS NULL ORDER BY date, ordinal, group_id"
            ):
                give_place(self._database, str(uuid))
            self._rows(f"UPDATE chunks SET state = 'planned', reason = NULL WHERE {ended}")
            self._uses.drop_damaged()
            for (group,) in self._rows("SELECT group_id FROM entries UNION SELECT group_id FROM uses"):
                self._uses.next_round(str(group))
            before = self.replay or Replay("drop", sweep)
            self._mark(replace(before, step="drop", sweep=sweep or before.sweep))

    def copy_to(self, path: Path, home: Path) -> None:
        """Write a copy of the ledger of `home` there, under a free name, marked as one whose graph is not built yet."""
        mark = replace(self.replay or Replay("drop", sweep=False), step="drop", copy_of=str(home.resolve()))
        self._database.copy_to(path, _WRITE_MARK, (_MARK, json.dumps(asdict(mark))))

    @property
    def replay(self) -> Replay | None:
        """How far a building of the graph from this ledger is; None when none is under way."""
        rows = self._rows("SELECT value FROM meta WHERE name = ?", (_MARK,))
        return Replay(**json.loads(str(rows[0][0]))) if rows else None

    def note_dropped(self) -> None:
        """The old graph is gone."""
        if mark := self.replay:
            self._mark(replace(mark, step="fill"))

    def end_replay(self) -> tuple[int, int]:
        """The new graph holds what it should; returns how many answers and vectors were swept from the ledger.

        The file is written anew without its free pages before the mark goes: a kill before that does it once more.
        """
        mark, swept = self.replay, (0, 0)
        if mark is not None and mark.sweep:
            swept = self._uses.sweep()
            self.scrub()
        self._rows("DELETE FROM meta WHERE name = ?", (_MARK,))
        return swept

    def scrub(self) -> None:
        """Leave nothing of deleted rows in the file, its free pages or its log."""
        self._database.scrub()

    def _mark(self, mark: Replay) -> None:
        self._rows(_WRITE_MARK, (_MARK, json.dumps(asdict(mark))))


def give_place(database: Database, episode_uuid: str) -> None:
    """Let a chunk be the last one read, unless it has been read before."""
    database.rows(
        "UPDATE chunks SET place = (SELECT coalesce(max(place), 0) + 1 FROM chunks)"
        " WHERE episode_uuid = ? AND place IS NULL",
        (episode_uuid,),
    )


def _decoded(text: Value) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else ""


def _number_anew(database: Database, group: str, day: str) -> None:
    rows: Sequence[tuple[object, ...]] = database.rows(
        "SELECT episode_uuid FROM chunks WHERE group_id = ? AND date = ? ORDER BY ordinal", (group, day)
    )
    database.each(
        "UPDATE chunks SET ordinal = ? WHERE episode_uuid = ?",
        [(place, str(uuid)) for place, (uuid,) in enumerate(rows)],
    )
