"""Kuzu in this process, behind Graphiti's driver: with its indexes, real transactions and one order of rows.

Knows Kuzu's faults and Graphiti's; knows nothing of journals.
In: Cypher with parameters from one event loop.  Out: rows, or StorageFailed; parameters are never logged.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import app.graph.quiet  # noqa: F401  # before graphiti

# isort: split
import kuzu
from graphiti_core.driver.driver import GraphDriverSession, GraphProvider
from graphiti_core.driver.kuzu.operations import (
    KuzuCommunityEdgeOperations,
    KuzuCommunityNodeOperations,
    KuzuEntityEdgeOperations,
    KuzuEntityNodeOperations,
    KuzuEpisodeNodeOperations,
    KuzuEpisodicEdgeOperations,
    KuzuGraphMaintenanceOperations,
    KuzuHasEpisodeEdgeOperations,
    KuzuNextEpisodeEdgeOperations,
    KuzuSagaNodeOperations,
    KuzuSearchOperations,
)
from graphiti_core.driver.kuzu_driver import KuzuDriver, KuzuDriverSession

from app.errors import DaybookError, StorageFailed
from app.graph.drivers.kuzu_file import first_line, log_is_long, open_database, require_room
from app.graph.drivers.kuzu_lists import safely

Row = dict[str, Any]  # a column is whatever Cypher returned under that name
Values = TypeVar("Values")  # of one row

_STATEMENTS = 256  # prepared statements kept; one episode uses about a dozen texts

_PARAMETER = re.compile(r"\$(\w+)")
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
_BLANKS = re.compile(r"\s+")
_KEPT = re.compile(r"WITH ([\w, ]+), score\s+ORDER BY")


@dataclass(slots=True)
class _Transaction:
    """One BEGIN on the writer connection; queries of its tasks run there while it is open."""

    is_open: bool = True
    failure: DaybookError | None = field(default=None)


_CURRENT: ContextVar[_Transaction | None] = ContextVar("kuzu_transaction", default=None)


class EmbeddedKuzu(KuzuDriver):  # type: ignore[misc]  # graphiti is untyped to mypy
    """Graphiti's Kuzu driver, mended; one process, one event loop, one thread for all queries.

    path     the database file; created with its folder if absent
    raises   HomeBusy if another process has it open; StorageFailed if it cannot be opened or written

    What is mended: full-text indexes and Saga columns exist; a failed query no longer turns the rest of its
    transaction into single commits; equal scores are ordered by uuid, and rows without an order by date and uuid;
    nothing is logged.
    """

    provider = GraphProvider.KUZU
    _database = ""  # graphiti compares it with group_id and fails without it

    # KuzuDriver.__init__ is skipped on purpose: it opens the file with defaults and warns of its own deprecation.
    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kuzu")
        self._one_writer = asyncio.Lock()
        self._closed = False
        self._fresh: set[str] = set()  # rows added since the last checkpoint
        self.db = open_database(path)
        # A single thread per query: parallel scans return equal scores in any order, and replays must agree.
        self._reader = kuzu.Connection(self.db, num_threads=1)
        self._writer = kuzu.Connection(self.db, num_threads=1)
        self._prepared: dict[int, OrderedDict[str, Any]] = {
            id(self._reader): OrderedDict(),
            id(self._writer): OrderedDict(),
        }
        self.client = self._reader
        self._entity_node_ops = KuzuEntityNodeOperations()
        self._episode_node_ops = KuzuEpisodeNodeOperations()
        self._community_node_ops = KuzuCommunityNodeOperations()
        self._saga_node_ops = KuzuSagaNodeOperations()
        self._entity_edge_ops = KuzuEntityEdgeOperations()
        self._episodic_edge_ops = KuzuEpisodicEdgeOperations()
        self._community_edge_ops = KuzuCommunityEdgeOperations()
        self._has_episode_edge_ops = KuzuHasEpisodeEdgeOperations()
        self._next_episode_edge_ops = KuzuNextEpisodeEdgeOperations()
        self._search_ops = KuzuSearchOperations()
        self._graph_ops = KuzuGraphMaintenanceOperations()

    async def execute_query(self, cypher_query_: str, **kwargs: Any) -> tuple[list[Row], None, None]:
        """Run one query; inside `transaction()` on its connection, elsewhere as a commit of its own.

        raises  StorageFailed if the disk refuses, DaybookError for any other failure; neither names a parameter
        """
        return await self._on_thread(self._run, cypher_query_, kwargs), None, None

    async def scan(self, query: str, **parameters: Any) -> list[list[Any]]:
        """The values of each row, in any order: of tens of thousands of rows in half the time. Errors as above."""
        return await self._on_thread(self._scan, query, parameters)

    async def _on_thread(
        self, run: Callable[[Any, str, Row], list[Values]], query: str, parameters: Row
    ) -> list[Values]:
        transaction = _CURRENT.get()
        if transaction is not None and not transaction.is_open:
            raise DaybookError("a graph query came after its transaction ended")
        if transaction is not None and transaction.failure is not None:
            raise transaction.failure
        connection = self._reader if transaction is None else self._writer
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, run, connection, query, parameters)
        except DaybookError as failure:
            # Kuzu has rolled back by itself and would commit every later query alone; graphiti catches some errors.
            if transaction is not None:
                transaction.failure = failure
            raise

    @asynccontextmanager
    async def transaction(self, *, alone: bool = False) -> AsyncIterator[GraphDriverSession]:
        """All queries of this task and its children become durable together, or not at all.

        alone     between two checkpoints of its own: only such a one may delete rows (kuzu_lists.py says why)
        An exception or a cancellation inside rolls back; one transaction at a time, in order of arrival.
        """
        if _CURRENT.get() is not None:
            raise DaybookError("a graph transaction was opened inside another")
        async with self._one_writer:
            require_room(self._path)
            if alone and self._fresh:
                self._fold()
            before = set(self._fresh)
            current = _Transaction()
            self._now(self._writer, "BEGIN TRANSACTION")
            token = _CURRENT.set(current)
            is_kept = False
            try:
                yield KuzuDriverSession(self)
                if current.failure is not None:
                    raise current.failure
                self._now(self._writer, "COMMIT")
                is_kept = True
                if alone or log_is_long(self._path):
                    self._fold()
            except BaseException:  # a cancelled task or Ctrl-C must not leave half a transaction; it goes on
                if not is_kept:
                    self._fresh = before  # what was made anew is again the row of before the checkpoint
                    if current.failure is None:
                        self._roll_back()
                raise
            finally:
                current.is_open = False
                _CURRENT.reset(token)

    def session(self, _database: str | None = None) -> GraphDriverSession:
        """A session on this driver; it has no life of its own."""
        return KuzuDriverSession(self)

    def shut(self) -> None:
        """Close the file; an open transaction is lost. Harmless when called twice."""
        if not self._closed:
            self._closed = True
            self._thread.shutdown(wait=True)
            self._prepared.clear()
            self._writer.close()
            self._reader.close()
            self.db.close()

    async def close(self) -> None:
        """Same as `shut`, for graphiti."""
        self.shut()

    def _now(self, connection: Any, statement: str) -> None:
        """Run a statement to its end without giving way: a second cancellation must not leave a transaction open."""
        self._thread.submit(self._run, connection, statement, {}).result()

    def _fold(self) -> None:
        """Fold the log into the file."""
        self._now(self._writer, "CHECKPOINT")
        self._fresh.clear()

    def _roll_back(self) -> None:
        try:
            self._now(self._writer, "ROLLBACK")
        except DaybookError as error:
            # A COMMIT that failed has already rolled back.
            if "No active transaction" not in str(error.__cause__):
                raise

    def _run(self, connection: Any, query: str, parameters: Row) -> list[Row]:
        """One query on the database thread (or before it starts): rows in a stable order."""
        query = safely(query, parameters, self._fresh, partial(self._run, connection))
        _, rows = self._fetch(connection, query, parameters, lambda result: list(result.rows_as_dict()))
        for row in rows:
            _mend(row)
        return rows if "ORDER BY" in query else _by_date_and_uuid(rows)

    def _scan(self, connection: Any, query: str, parameters: Row) -> list[list[Any]]:
        """One query that only reads, on the database thread."""
        result, rows = self._fetch(connection, query, parameters, list)
        for column in (at for at, kind in enumerate(result.get_column_data_types()) if kind == "TIMESTAMP"):
            for row in rows:
                row[column] = row[column] and row[column].replace(tzinfo=UTC)
        return rows

    def _fetch(
        self, connection: Any, query: str, parameters: Row, read: Callable[[Any], list[Values]]
    ) -> tuple[Any, list[Values]]:
        """The result of a query's last statement, and what `read` makes of it."""
        steady = _steady(query)
        names = _PARAMETER.findall(query)
        try:
            if names:
                # Every name is bound each time: a prepared statement keeps the last value of one left out.
                bound = {name: parameters.get(name) for name in names}
                result = connection.execute(self._prepare(connection, steady, bound), bound)
            else:
                result = connection.execute(steady)
            last = result[-1] if isinstance(result, list) else result
            return last, read(last)
        except RuntimeError as error:
            raise _failure(self._path, query, error) from error

    def _prepare(self, connection: Any, query: str, bound: Row) -> Any:
        """Parsing and planning cost as much as running: keep the plan of each text."""
        known = self._prepared[id(connection)]
        if query in known:
            known.move_to_end(query)
        else:
            known[query] = kuzu.PreparedStatement(connection, query, bound)
            if len(known) > _STATEMENTS:
                known.popitem(last=False)
        return known[query]


