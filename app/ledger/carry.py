"""What an export carries of the ledger, and an import brings back: places of texts, ends of readings, decisions.

Knows the ledger's tables; knows no file format. In: a group.
Out: ChunkRecords by episode, JournalFiles and Labels, or rows.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, cast

from app.ledger.database import Database
from app.ledger.labels import Labels
from app.picture import ChunkRecord, Episode, JournalFile, Label, Place


def read_chunks(database: Database, group: str) -> dict[str, ChunkRecord]:
    """Every chunk of a group by its episode's uuid."""
    places: dict[str, list[Place]] = defaultdict(list)
    for uuid, path, start, end in database.rows(
        'SELECT p.episode_uuid, p.path, p.start, p."end" FROM chunk_places p JOIN chunks c USING (episode_uuid)'
        " WHERE c.group_id = ?",
        (group,),
    ):
        places[str(uuid)].append(Place(str(path), cast(int, start), cast(int, end)))
    rows = database.rows(
        "SELECT c.episode_uuid, c.date, c.chunk_id, c.entry_id, e.state, e.precision, e.title, e.lead,"
        ' c."index", c."count", c.start, c."end", c.ordinal, c.state,'
        " CASE WHEN c.place IS NOT NULL THEN row_number() OVER (ORDER BY c.place NULLS LAST) END"
        " FROM chunks c JOIN entries e USING (group_id, entry_id)"
        " WHERE c.group_id = ?",
        (group,),
    )
    names = (
        "chunk_id", "entry_id", "entry_state", "precision", "title", "lead",
        "index", "count", "start", "end", "ordinal", "state", "turn",
    )  # fmt: skip
    return {
        str(uuid): ChunkRecord(
            date=date.fromisoformat(str(day)),
            places=tuple(sorted(places[str(uuid)])),
            **cast(dict[str, Any], dict(zip(names, values, strict=True))),
        )
        for uuid, day, *values in rows
    }


def read_files(database: Database, group: str) -> tuple[JournalFile, ...]:
    """The files in which texts of a group stand."""
    rows = database.rows(
        "SELECT path, sha256, bytes, encoding FROM files WHERE path IN"
        " (SELECT path FROM placements WHERE group_id = ?) ORDER BY path",
        (group,),
    )
    return tuple(JournalFile(str(p), str(sha), cast(int, size), str(encoding)) for p, sha, size, encoding in rows)


def read_labels(database: Database, group: str) -> tuple[Label, ...]:
    """The decisions of a group; their places count its own chunks, as `turn` does."""
    rows = database.rows("SELECT place FROM chunks WHERE group_id = ? AND place IS NOT NULL ORDER BY place", (group,))
    places = [cast(int, place) for (place,) in rows]
    return tuple(
        replace(label, number=0, place=bisect_right(places, label.place)) for label in Labels(database).all(group)
    )


def write_labels(database: Database, group: str, labels: Iterable[Label], after: int) -> None:
    """Keep decisions that another ledger kept, unless the group has some.

    after    the last place before the chunks of this group
    """
    ours = Labels(database)
    if not ours.all(group):
        for label in labels:
            ours.keep(group, label, place=after + label.place)


def last_place(database: Database) -> int:
    """Of all that has been read, of whatever group; 0 at the beginning."""
    return max((cast(int, place) for (place,) in database.rows("SELECT max(place) FROM chunks") if place), default=0)


def write_chunks(
    database: Database, group: str, files: Iterable[JournalFile], episodes: Iterable[Episode], after: int
) -> None:
    """Rows for texts that another ledger read, their turns after the place `after`; what is known stays as it is."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    episodes = list(episodes)
    known = [(episode.uuid, episode.chunk) for episode in episodes if episode.chunk]
    with database.transaction():
        database.each(
            "INSERT INTO files (path, sha256, bytes, encoding, first_seen, last_seen, state)"
            " VALUES (?, ?, ?, ?, ?, ?, 'present') ON CONFLICT DO NOTHING",
            [(file.path, file.sha256, file.bytes, file.encoding, now, now) for file in files],
        )
        database.each(
            "INSERT INTO entries (group_id, entry_id, date, precision, title, lead, state)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(group, c.entry_id, c.date.isoformat(), c.precision, c.title, c.lead, c.entry_state) for _, c in known],
        )
        database.each(
            'INSERT INTO chunks (episode_uuid, chunk_id, group_id, entry_id, "index", "count", start, "end", date,'
            " ordinal, state, place) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [
                (uuid, c.chunk_id, group, c.entry_id, c.index, c.count, c.start, c.end, c.date.isoformat(), c.ordinal,
                 c.state, after + c.turn if c.turn else None)
                for uuid, c in known
            ],
        )  # fmt: skip
        database.each(
            'INSERT INTO chunk_places (episode_uuid, path, start, "end") VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
            [(uuid, p.path, p.start, p.end) for uuid, c in known for p in c.places],
        )
        database.each(
            "INSERT INTO texts (episode_uuid, text) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(episode.uuid, episode.text) for episode in episodes if episode.chunk],
        )
        # An entry stands from its first chunk to its last; the ledger finds it there when the file is read again.
        spans: dict[tuple[str, str], list[int]] = defaultdict(list)
        for _, c in known:
            for p in c.places:
                spans[c.entry_id, p.path] += [p.start, p.end]
        database.each(
            'INSERT INTO placements (group_id, entry_id, path, start, "end")'
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(group, entry, path, min(ends), max(ends)) for (entry, path), ends in spans.items()],
        )
