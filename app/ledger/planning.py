"""Compare what was read with what the ledger knows, and write down the difference.

Knows entries, places and chunks; knows nothing of what a chunk is for.
In: files as they were read.  Out: rows in the ledger, and a Plan of what is new, edited or gone.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from app.journal.types import Chunk, Entry
from app.ledger.database import Database
from app.ledger.records import FileReading, Plan, episode_uuid
from app.ledger.schema import TEXTS


class Planner:
    """One planning run inside one transaction of the ledger.

    group   whose graph
    now     ISO timestamp written as first and last sight
    """

    def __init__(self, database: Database, group: str, now: str) -> None:
        self._rows, self._each = database.rows, database.each
        self._group, self._now = group, now
        damaged = self._rows(f"SELECT episode_uuid FROM texts WHERE NOT ({TEXTS.whole()})")
        self._damaged = {str(uuid) for (uuid,) in damaged}
        self._placed: set[str] = set()  # entries already met in this run: they keep the chunks of their first place

    def plan(self, readings: Sequence[FileReading], gone_files: Iterable[Path]) -> Plan:
        """Write `readings` down; see `Ledger.plan`."""
        before = self._states()
        touched = {str(reading.path) for reading in readings} | {str(path) for path in gone_files}
        were_here = self._entries_of(touched)
        for path in sorted(touched):
            self._rows("DELETE FROM placements WHERE group_id = ? AND path = ?", (self._group, path))
            self._rows(
                "DELETE FROM chunk_places WHERE path = ?"
                " AND episode_uuid IN (SELECT episode_uuid FROM chunks WHERE group_id = ?)",
                (path, self._group),
            )
            self._rows("UPDATE files SET state = 'gone' WHERE path = ?", (path,))
        for reading in readings:
            self._write_file(reading)
        superseded, gone = self._lost(were_here, before, readings)
        for state, lost in (("superseded", superseded), ("gone", gone)):
            self._each(
                "UPDATE entries SET state = ? WHERE group_id = ? AND entry_id = ?",
                [(state, self._group, entry_id) for entry_id in sorted(lost)],
            )
        here = {entry.entry_id for reading in readings for entry in reading.entries}
        return Plan(
            new=tuple(sorted(here - before)),
            unchanged=tuple(sorted(here & before)),
            superseded=tuple(sorted(superseded)),
            gone=tuple(sorted(gone)),
        )

    def _states(self) -> set[str]:
        """Entries that were current before this run."""
        rows = self._rows("SELECT entry_id FROM entries WHERE group_id = ? AND state = 'current'", (self._group,))
        return {str(entry_id) for (entry_id,) in rows}

    def _entries_of(self, paths: set[str]) -> dict[str, set[tuple[str, str]]]:
        """Which (path, date) each current entry of these files stood at."""
        found: dict[str, set[tuple[str, str]]] = {}
        for path in sorted(paths):
            for entry_id, day in self._rows(
                "SELECT p.entry_id, e.date FROM placements p JOIN entries e USING (group_id, entry_id)"
                " WHERE p.group_id = ? AND p.path = ?",
                (self._group, path),
            ):
                found.setdefault(str(entry_id), set()).add((path, str(day)))
        return found

    def _write_file(self, reading: FileReading) -> None:
        path = str(reading.path)
        self._rows(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, 'present') ON CONFLICT (path) DO UPDATE SET"
            " sha256 = excluded.sha256, bytes = excluded.bytes, encoding = excluded.encoding,"
            " last_seen = excluded.last_seen, state = 'present'",
            (path, reading.sha256, reading.bytes, reading.encoding, self._now, self._now),
        )
        chunks: dict[int, list[Chunk]] = {}
        for chunk in reading.chunks:
            chunks.setdefault(chunk.entry.start, []).append(chunk)
        for entry in reading.entries:
            self._write_entry(path, entry, chunks.get(entry.start, []))

    def _write_entry(self, path: str, entry: Entry, chunks: Sequence[Chunk]) -> None:
        key = (self._group, entry.entry_id)
        self._rows(
            "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, 'current')"
            " ON CONFLICT (group_id, entry_id) DO UPDATE SET state = 'current'",
            (*key, entry.date.isoformat(), entry.precision, entry.title, _leading_blanks(entry)),
        )
        self._rows(
            "INSERT INTO placements VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", (*key, path, entry.start, entry.end)
        )
        if entry.entry_id not in self._placed and not self._has_begun(entry):
            self._write_chunks(entry, chunks)
        self._placed.add(entry.entry_id)
        self._write_chunk_places(path, entry)

    def _has_begun(self, entry: Entry) -> bool:
        """An entry keeps its chunks once one of them was begun: the graph speaks of these, or will again."""
        return bool(
            self._rows(
                "SELECT 1 FROM chunks WHERE group_id = ? AND entry_id = ?"
                " AND (state <> 'planned' OR place IS NOT NULL) LIMIT 1",
                (self._group, entry.entry_id),
            )
        )

    def _write_chunks(self, entry: Entry, chunks: Sequence[Chunk]) -> None:
        """Replace the waiting chunks of an entry, unless they are the same ones."""
        key = (self._group, entry.entry_id)
        known = self._rows('SELECT chunk_id FROM chunks WHERE group_id = ? AND entry_id = ? ORDER BY "index"', key)
        if [chunk_id for (chunk_id,) in known] == [chunk.chunk_id for chunk in chunks]:
            return
        self._rows("DELETE FROM chunks WHERE group_id = ? AND entry_id = ?", key)
        self._rows("UPDATE entries SET lead = ? WHERE group_id = ? AND entry_id = ?", (_leading_blanks(entry), *key))
        day = entry.date.isoformat()
        ((last,),) = self._rows(
            "SELECT coalesce(max(ordinal), -1) FROM chunks WHERE group_id = ? AND date = ?", (self._group, day)
        )
        self._each(
            "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'planned', NULL, NULL)",
            [
                (
                    episode_uuid(self._group, chunk.chunk_id), chunk.chunk_id, *key, chunk.index, chunk.count,
                    chunk.start, chunk.end, day, int(last or 0) + 1 + place,
                )
                for place, chunk in enumerate(chunks)
            ],
        )  # fmt: skip

    def _write_chunk_places(self, path: str, entry: Entry) -> None:
        """Where the recorded chunks stand in this file.

        Two files may hold the same entry with other blanks before it: offsets shift by the difference.
        """
        rows = self._rows(
            'SELECT c.episode_uuid, c.start - e.lead, c."end" - e.lead FROM chunks c'
            " JOIN entries e USING (group_id, entry_id) WHERE c.group_id = ? AND c.entry_id = ?",
            (self._group, entry.entry_id),
        )
        lead, length = _leading_blanks(entry), len(entry.text)
        for uuid, start, end in rows:
            first = min(max(int(start or 0) + lead, 0), length)
            last = min(max(int(end or 0) + lead, first), length)
            self._write_text(str(uuid), entry, first, last)
            self._rows(
                "INSERT INTO chunk_places VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (uuid, path, *entry.file_span(first, last)),
            )

    def _write_text(self, uuid: str, entry: Entry, start: int, end: int) -> None:
        """The chunk's words, once: with them the graph can be built again when no file holds them any more.

        Damaged words are known anew by this: which words a chunk has is part of its identity.
        """
        text, offsets = entry.text[start:end], None
        if entry.offsets is not None:
            part = entry.offsets.part(start, end)
            offsets = json.dumps([part.text_starts, part.file_starts])
        if uuid in self._damaged:
            self._rows("DELETE FROM texts WHERE episode_uuid = ?", (uuid,))
        self._rows("INSERT INTO texts VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (uuid, text, offsets))

    def _lost(
        self, were_here: dict[str, set[tuple[str, str]]], before: set[str], readings: Sequence[FileReading]
    ) -> tuple[set[str], set[str]]:
        """Entries that stand nowhere any more: (edited in place, gone without a successor)."""
        fresh = {
            (str(reading.path), entry.date.isoformat())
            for reading in readings
            for entry in reading.entries
            if entry.entry_id not in before
        }
        rows = self._rows("SELECT DISTINCT entry_id FROM placements WHERE group_id = ?", (self._group,))
        still_here = {str(entry_id) for (entry_id,) in rows}
        lost = {entry_id: places for entry_id, places in were_here.items() if entry_id not in still_here}
        superseded = {entry_id for entry_id, places in lost.items() if places & fresh}
        return superseded, set(lost) - superseded


def _leading_blanks(entry: Entry) -> int:
    return len(entry.text) - len(entry.text.lstrip())