def _steady(query: str) -> str:
    """Let uuids decide between equal scores, and let the LIMIT after the filters cut, not the index before them.

    Graphiti orders by score alone, so that among equals any row may survive the LIMIT; and `TOP` cuts a full-text
    search before the endpoints are compared, which hides a fact's own duplicates behind other facts.
    """
    if "ORDER BY score DESC" not in query:
        return query
    kept = _KEPT.search(query)  # what a WITH has kept by then; else the row has a column uuid
    tie = f"{'e' if 'e' in kept[1].split(', ') else kept[1].split(', ')[0]}.uuid" if kept else "uuid"
    return query.replace("ORDER BY score DESC", f"ORDER BY score DESC, {tie}").replace(", TOP := $limit", "")


def _mend(row: Row) -> None:
    """Dates come back in UTC, as they went in; labels, stored from a set, come back sorted."""
    for name, value in row.items():
        if isinstance(value, datetime) and value.tzinfo is None:
            row[name] = value.replace(tzinfo=UTC)
    if isinstance(row.get("labels"), list):
        row["labels"].sort()


def _by_date_and_uuid(rows: list[Row]) -> list[Row]:
    """Rows that asked for no order come by date, then by uuid."""
    if rows and "uuid" in rows[0]:
        rows.sort(key=lambda row: (row.get("valid_at") or _BEFORE_ALL, row["uuid"]))
    return rows


def _failure(path: Path, query: str, error: RuntimeError) -> DaybookError:
    """One line that names the file and the kind of failure, and never a value of the journal."""
    said = first_line(error)
    if said.startswith(("IO exception", "Buffer manager exception")) or "No space" in said:
        return StorageFailed(f"cannot write {path}: disk or memory is full", hint="free space, then run it again")
    # Kuzu quotes values in some messages (a duplicated key, a cast), so only the kind and the query's head are kept.
    kind = said.split(":", 1)[0]
    return DaybookError(f"{kind} of the graph database in: {_BLANKS.sub(' ', query).strip()[:80]}")
