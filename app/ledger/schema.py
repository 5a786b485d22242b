"""The tables of the ledger, version 3.

Knows what is kept; knows nothing of how it is written or read. Out: the statements that make an empty ledger.

What cannot be had again is checked whole whenever a ledger is opened. The rest may be large and can be had again from
the journals or the model: its rows are checked as they are read.
"""

from collections.abc import Iterator

from app.ledger.checksums import Table

SCHEMA_VERSION = 3

FILES = Table(
    "files",
    "path TEXT PRIMARY KEY, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, encoding TEXT NOT NULL,"
    " first_seen TEXT NOT NULL, last_seen TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('present', 'gone'))",
)
ENTRIES = Table(
    "entries",
    "group_id TEXT NOT NULL, entry_id TEXT NOT NULL, date TEXT NOT NULL, precision TEXT NOT NULL,"
    " title TEXT NOT NULL, lead INTEGER NOT NULL,"
    " state TEXT NOT NULL CHECK (state IN ('current', 'superseded', 'gone'))",
    ", PRIMARY KEY (group_id, entry_id)",
)
PLACEMENTS = Table(
    "placements",
    "group_id TEXT NOT NULL, entry_id TEXT NOT NULL, path TEXT NOT NULL REFERENCES files (path),"
    ' start INTEGER NOT NULL, "end" INTEGER NOT NULL',
    ", PRIMARY KEY (group_id, entry_id, path, start)"
    ", FOREIGN KEY (group_id, entry_id) REFERENCES entries ON DELETE CASCADE",
)
# place   in the order of reading, of whatever group; NULL until it is begun
CHUNKS = Table(
    "chunks",
    "episode_uuid TEXT PRIMARY KEY, chunk_id TEXT NOT NULL, group_id TEXT NOT NULL, entry_id TEXT NOT NULL,"
    ' "index" INTEGER NOT NULL, "count" INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,'
    " date TEXT NOT NULL, ordinal INTEGER NOT NULL,"
    " state TEXT NOT NULL CHECK (state IN ('planned', 'done', 'empty', 'quarantined')), reason TEXT, place INTEGER",
    ", FOREIGN KEY (group_id, entry_id) REFERENCES entries ON DELETE CASCADE",
)
CHUNK_PLACES = Table(
    "chunk_places",
    "episode_uuid TEXT NOT NULL REFERENCES chunks ON DELETE CASCADE, path TEXT NOT NULL,"
    ' start INTEGER NOT NULL, "end" INTEGER NOT NULL',
    ", PRIMARY KEY (episode_uuid, path, start)",
)
META = Table("meta", "name TEXT PRIMARY KEY, value TEXT NOT NULL")
LABELS = Table(
    "labels",
    "number INTEGER PRIMARY KEY AUTOINCREMENT, group_id TEXT NOT NULL, verb TEXT NOT NULL, kind TEXT NOT NULL,"
    " target TEXT NOT NULL, about TEXT NOT NULL, undo TEXT, made_at TEXT NOT NULL, place INTEGER NOT NULL DEFAULT 0",
)
LABEL_EPISODES = Table(
    "label_episodes",
    "number INTEGER NOT NULL REFERENCES labels ON DELETE CASCADE, root TEXT NOT NULL,"
    " episode_uuid TEXT NOT NULL REFERENCES chunks ON DELETE CASCADE",
    ", PRIMARY KEY (number, root, episode_uuid)",
)
# The words of every chunk, so that the graph can be built again from this file alone.
TEXTS = Table(
    "texts", "episode_uuid TEXT PRIMARY KEY REFERENCES chunks ON DELETE CASCADE, text TEXT NOT NULL, offsets TEXT"
)
# weights   how sure an answer was, as JSON; NULL where that was not asked for
CALLS = Table(
    "calls",
    "key TEXT PRIMARY KEY, prompt_name TEXT NOT NULL, model TEXT NOT NULL, answer TEXT NOT NULL,"
    " prompt_tokens INTEGER NOT NULL, answer_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,"
    " seconds REAL NOT NULL, created_at TEXT NOT NULL, weights TEXT",
)
VECTORS = Table("vectors", "key TEXT PRIMARY KEY, dim INTEGER NOT NULL, data BLOB NOT NULL")
# Which answers and vectors a group's graph stands on.
USES = Table(
    "uses",
    "group_id TEXT NOT NULL, key TEXT NOT NULL, round INTEGER NOT NULL",
    ", PRIMARY KEY (group_id, key)",
)

CHECKED_AT_OPENING = (FILES, ENTRIES, PLACEMENTS, CHUNKS, CHUNK_PLACES, META, LABELS, LABEL_EPISODES)
TABLES = (*CHECKED_AT_OPENING, TEXTS, CALLS, VECTORS, USES)  # each after those it refers to

# A label goes with the texts it quotes: when a chunk is deleted, for whatever reason, its rows here go too, a label
# that has lost one of its roots follows, and what stays can no longer be taken back with words of the lost text.
_LABELS_FOLLOW_THEIR_TEXTS = """
CREATE TRIGGER labels_follow_their_texts AFTER DELETE ON label_episodes BEGIN
    UPDATE labels SET undo = NULL WHERE number = OLD.number;
    DELETE FROM labels WHERE number = OLD.number
        AND NOT EXISTS (SELECT 1 FROM label_episodes WHERE number = OLD.number AND root = OLD.root);
END
"""


def schema() -> Iterator[str]:
    """The statements, in order."""
    for table in TABLES:
        yield from table.statements()
    yield "CREATE INDEX placements_by_path ON placements (group_id, path)"
    yield 'CREATE INDEX chunks_by_entry ON chunks (group_id, entry_id, "index")'
    yield "CREATE INDEX chunks_by_date ON chunks (group_id, date, ordinal)"
    yield "CREATE INDEX chunks_by_place ON chunks (place)"
    yield "CREATE INDEX label_episodes_by_episode ON label_episodes (episode_uuid)"
    yield _LABELS_FOLLOW_THEIR_TEXTS
