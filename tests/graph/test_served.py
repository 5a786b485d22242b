"""What a copy on a server has to hold; asked through Graphiti, as any program would. The home's own graph is in
test_conformance; `python -m benchmarks.conformance --server URL` adds 10,000 nodes and Graphiti's tests.

A server is what tests/servers.py finds: each test runs once for FalkorDB and once for Neo4j, or says why not.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from graphiti_core import Graphiti
from graphiti_core.edges import EntityEdge
from graphiti_core.errors import GroupsEdgesNotFoundError
from graphiti_core.nodes import EntityNode, EpisodicNode
from graphiti_core.search.search_config_recipes import EDGE_HYBRID_SEARCH_RRF
from graphiti_core.search.search_filters import ComparisonOperator, DateFilter, SearchFilters
from graphiti_core.utils.maintenance.graph_data_operations import retrieve_episodes

from app.errors import BadInput, StorageFailed
from app.graph import served
from app.graph.address import Address
from app.graph.carry import write_picture
from app.graph.drivers.server import opened
from app.graph.ingest import ingest_episode
from app.graph.query import canonical_dump
from app.graph.served import check, copy, dump
from app.graph.unasked import UnaskedModel, UnaskedReranker
from tests.fakes import WEEKS, HashEmbedder, an_episode, ground, open_store
from tests.graph.test_conformance import NAMES, day_of
from tests.graph.test_ingest import run_child
from tests.view.pictures import Life

OWNER = "this home"
ODD = ("the", "?", '"Will', "O'Neil *", "\\", "日本", "$group", "a" * 5000, "word " * 200, "  ", "@name:x", "(|)")


def group_of(place: str) -> str:
    """In FalkorDB the group's name must be the graph's, or Graphiti looks for it elsewhere."""
    return Address.parse(place, "").name


async def tell(place: str, folder: Path, *episodes: Any, attributes: Any = None) -> dict[str, Any]:
    """Ingest into a graph of our own and copy it; returns what the copy must hold."""
    with open_store(folder / "graph.kuzu", group=group_of(place)) as store:
        for episode in episodes:
            await ingest_episode(store, episode, ground(episode))
        if attributes:
            await store.rows("MATCH (e:RelatesToNode_) SET e.attributes = $told", told=json.dumps(attributes))
        await copy(store, Address.parse(place, store.group), OWNER)
        return await canonical_dump(store)


@asynccontextmanager
async def asked(place: str, *, stock: bool = False) -> AsyncIterator[Graphiti]:
    """Graphiti over a new connection; `stock`: over its own driver, as other programs have it."""
    async with opened(Address.parse(place, "")) as driver:
        if stock and Address.parse(place, "").is_falkor:
            from graphiti_core.driver.falkordb_driver import FalkorDriver

            driver = FalkorDriver(falkor_db=driver.client, database=driver._database)
            await driver._init_task
        clients = {"llm_client": UnaskedModel(), "embedder": HashEmbedder(), "cross_encoder": UnaskedReranker()}
        yield Graphiti(graph_driver=driver, **clients)


async def held(place: str) -> dict[str, Any]:
    async with asked(place) as graphiti:
        return await dump(graphiti.driver, group_of(place))


async def test_a_copy_is_equal(place: str, tmp_path: Path) -> None:
    """Texts, entities, facts, dates, vectors, attributes, mentions and the words behind them come back, and no mark."""
    attributes = {"confidence": 1 / 3, "fields": {"name": -0.1}, "none": None, "many": [1, "two"], "sure": True}
    told = await tell(place, tmp_path, *WEEKS, attributes=attributes)
    assert await held(place) == told
    assert all(told[name] for name in ("episodes", "entities", "facts", "mentions", "spans"))
    assert {len(row["vector"]) for row in told["facts"]} == {32}
    assert {row["attributes"]["confidence"] for row in told["facts"]} == {0.333333333333333}
    async with asked(place) as graphiti:
        (rows, _, _) = await graphiti.driver.execute_query("MATCH (n:DaybookUnfinished) RETURN n")
        assert rows == []


@pytest.mark.parametrize("stock", [False, True])
async def test_stop_words_are_names_like_any_other(place: str, tmp_path: Path, stock: bool) -> None:
    """Will, IT and The are found by name and by meaning, and no string that is searched for harms the server."""
    said = ("Will met The near IT.", "Will met The near IT again.", "Will left IT.")
    told = await tell(place, tmp_path, *(an_episode(text, order=order) for order, text in enumerate(said)))
    async with asked(place, stock=stock) as graphiti:
        found = await EntityNode.get_by_names(graphiti.driver, ["Will", "The", "IT"], [group_of(place)])
        assert sorted(node.name for node in found) == ["IT", "The", "Will"]
        hits = await graphiti.search("Will left IT.", group_ids=[group_of(place)], num_results=1)
        assert [hit.fact for hit in hits] == ["Will left IT."]
        for odd in ODD:
            await graphiti.search(odd, group_ids=[group_of(place)])
    assert await held(place) == told


@pytest.mark.parametrize("stock", [False, True])
async def test_as_of_shows_what_held_then(place: str, tmp_path: Path, stock: bool) -> None:
    """By Graphiti's filters a fact counts from the day it began up to, not including, the day it ended."""
    told = await tell(place, tmp_path, *WEEKS)
    names = {row["uuid"]: row["name"] for row in told["entities"]}
    expected = {
        "2024-03-01": (set(), set()),
        "2024-03-04": ({"Lyon"}, {"Helios"}),
        "2024-04-20": ({"Lyon"}, {"Helios"}),
        "2024-04-21": ({"Grenoble"}, set()),
        "2025-01-01": ({"Grenoble"}, set()),
    }
    async with asked(place, stock=stock) as graphiti:
        for moment, wanted in expected.items():
            found = await graphiti.search(
                "Thomas lives in. Nadia works at.",
                group_ids=[group_of(place)],
                num_results=20,
                search_filter=held_on(day_of(moment)),
            )
            there = [{names[hit.target_node_uuid] for hit in found if hit.name == name} for name in ("LIVES", "WORKS")]
            assert tuple(there) == wanted, moment
            before = await retrieve_episodes(graphiti.driver, day_of(moment), last_n=9, group_ids=[group_of(place)])
            assert len(before) == sum(row["valid_at"][:10] <= moment for row in told["episodes"])


