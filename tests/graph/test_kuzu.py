"""What any embedded graph database has to hold before it may stand in for Kuzu."""

import asyncio
import logging
import resource
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

from app.errors import DaybookError, HomeBusy, StorageFailed
from app.graph.drivers.kuzu import EmbeddedKuzu
from app.graph.ingest import ingest_episode
from app.graph.query import counts, entity, search
from tests.fakes import WEEKS, an_episode, empty_graph, ground, open_store

SAVE = "CREATE (:Entity {uuid: $uuid, name: $name, group_id: 'g', summary: $summary})"
NAMES = "MATCH (n:Entity) RETURN n.uuid AS uuid, n.name AS name, n.summary AS summary"


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[EmbeddedKuzu]:
    opened = EmbeddedKuzu(empty_graph(tmp_path / "graph.kuzu"))
    yield opened
    opened.shut()


async def names(driver: EmbeddedKuzu) -> list[str]:
    return [row["name"] for row in (await driver.execute_query(NAMES))[0]]


async def test_a_transaction_is_all_or_nothing(driver: EmbeddedKuzu) -> None:
    """What is written inside is there after COMMIT, and gone after an exception."""
    async with driver.transaction():
        await driver.execute_query(SAVE, uuid="1", name="kept", summary="")
    with pytest.raises(KeyError):
        await save_then(driver, "lost", KeyError())
    assert await names(driver) == ["kept"]


async def save_then(driver: EmbeddedKuzu, name: str, error: BaseException | None = None) -> None:
    async with driver.transaction():
        await driver.execute_query(SAVE, uuid=name, name=name, summary="")
        if error is not None:
            raise error
        await asyncio.sleep(60)


async def test_a_cancelled_transaction_leaves_nothing_and_frees_the_database(driver: EmbeddedKuzu) -> None:
    """A caller who gives up in the middle is rolled back, and the next one writes."""
    task = asyncio.create_task(save_then(driver, "lost"))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with driver.transaction():
        await driver.execute_query(SAVE, uuid="1", name="next", summary="")
    assert await names(driver) == ["next"]


async def test_a_swallowed_failure_still_fails_the_transaction(driver: EmbeddedKuzu) -> None:
    """Kuzu would commit every query after a failed one by itself: all later ones are refused, nothing is kept."""

    async def swallow() -> None:
        async with driver.transaction():
            await driver.execute_query(SAVE, uuid="1", name="before", summary="")
            for query in ("MATCH (n:Nowhere) RETURN n", SAVE):
                try:
                    await driver.execute_query(query, uuid="2", name="after", summary="")
                except DaybookError:
                    continue

    with pytest.raises(DaybookError, match="Binder exception"):
        await swallow()
    assert await names(driver) == []
    await driver.execute_query(SAVE, uuid="3", name="later", summary="")
    assert await names(driver) == ["later"]


async def test_a_task_left_behind_cannot_write_after_its_transaction(driver: EmbeddedKuzu) -> None:
    """A child task that outlives the transaction is refused instead of committing alone."""
    go_on = asyncio.Event()

    async def late() -> None:
        await go_on.wait()
        await driver.execute_query(SAVE, uuid="1", name="late", summary="")

    async with driver.transaction():
        child = asyncio.create_task(late())
    go_on.set()
    with pytest.raises(DaybookError, match="after its transaction ended"):
        await child
    assert await names(driver) == []


async def test_readers_outside_see_only_what_is_committed(driver: EmbeddedKuzu) -> None:
    """A search during a load sees whole episodes only."""
    seen: list[list[str]] = []

    async def look() -> None:
        seen.append(await names(driver))

    watcher = asyncio.Event()

    async def outside() -> None:
        await watcher.wait()
        await look()

    task = asyncio.create_task(outside())
    async with driver.transaction():
        await driver.execute_query(SAVE, uuid="1", name="half", summary="")
        await look()
        watcher.set()
        await task
    await look()
    assert seen == [["half"], [], ["half"]]


