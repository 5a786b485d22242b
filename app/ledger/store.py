"""The truth: which texts were read, where they stand, and what became of every chunk.

Knows entries, chunks and states; knows nothing of models or graphs.
In: files as they were read, and how each chunk ended.  Out: what is new, what waits, where an episode stands.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType

from app.errors import BadInput, DaybookError
from app.journal.types import OffsetMap
from app.ledger import carry
from app.ledger.calls import CallLog, VectorShelf, WeightShelf
from app.ledger.database import Database, Row
from app.ledger.forget import Past, give_place
from app.ledger.home import HomeLock, make_private_folder
from app.ledger.labels import Labels
from app.ledger.planning import Planner
from app.ledger.records import (
    ChunkState,
    Counts,
    EpisodePlace,
    FileReading,
    Plan,
    PlannedChunk,
)
from app.ledger.uses import Uses
from app.picture import ChunkRecord, Episode, JournalFile, Label

LEDGER_NAME = "ledger.sqlite"
_AT_WORK = "at work"


class Ledger:
    """The home's SQLite file; open it with `Ledger.open(home)` and use it as a context manager.

    Safe from every thread. Each call is durable before it returns, unless made inside `transaction()`.
    raises  HomeBusy, StorageFailed
    """

    def __init__(self, home: Path, database: Database, lock: HomeLock) -> None:
        self.home = home
        self.uses = Uses(database)
        self.calls = CallLog(database, self.uses)
        self.vectors = VectorShelf(database, self.uses)
        self.labels = Labels(database)
        self.weights = WeightShelf(database)
        self.past = Past(home / LEDGER_NAME, database, self.uses)
        self._database = database
        self._lock = lock

    @classmethod
    def open(cls, home: Path) -> "Ledger":
        """Open or create the ledger of `home` (folder 0700, files 0600) and hold the home's lock.

        raises  HomeBusy if another process holds the home; StorageFailed for a damaged or foreign file
        """
        make_private_folder(home)
        with ExitStack() as stack:
            lock = stack.enter_context(HomeLock(home))
            ledger = cls(home, Database(home / LEDGER_NAME), lock)
            stack.pop_all()  # both are open: from here on close() releases the lock
            return ledger

    def close(self) -> None:
        """Fold the log into the file and release the home."""
        try:
            self._database.close()
        finally:
            self._lock.release()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def at_work(self) -> Iterator[bool]:
        """Yields whether the work before this one ended without a word: it was killed, or crashed in foreign code."""
        was_cut_off = self.noted(_AT_WORK) == "yes"
        self.note(_AT_WORK, "yes")
        try:
            yield was_cut_off
        finally:
            self.note(_AT_WORK, "no")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make several calls durable together or not at all. Other threads wait: never `await` inside."""
        with self._database.transaction():
            yield

    def claim(self, name: str, value: str, *, hint: str = "") -> None:
        """Tie this home to a setting (a model's fingerprint, an embedder's size) on first use.

        raises  BadInput if the home is tied to another value
        """
        with self.transaction():
            rows = self._database.rows("SELECT value FROM meta WHERE name = ?", (name,))
            if not rows:
                self._database.rows("INSERT INTO meta VALUES (?, ?)", (name, value))
            elif rows[0][0] != value:
                raise BadInput(
                    f"this home was built with {name} {rows[0][0]!r}, now it is {value!r}",
                    hint=hint or f"go back to {rows[0][0]!r}, or choose another home",
                )

    def claimed(self, name: str) -> str | None:
        """The value this home is tied to, or None."""
        rows = self._database.rows("SELECT value FROM meta WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else None

    def note(self, name: str, value: str) -> None:
        """Keep a figure about this machine, such as its speed; a later one takes its place."""
        self._database.rows(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
        )

    def noted(self, name: str) -> str | None:
        """The figure kept under `name`, or None."""
        return self.claimed(name)

    def known_files(self, group: str) -> tuple[Path, ...]:
        """Every file in which this group's entries stand, sorted."""
        rows = self._database.rows("SELECT DISTINCT path FROM placements WHERE group_id = ? ORDER BY path", (group,))
        return tuple(Path(str(path)) for (path,) in rows)

    def plan(self, group: str, readings: Sequence[FileReading], *, gone_files: Iterable[Path] = ()) -> Plan:
        """Record what was read, in one transaction; the same readings again change nothing.

        readings     files in the order in which they should be loaded
        gone_files   known files that no longer exist: their entries lose these places
        """
        with self.transaction():
            return Planner(self._database, group, _now()).plan(readings, gone_files)

    def pending_chunks(self, group: str, *, limit: int | None = None) -> list[PlannedChunk]:
        """Chunks that still wait: those begun before in the order in which they were begun, then by date and ordinal.

        The order in which chunks are read is part of what becomes of them, so a graph built again takes the old one.
        raises  StorageFailed if the words of one are damaged
        """
        where = (
            "c.group_id = ? AND c.state = 'planned' AND (e.state = 'current' OR e.state = 'gone' AND c.place NOTNULL)"
        )
        self.past.require_words(where, group)
        rows = self._database.rows(
            'SELECT c.episode_uuid, c.chunk_id, c.entry_id, c.date, c.ordinal, c."index", c."count", c.start, c."end",'
            " c.place, t.text, t.offsets"
            " FROM chunks c JOIN entries e USING (group_id, entry_id) JOIN texts t USING (episode_uuid)"
            f" WHERE {where} ORDER BY c.place IS NULL, c.place, c.date, c.ordinal LIMIT ?",
            (group, -1 if limit is None else limit),
        )
        return [self._planned(row) for row in rows]

    def _planned(self, row: Row) -> PlannedChunk:
        uuid, chunk_id, entry_id, day, order, index, count, start, end, place, text, offsets = row
        return PlannedChunk(
            str(uuid), str(chunk_id), str(entry_id), date.fromisoformat(str(day)),
            int(order or 0), int(index or 0), int(count or 0), int(start or 0), int(end or 0), str(text),
            None if offsets is None else OffsetMap(*map(tuple, json.loads(str(offsets)))), place is not None,
        )  # fmt: skip

    def begin(self, episode_uuid: str) -> int:
        """A chunk is about to be read: it takes the next place in the order of reading, once and for all."""
        give_place(self._database, episode_uuid)
        ((place,),) = self._database.rows("SELECT place FROM chunks WHERE episode_uuid = ?", (episode_uuid,))
        return int(place or 0)

    def places(self, group: str) -> dict[str, int]:
        """Place in the order of reading by episode, of all that were begun."""
        rows = self._database.rows(
            "SELECT episode_uuid, place FROM chunks WHERE group_id = ? AND place IS NOT NULL ORDER BY place",
            (group,),
        )
        return {str(uuid): int(place or 0) for uuid, place in rows}

    def retry_quarantined(self, group: str) -> None:
        """Send what was given up back to the queue; it will be read after all that was read since."""
        with self.transaction():
            for uuid, _ in self.quarantined(group):
                self._database.rows("UPDATE chunks SET place = NULL WHERE episode_uuid = ?", (uuid,))
                self.finish(uuid, "planned")

    def finish(self, episode_uuid: str, state: ChunkState, reason: str | None = None) -> None:
        """Record how a chunk ended; `planned` sends it back to the queue.

        reason   required for `quarantined`, and must not quote the journal
        """
        if (reason is not None) != (state == "quarantined"):
            raise DaybookError(
                f"a chunk ended {state} with reason {reason!r}: quarantined chunks, and only they, have one"
            )
        changed = self._database.rows(
            "UPDATE chunks SET state = ?, reason = ? WHERE episode_uuid = ? RETURNING episode_uuid",
            (state, reason, episode_uuid),
        )
        if not changed:
            raise DaybookError(f"no chunk with episode {episode_uuid} is planned")

    def finished_episodes(self, group: str, state: ChunkState = "done") -> set[str]:
        """Episodes that ended in `state`: what the graph should hold."""
        rows = self._database.rows("SELECT episode_uuid FROM chunks WHERE group_id = ? AND state = ?", (group, state))
        return {str(uuid) for (uuid,) in rows}

    def chunk_states(self, group: str, entry_ids: Iterable[str]) -> Counter[str]:
        """How many chunks of these entries are in which state."""
        wanted = set(entry_ids)
        rows = self._database.rows("SELECT entry_id, state FROM chunks WHERE group_id = ?", (group,))
        return Counter(str(state) for entry_id, state in rows if str(entry_id) in wanted)

    def quarantined(self, group: str) -> list[tuple[str, str]]:
        """(episode uuid, reason) of every chunk that was given up, in date order."""
        rows = self._database.rows(
            "SELECT episode_uuid, reason FROM chunks WHERE group_id = ? AND state = 'quarantined'"
            " ORDER BY date, ordinal",
            (group,),
        )
        return [(str(uuid), str(reason)) for uuid, reason in rows]

    def counts(self, group: str) -> Counts:
        """Chunks by state over current entries, and how many entries and files they come from."""
        by_state = {
            str(state): int(number or 0)
            for state, number in self._database.rows(
                "SELECT c.state, count(*) FROM chunks c JOIN entries e USING (group_id, entry_id)"
                " WHERE c.group_id = ? AND e.state = 'current' GROUP BY c.state",
                (group,),
            )
        }
        ((entries,),) = self._database.rows(
            "SELECT count(*) FROM entries WHERE group_id = ? AND state = 'current'", (group,)
        )
        return Counts(
            planned=sum(by_state.values()),
            done=by_state.get("done", 0),
            empty=by_state.get("empty", 0),
            quarantined=by_state.get("quarantined", 0),
            waiting=by_state.get("planned", 0),
            entries=int(entries or 0),
            files=len(self.known_files(group)),
        )

    def resolve_episode(self, episode_uuid: str) -> EpisodePlace | None:
        """Where an episode's text stands now (the first file by name), or None if it stands nowhere."""
        rows = self._database.rows(
            'SELECT p.path, c.date, p.start, p."end" FROM chunk_places p JOIN chunks c USING (episode_uuid)'
            " WHERE p.episode_uuid = ? ORDER BY p.path, p.start LIMIT 1",
            (episode_uuid,),
        )
        if not rows:
            return None
        path, day, start, end = rows[0]
        return EpisodePlace(Path(str(path)), date.fromisoformat(str(day)), (int(start or 0), int(end or 0)))

    def chunk_records(self, group: str) -> dict[str, ChunkRecord]:
        """Every chunk with its places, by the uuid of its episode."""
        return carry.read_chunks(self._database, group)

    def journal_files(self, group: str) -> tuple[JournalFile, ...]:
        """The files in which the group's texts stand."""
        return carry.read_files(self._database, group)

    def decisions(self, group: str) -> tuple[Label, ...]:
        """What the owner decided, as another ledger can adopt it."""
        return carry.read_labels(self._database, group)

    def adopt(
        self, group: str, files: Iterable[JournalFile], episodes: Iterable[Episode], labels: Iterable[Label]
    ) -> None:
        """Take over what another ledger knew of these episodes; what is known already stays as it is."""
        with self._database.transaction():
            after = carry.last_place(self._database)
            carry.write_chunks(self._database, group, files, episodes, after)
            carry.write_labels(self._database, group, labels, after)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