def held_on(day: datetime) -> SearchFilters:
    began = DateFilter(date=day, comparison_operator=ComparisonOperator.less_than_equal)
    ends = DateFilter(date=day, comparison_operator=ComparisonOperator.greater_than)
    never = DateFilter(date=None, comparison_operator=ComparisonOperator.is_null)
    return SearchFilters(valid_at=[[began]], invalid_at=[[ends], [never]])


async def test_pages_hold_every_row_once(place: str, tmp_path: Path) -> None:
    """Walked by cursor in pages of three, Graphiti's lists are whole: entities, facts and episodes."""
    told = await tell(place, tmp_path, *(an_episode(f"Nadia met P{n}.", order=n) for n in range(11)))
    kinds = {"entities": EntityNode, "facts": EntityEdge, "episodes": EpisodicNode}
    async with asked(place) as graphiti:
        for name, kind in kinds.items():
            walked: list[str] = []
            with suppress(GroupsEdgesNotFoundError):  # how an empty page of facts is said
                while len(walked) <= len(told[name]) and (
                    page := await kind.get_by_group_ids(
                        graphiti.driver, [group_of(place)], limit=3, uuid_cursor=walked[-1] if walked else None
                    )
                ):
                    assert len(page) <= 3
                    walked += [row.uuid for row in page]
            assert sorted(walked) == sorted(row["uuid"] for row in told[name])