async def test_a_parameter_left_out_is_null(driver: EmbeddedKuzu) -> None:
    """A kept plan must not remember the last value of a parameter that is absent this time."""
    await driver.execute_query(SAVE, uuid="1", name="a", summary="a secret of a")
    await driver.execute_query(SAVE, uuid="2", name="b")
    rows, _, _ = await driver.execute_query(NAMES)
    assert [row["summary"] for row in rows] == ["a secret of a", None]


async def test_rows_without_an_order_come_by_date_then_uuid_in_utc(driver: EmbeddedKuzu) -> None:
    """The order of insertion is not an order; dates come back in UTC as they went in."""
    days = {"b": datetime(2024, 3, 5, tzinfo=UTC), "c": datetime(2024, 3, 4, tzinfo=UTC), "a": None}
    for uuid, day in {**days, "d": days["c"]}.items():
        await driver.execute_query("CREATE (:Episodic {uuid: $uuid, valid_at: $day})", uuid=uuid, day=day)
    rows, _, _ = await driver.execute_query("MATCH (n:Episodic) RETURN n.uuid AS uuid, n.valid_at AS valid_at")
    assert [(row["uuid"], row["valid_at"]) for row in rows] == [
        ("a", None), ("c", days["c"]), ("d", days["c"]), ("b", days["b"])
    ]  # fmt: skip
    scanned = await driver.scan("MATCH (n:Episodic) WHERE n.uuid <> $left RETURN n.valid_at, n.uuid", left="d")
    assert sorted(scanned, key=itemgetter(1)) == [[days[uuid], uuid] for uuid in "abc"]


async def test_equal_scores_are_cut_by_uuid_and_filters_come_before_the_cut(tmp_path: Path) -> None:
    """Of many equal facts the same few survive a limit, and a pair's own facts are not hidden behind others."""
    from graphiti_core.search.search_filters import SearchFilters
    from graphiti_core.search.search_utils import edge_fulltext_search

    with open_store(tmp_path / "graph.kuzu") as store:
        people = [f"P{n}" for n in range(30)]
        for n, (one, other) in enumerate(pairwise(people)):
            episode = an_episode(f"{one} met {other} here.", order=n)
            await ingest_episode(store, episode, ground(episode))
        found = await edge_fulltext_search(store.driver, "met here", SearchFilters(), [store.group], 5)
        rows = await store.rows("MATCH (e:RelatesToNode_) RETURN e.uuid AS uuid")
        assert [edge.uuid for edge in found] == [row["uuid"] for row in rows[:5]]
        ends = [(await entity(store, name)).uuid for name in ("P20", "P21")]  # type: ignore[union-attr]
        pair = SearchFilters(edge_source_node_uuids=ends, edge_target_node_uuids=ends)
        found = await edge_fulltext_search(store.driver, "met here", pair, [store.group], 5)
        assert [edge.fact for edge in found] == ["P20 met P21 here."]


async def test_the_relatives_of_many_facts_are_found_at_once(tmp_path: Path) -> None:
    """Graphiti's questions about several facts in one query run, and find for each the fact of the same ends."""
    from graphiti_core.edges import EntityEdge
    from graphiti_core.search.search_filters import SearchFilters
    from graphiti_core.search.search_utils import get_edge_invalidation_candidates, get_relevant_edges

    with open_store(tmp_path / "graph.kuzu") as store:
        for n, text in enumerate(("Nadia met Thomas here.", "Nadia met Thomas there. Zoë met Thomas here.")):
            await ingest_episode(store, an_episode(text, order=n), ground(an_episode(text, order=n)))
        edges = await EntityEdge.get_by_group_ids(store.driver, [store.group], with_embeddings=True)
        near = await get_relevant_edges(store.driver, edges, SearchFilters(), 0.1)
        assert all(edge.uuid in [one.uuid for one in found] for edge, found in zip(edges, near, strict=True))
        around = await get_edge_invalidation_candidates(store.driver, edges, SearchFilters(), 0.1)
        assert len(edges) == len(around) == 3


