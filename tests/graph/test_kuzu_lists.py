"""Lists of stored rows: Kuzu mixes them up when they are SET, so the driver never does, and all stays as it was."""

import asyncio
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import kuzu
import pytest

from app.errors import StorageFailed
from app.graph.drivers.kuzu import EmbeddedKuzu
from app.graph.drivers.kuzu_lists import safely
from app.graph.ingest import ingest_episode
from app.graph.query import canonical_dump
from app.graph.store import GraphStore
from tests.fakes import _vector, an_episode, empty_graph, ground, open_store


def test_kuzu_still_mixes_up_lists(tmp_path: Path) -> None:
    """The fault that the driver goes round; when this test fails, Kuzu is mended and kuzu_lists.py can go."""
    wrong = 0
    for session in range(3):
        database = kuzu.Database(str(tmp_path / "raw"), buffer_pool_size=64 << 20, max_db_size=1 << 30)
        told = kuzu.Connection(database)
        if session == 0:
            told.execute("CREATE NODE TABLE N(uuid STRING PRIMARY KEY, v FLOAT[])")
        for number in range(5 * session, 5 * session + 5):
            told.execute("CREATE (:N {uuid: $u, v: $v})", {"u": str(number), "v": [float(number)] * 8})
            told.execute("MATCH (n:N {uuid: '0'}) SET n.v = $v", {"v": [0.0] * 8})
        told.close()
        database.close()
    database = kuzu.Database(str(tmp_path / "raw"), buffer_pool_size=64 << 20, max_db_size=1 << 30)
    told = kuzu.Connection(database)
    for uuid, vector in told.execute("MATCH (n:N) RETURN n.uuid, n.v").get_all():
        wrong += vector != [float(uuid)] * 8
    told.close()
    database.close()
    assert wrong > 0


@pytest.mark.parametrize("seed", range(3))
def test_every_text_keeps_its_vector(tmp_path: Path, seed: int) -> None:
    """Over many sessions of new, repeated and ended facts, a fact's and a name's vector is the one of its words."""
    chance = random.Random(seed)
    people, places = ["Nadia", "Thomas", "Zoe", "Mara"], ["Helios", "Lyon", "Kiel"]

    async def session(number: int) -> Any:
        with open_store(tmp_path / "graph.kuzu") as store:
            for place in range(chance.randint(1, 3)):
                said = [
                    f"{chance.choice(people)} {chance.choice(['works at', 'left', 'lives in', 'met'])}"
                    f" {chance.choice(places)}."
                    for _ in range(chance.randint(1, 4))
                ]
                episode = an_episode(" ".join(said), f"2024-03-{number + 1:02d}", place)
                await ingest_episode(store, episode, ground(episode))
            return await canonical_dump(store)

    for number in range(8):
        seen = asyncio.run(session(number))
        dump = asyncio.run(read(tmp_path / "graph.kuzu"))
        assert dump == seen
        for fact in dump["facts"]:
            assert fact["vector"] == pytest.approx(_vector(fact["fact"]), abs=1e-5), fact["fact"]
        for entity in dump["entities"]:
            assert entity["vector"] == pytest.approx(_vector(entity["name"]), abs=1e-5), entity["name"]


async def read(path: Path) -> Any:
    with open_store(path) as store:
        return await canonical_dump(store)


