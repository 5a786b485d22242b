"""The one file Kuzu keeps: made whole or not at all, private, and never written on a full disk.

Knows Kuzu's file, its schema and the disk; knows nothing of queries.
In: a path.  Out: an open kuzu.Database, or HomeBusy or StorageFailed in one line.
"""

import glob
import resource
import shutil
import sys
from pathlib import Path
from typing import Any

import app.graph.quiet  # noqa: F401  # before graphiti

# isort: split
import kuzu
from graphiti_core.driver.driver import GraphProvider
from graphiti_core.driver.kuzu_driver import SCHEMA_QUERIES
from graphiti_core.graph_queries import get_fulltext_indices

from app.errors import HomeBusy, StorageFailed

MIB = 1 << 20
_POOL_BYTES = 512 * MIB  # pages held in memory; Kuzu's default is 80 % of the machine, which the model needs
_FILE_BYTES = 1 << 36  # address space reserved for the file; Kuzu's default of 8 TiB fails under `ulimit -v`
_CHECKPOINT_BYTES = 4 * MIB  # log length at which it is folded into the file
_ROOM_BYTES = 64 * MIB  # the first checkpoints of a small graph grow its file by 39 and 19 MB, beside log and shadow

# Saga columns that graphiti 0.31 writes and its Kuzu schema lacks.
_SAGA_COLUMNS = {
    "summary": "STRING",
    "first_episode_uuid": "STRING",
    "last_episode_uuid": "STRING",
    "last_summarized_at": "TIMESTAMP",
    "last_summarized_episode_valid_at": "TIMESTAMP",
}

# Our own tables, written in the same transaction as the episode they belong to.
_OUR_TABLES = (
    "CREATE NODE TABLE Span(uuid STRING PRIMARY KEY, target_uuid STRING, episode_uuid STRING,"
    " kind STRING, start INT64, `end` INT64, words STRING)",
    "CREATE NODE TABLE Outcome(episode_uuid STRING PRIMARY KEY, entities INT64, facts INT64, invalidated INT64)",
)


def open_database(path: Path) -> Any:
    """Open the database at `path`, or make a new one with all its tables and indexes.

    returns  a kuzu.Database (untyped)
    raises   HomeBusy if another process has it open; StorageFailed if it cannot be opened or made
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        elif _was_killed(path):
            _mend_indexes(path)
        database = _open(path)
        path.chmod(0o600)
    except OSError as error:
        raise StorageFailed(
            f"cannot open {path}: {error.strerror}", hint="check the folder's owner and mode"
        ) from error
    except RuntimeError as error:
        if "lock" in str(error):
            raise HomeBusy(f"{path} is open in another process", hint="stop it, then run again") from error
        raise StorageFailed(
            f"cannot open {path}: {first_line(error)}", hint="build it again: python -m app rebuild"
        ) from error
    return database


def require_room(path: Path) -> None:
    """Refuse to write when the disk is nearly full: Kuzu ends the whole process when a COMMIT cannot be written.

    raises  StorageFailed with the bytes that are free and needed
    """
    free = shutil.disk_usage(path.parent).free
    allowed, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if allowed != resource.RLIM_INFINITY:
        free = min(free, allowed - (path.stat().st_size if path.exists() else 0))
    if free < _ROOM_BYTES:
        raise StorageFailed(
            f"disk is full: {path.parent} has {max(free, 0) // MIB} MiB left, the graph needs {_ROOM_BYTES // MIB} MiB",
            hint="free space and run the same command again",
        )


def log_is_long(path: Path) -> bool:
    """Whether it is time to fold the log into the file: what a kill leaves must be replayed in a moment."""
    log = _beside(path, ".wal")
    return log.exists() and log.stat().st_size > _CHECKPOINT_BYTES


def first_line(error: RuntimeError) -> str:
    """What Kuzu said, without the query it repeats below."""
    return str(error).split("\n", 1)[0]


def _open(path: Path) -> Any:
    for file in (path, _beside(path, ".wal")):
        sys.audit("open", str(file), "r+b", 0)  # Kuzu opens them past Python, and a run may have to tell its files
    return kuzu.Database(
        str(path),
        buffer_pool_size=_POOL_BYTES,
        max_db_size=_FILE_BYTES,
        auto_checkpoint=False,  # the driver must know when one is, see kuzu_lists.py
        compression=False,  # 0.11.3 packs floats so that rows added after a checkpoint come back as zeros
        max_num_threads=1,
    )


def _make(path: Path) -> None:
    """Build the empty database under another name: a full-text index interrupted half-way can never be repaired."""
    require_room(path)
    saga = [f"ALTER TABLE Saga ADD {column} {kind}" for column, kind in _SAGA_COLUMNS.items()]
    building = _building(path)
    _execute(building, [*filter(str.strip, SCHEMA_QUERIES.split(";")), *saga, *_OUR_TABLES, *_indexes()])
    building.replace(path)


def _was_killed(path: Path) -> bool:
    """A process that closed the database left no log; one that was killed did, or died mending."""
    log = _beside(path, ".wal")
    return _beside(path, ".mending").exists() or (log.exists() and log.stat().st_size > 0)


def _mend_indexes(path: Path) -> None:
    """Fold the log of a killed process into the file, then build the full-text indexes anew in a copy.

    Kuzu 0.11.3 replays the rows of its log but not their entries in the full-text indexes: the next change of such
    a row ends the process with a segmentation fault.
    """
    require_room(path)
    mark = _beside(path, ".mending")  # stays if we are killed too, when the log is gone and the indexes still wrong
    mark.touch(mode=0o600)
    _execute(path, [])
    building = _building(path)
    shutil.copyfile(path, building)
    quoted = [index.split("'") for index in _indexes()]
    _execute(building, [f"CALL DROP_FTS_INDEX('{q[1]}', '{q[3]}')" for q in quoted] + _indexes())
    building.replace(path)
    mark.unlink()


def _indexes() -> list[str]:
    return list(get_fulltext_indices(GraphProvider.KUZU))


def _building(path: Path) -> Path:
    """The name under which a database is built, swept clean of what a killed builder left."""
    building = _beside(path, ".building")
    for leftover in path.parent.glob(glob.escape(building.name) + "*"):
        leftover.unlink()
    return building


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _execute(path: Path, statements: list[str]) -> None:
    """Open a database, run statements, and close it with its log folded in."""
    database = _open(path)
    connection = kuzu.Connection(database, num_threads=1)
    for statement in [*statements, "CHECKPOINT"]:
        connection.execute(statement)
    connection.close()
    database.close()