def test_another_process_that_has_the_graph_open_is_in_the_way(tmp_path: Path) -> None:
    """While a second process has the file open we say HomeBusy; when it is killed the file opens."""
    path = empty_graph(tmp_path / "graph.kuzu")
    program = "import kuzu, sys, time; held = kuzu.Database(sys.argv[1]); print('open', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        try:
            with pytest.raises(HomeBusy, match="is open in another process"):
                EmbeddedKuzu(path)
        finally:
            child.kill()
    EmbeddedKuzu(path).shut()


def test_a_file_that_is_no_graph_is_named(tmp_path: Path) -> None:
    """Garbage is StorageFailed with the path."""
    path = tmp_path / "graph.kuzu"
    path.write_bytes(b"a diary, not a database" * 1000)
    with pytest.raises(StorageFailed, match=r"cannot open .*graph\.kuzu"):
        EmbeddedKuzu(path)


async def test_no_failure_quotes_the_journal(driver: EmbeddedKuzu, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a log record nor an error message holds a query's parameters."""
    logging.getLogger("graphiti_core.driver.kuzu_driver").setLevel(logging.DEBUG)
    await driver.execute_query(SAVE, uuid="A secret", name="a", summary="")
    for query in (SAVE, "RETURN cast($name AS INT64)", "MATCH (n:Nowhere {uuid: $uuid}) RETURN n"):
        with pytest.raises(DaybookError) as caught:
            await driver.execute_query(query, uuid="A secret", name="A secret", summary="A secret")
        assert "secret" not in str(caught.value)
    assert caplog.text == ""


async def test_sagas_can_be_saved(driver: EmbeddedKuzu) -> None:
    """The columns that Graphiti writes exist."""
    from graphiti_core.nodes import SagaNode

    saga: Any = SagaNode(name="2024", group_id="g", created_at=datetime(2024, 1, 1, tzinfo=UTC))
    await saga.save(driver)
    assert [s.name for s in await SagaNode.get_by_group_ids(driver, ["g"])] == ["2024"]


async def test_a_full_disk_is_named(tmp_path: Path) -> None:
    """Without room for a checkpoint nothing is begun, one line says so, and later the same call completes the graph."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_store(tmp_path / "graph.kuzu") as store:
        await ingest_episode(store, WEEKS[0], ground(WEEKS[0]))
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000_000, hard))
        try:
            with pytest.raises(StorageFailed, match=r"disk is full: .*free space and run the same command again"):
                await ingest_episode(store, WEEKS[1], ground(WEEKS[1]))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert (await counts(store)).episodes == 1
        await ingest_episode(store, WEEKS[1], ground(WEEKS[1]))
        assert (await counts(store)).episodes == 2


def test_a_killed_creation_is_begun_again(tmp_path: Path) -> None:
    """What a kill left of a database that was never finished is swept away."""
    (tmp_path / "graph.kuzu.building").write_bytes(b"half an index")
    (tmp_path / "graph.kuzu.building.wal").write_bytes(b"half a log")
    EmbeddedKuzu(tmp_path / "graph.kuzu").shut()
    assert [file.name for file in tmp_path.iterdir()] == ["graph.kuzu"]


async def test_a_killed_mending_is_begun_again(tmp_path: Path) -> None:
    """The mark of an unfinished repair makes the next open repair anew; the graph is searched as before."""
    path = tmp_path / "graph.kuzu"
    with open_store(path) as store:
        await ingest_episode(store, WEEKS[0], ground(WEEKS[0]))
        before = await search(store, "Nadia works at Helios")
    (tmp_path / "graph.kuzu.mending").touch()
    (tmp_path / "graph.kuzu.building").write_bytes(b"half a copy")
    with open_store(path) as store:
        assert await search(store, "Nadia works at Helios") == before != []
    assert [file.name for file in tmp_path.iterdir()] == ["graph.kuzu"]