async def test_a_new_connection_gets_the_same_answers(place: str, tmp_path: Path) -> None:
    """As many of each, the same picture, the same search."""
    await tell(place, tmp_path, *WEEKS)
    found = []
    for _ in range(2):
        async with asked(place) as graphiti:
            hits = await graphiti.search("Where does Nadia work?", group_ids=[group_of(place)])
            found.append(([hit.uuid for hit in hits], await dump(graphiti.driver, group_of(place))))
    assert found[0] == found[1]
    assert found[0][0]


async def test_every_script_comes_back_as_it_went_in(place: str, tmp_path: Path) -> None:
    """Names in any script, with marks, quotes and signs: found by name, kept in facts, words and texts."""
    life = Life(group=group_of(place))
    for name in NAMES:
        life.entity(name)
        fact = f"{name} saw {NAMES[0]}."
        life.fact(life.entry("2024-03-04", f"{fact} 🌧\t\r\n\x01{{}}$x"), name, "SAW", NAMES[0], fact, fact)
    with open_store(tmp_path / "graph.kuzu", group=life.group) as store:
        await write_picture(store, life.picture())
        told = await canonical_dump(store)
        await copy(store, Address.parse(place, life.group), OWNER)
    assert await held(place) == told
    async with asked(place) as graphiti:
        for name in NAMES:
            found = await EntityNode.get_by_names(graphiti.driver, [name], [life.group])
            assert [node.name for node in found] == [name]


@pytest.mark.parametrize("name", ["l'été d'une nuit", "日記 a#b$c", 'a "b" \\ %s'])
async def test_any_name_of_a_graph_is_just_characters(graph_server: str, tmp_path: Path, name: str) -> None:
    """Blanks, quotes and other scripts in the name of a graph, written as %XX where an address needs it."""
    if not Address.parse(graph_server, "").is_falkor:
        pytest.skip("Neo4j allows letters, digits, dots and dashes in the name of a database")
    escaped = name.replace("%", "%25").replace("#", "%23")
    with open_store(tmp_path / "graph.kuzu") as store:
        address = Address.parse(f"{graph_server}/{escaped}", store.group)
        await ingest_episode(store, WEEKS[0], ground(WEEKS[0]))
        await copy(store, address, OWNER)
        async with opened(address) as driver:
            assert name in await driver.client.list_graphs()
            assert await dump(driver, store.group) == await canonical_dump(store)
            await driver.client.select_graph(name).delete()


async def test_vectors_of_another_length_are_refused(place: str, tmp_path: Path) -> None:
    """Asked with a vector of another model's length the server refuses; the copy stays as it was."""
    told = await tell(place, tmp_path, *WEEKS)
    async with asked(place) as graphiti:
        with pytest.raises(Exception, match=r"(?i)dimension"):
            await graphiti.search_("Nadia", EDGE_HYBRID_SEARCH_RRF, [group_of(place)], query_vector=[1.0] * 33)
    assert await held(place) == told


def test_a_killed_copy_is_made_anew(place: str, tmp_path: Path) -> None:
    """`kill -9` after an answer of the server, then the same again: an equal copy; and nobody else was spoken to."""
    told = run_child("serve", str(tmp_path), place)
    assert (told["killed"], told["different"]) == (told["runs"], [])
    assert told["unfinished"] == told["runs"] > 1
    assert all(str(Address.parse(place, "").port) in spoken for spoken in told["spoken_to"])


async def test_a_place_in_use_is_refused(place: str, tmp_path: Path) -> None:
    """A whole copy, or one that somebody else left half-way, is not written over, and stays as it was."""
    told = await tell(place, tmp_path, WEEKS[0])
    address = Address.parse(place, "")
    for mark in ("RETURN 1", "CREATE (:DaybookUnfinished {copy_of: 'another home'})"):
        async with opened(address) as driver:
            await driver.execute_query(mark)
        with pytest.raises(BadInput, match="already"):
            await tell(place, tmp_path, WEEKS[0])
        assert await held(place) == told