def test_a_row_made_anew_keeps_all_that_hangs_on_it(tmp_path: Path) -> None:
    """An entity whose vector changes keeps its columns, its facts, its mentions and their stamps."""

    async def run(store: GraphStore) -> Any:
        for place, text in enumerate(("Nadia works at Helios. Thomas met Nadia.", "Nadia met Thomas. Zoe met Nadia.")):
            episode = an_episode(text, "2024-03-04", place)
            await ingest_episode(store, episode, ground(episode))
        everything = (
            "MATCH (p:Episodic)-[r:MENTIONS]->(n:Entity) RETURN p.uuid AS p, n.uuid AS n, r.uuid AS uuid,"
            " r.created_at AS made, n.created_at AS born"
        )
        store.driver._fold()  # rows from before a checkpoint are made anew, fresh ones are not
        before, ties = await canonical_dump(store), await store.rows(everything)
        (nadia,) = [entity for entity in before["entities"] if entity["name"] == "Nadia"]
        async with store.driver.transaction():
            await store.rows(
                "MATCH (n:Entity {uuid: $uuid}) SET n.name = $name, n.name_embedding = $vector",
                uuid=nadia["uuid"], name="Nadia", vector=[1.0, *[0.0] * 31],
            )  # fmt: skip
        after, ties_after = await canonical_dump(store), await store.rows(everything)
        (changed,) = [entity for entity in after["entities"] if entity["name"] == "Nadia"]
        assert changed["vector"] == [1.0, *[0.0] * 31]
        changed["vector"] = nadia["vector"]
        assert after == before
        assert ties_after == ties

    with open_store(tmp_path / "graph.kuzu") as store:
        asyncio.run(run(store))


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("MATCH (p:Episodic {uuid: $uuid}) SET p.entity_edges = $facts", "SET"),
        ("MATCH (n:Entity {uuid: $uuid}) SET n.name_embedding = $vector, n.name = $name", "name_embedding"),
        ("MERGE (n:Entity {uuid: $uuid}) SET n.name = $name, n.labels = $labels RETURN n.uuid AS uuid", "labels"),
    ],
)
def test_no_list_is_left_in_a_set(query: str, left: str) -> None:
    """Whatever stands before or after it, the assignment goes and the query stays one."""
    held = {"uuid": "u", "name": "a", "entity_edges": ["x"], "name_embedding": [0.5], "labels": ["Entity"]}
    values = {"uuid": "u", "name": "a", "facts": ["x"], "vector": [0.5], "labels": ["Entity"]}
    bare = safely(query, values, set(), lambda *_: [{"held": held}])
    assert left not in bare
    assert ", RETURN" not in bare
    assert not bare.endswith(("SET", ","))


def test_a_new_row_is_set_as_it_was_asked(tmp_path: Path) -> None:
    """A row that is not there yet is left to the query."""
    driver = EmbeddedKuzu(empty_graph(tmp_path / "graph.kuzu"))
    query = "MERGE (n:Entity {uuid: $uuid}) SET n.labels = $labels RETURN n.uuid AS uuid"
    fresh: set[str] = set()
    assert safely(query, {"uuid": "new", "labels": []}, fresh, lambda *_: []) == query
    assert fresh == {"new"}
    driver.shut()


def test_a_row_that_was_rolled_back_is_made_anew_again(tmp_path: Path) -> None:
    """After a rollback the row of before the checkpoint stands: its next list must not be SET either."""
    vectors: dict[str, list[float]] = {}

    async def put(driver: EmbeddedKuzu, uuid: str, number: float) -> None:
        vectors[uuid] = [number] * 8
        await driver.execute_query(
            "MERGE (n:Entity {uuid: $uuid}) SET n.name = $uuid, n.name_embedding = $vector RETURN n.uuid AS uuid",
            uuid=uuid, vector=vectors[uuid],
        )  # fmt: skip

    async def run(driver: EmbeddedKuzu) -> Any:
        async with driver.transaction():
            for number in range(6):
                await put(driver, f"old{number}", number)
        driver._fold()
        with suppress(LookupError):
            async with driver.transaction():
                await put(driver, "old2", 50)
                raise LookupError
        async with driver.transaction():
            for number in range(6):
                await put(driver, f"new{number}", 10 + number)
            await put(driver, "old2", 51)
        driver._fold()
        async with driver.transaction():
            await put(driver, "last", 99)
        return await driver.scan("MATCH (n:Entity) RETURN n.uuid, n.name_embedding")

    driver = EmbeddedKuzu(empty_graph(tmp_path / "graph.kuzu"))
    try:
        assert dict(asyncio.run(run(driver))) == vectors
    finally:
        driver.shut()


def test_what_was_committed_stays_fresh_though_folding_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that only the log holds must not be deleted to be made anew: to replay that ends the process."""

    def refuse() -> None:
        raise StorageFailed("no room")

    async def run(driver: EmbeddedKuzu) -> None:
        async with driver.transaction(alone=True):
            await driver.execute_query("CREATE (:Entity {uuid: $uuid})", uuid="kept")

    driver = EmbeddedKuzu(empty_graph(tmp_path / "graph.kuzu"))
    monkeypatch.setattr(driver, "_fold", refuse)
    with pytest.raises(StorageFailed):
        asyncio.run(run(driver))
    assert driver._fresh == {"kept"}
    driver.shut()