async def test_a_server_that_goes_away_is_named(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle it is exit code 3, without a value of the journal; the same command then ends well."""

    async def lost(*_: Any) -> None:
        raise ConnectionResetError("Nadia works at Helios.")

    with monkeypatch.context() as patch:
        patch.setattr(served, "_write", lost)
        with pytest.raises(StorageFailed, match="failed in the middle: ConnectionResetError") as told:
            await tell(place, tmp_path, WEEKS[0])
    assert (told.value.exit_code, "Nadia" in str(told.value)) == (3, False)
    copied = await tell(place, tmp_path, WEEKS[0])
    assert await held(place) == copied


async def test_what_a_server_loses_is_noticed(place: str, tmp_path: Path) -> None:
    """A text that does not come back as it was sent fails by name; when it does, the same command ends well."""
    if not Address.parse(place, "").is_falkor:
        pytest.skip("what FalkorDB's driver loses, the sign NUL, Neo4j keeps")
    text = "Nadia met Zoë."
    with pytest.raises(StorageFailed, match="1 of 1 episodes"):
        await tell(place, tmp_path / "a", an_episode(f"{text} \0"))
    copied = await tell(place, tmp_path / "b", an_episode(text))
    assert await held(place) == copied


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("falkor://127.0.0.1:1", "no graph server answers at falkor://127.0.0.1:1/ines"),
        ("bolt://nora:secret@127.0.0.1:1", "no graph server answers at bolt://127.0.0.1:1/neo4j"),
        ("mysql://nora:secret@127.0.0.1", "address of mysql, allowed are falkor"),
        ("falkor://nora:secret@localhost:port", "no host and port"),
        ("falkor://nora:sec#ret@localhost", "no host and port"),
        ("falkor://localhost/ines?sec", "no address of one graph"),
        ("falkor:///ines", "no address of one graph"),
        ("falkor://nora:secret@a..b", "no host and port"),
        (f"bolt://nora:secret@{'a' * 64}", "no host and port"),
        ("falkor://127.0.0.1:0", "no graph server answers at falkor://127.0.0.1:0/ines"),
    ],
)
async def test_an_address_without_a_server_is_named(address: str, why: str) -> None:
    """What is wrong and what is allowed, in one line that never quotes a password."""
    with pytest.raises(BadInput, match=why) as told:
        await check(Address.parse(address, "ines"), OWNER)
    assert "sec" not in str(told.value)
    assert "\n" not in str(told.value)


async def test_a_wrong_password_is_named_and_not_shown(graph_server: str) -> None:
    """The server's refusal is one line."""
    address = Address.parse(graph_server, "ines")
    if not address.password:
        pytest.skip("this server asks for no password")
    with pytest.raises(BadInput, match="refuses this user and password") as told:
        await check(Address.parse(f"{address.scheme}://nora:secret@{address.place}", "ines"), OWNER)
    assert "secret" not in str(told.value)


def test_an_address_is_read_as_it_is_written() -> None:
    """Every part, %XX in each, and what is left out; the password shows in no form of it."""
    whole = Address.parse("rediss://n%40ra:p%2Fss@[::1]:7000/l'été d'une%20nuit", "ines")
    assert (whole.user, whole.password, whole.host, whole.port) == ("n@ra", "p/ss", "::1", 7000)
    assert (whole.name, whole.is_falkor, whole.is_encrypted) == ("l'été d'une nuit", True, True)
    assert str(whole) == "rediss://[::1]:7000/l'été d'une nuit"
    assert "p/ss" not in repr(whole)
    bare = Address.parse("BOLT://localhost", "ines")
    assert (bare.user, bare.port, bare.name, bare.is_falkor, bare.is_encrypted) == (None, 7687, "neo4j", False, False)
