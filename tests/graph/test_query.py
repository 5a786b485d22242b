"""Answers from the graph: the right facts of the right time, in an order that does not change."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from graphiti_core.search.search_config_recipes import EDGE_HYBRID_SEARCH_RRF

from app.graph.ingest import ingest_episode
from app.graph.query import canonical_dump, counts, entity, facts_of, search
from app.graph.store import GraphStore
from tests.fakes import WEEKS, ground, open_store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[GraphStore]:
    with open_store(tmp_path / "graph.kuzu") as opened:
        for episode in WEEKS:
            await ingest_episode(opened, episode, ground(episode))
        yield opened


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "lives", "works"),
    [
        ("2024-03-01", set(), set()),
        ("2024-03-04", {"Lyon"}, {"Helios"}),
        ("2024-04-20", {"Lyon"}, {"Helios"}),
        ("2024-04-21", {"Grenoble"}, set()),
        ("2025-01-01", {"Grenoble"}, set()),
    ],
)
async def test_as_of_shows_what_held_then(store: GraphStore, moment: str, lives: set[str], works: set[str]) -> None:
    """A fact counts from the day it began up to, not including, the day it ended; search and facts_of agree."""
    found = await search(store, "Thomas lives in. Nadia works at.", limit=20, as_of=day(moment))
    assert {hit.target for hit in found if hit.relation == "LIVES"} == lives
    assert {hit.target for hit in found if hit.relation == "WORKS"} == works
    thomas = await entity(store, "Thomas")
    assert thomas is not None
    facts = await facts_of(store, thomas.uuid, as_of=day(moment))
    assert {hit.target for hit in facts if hit.relation == "LIVES"} == lives


async def test_search_is_the_same_each_time_and_leaves_no_trace(store: GraphStore) -> None:
    """The best fact comes first with its evidence; neither the graph nor Graphiti's shared recipe is changed."""
    limit, before = EDGE_HYBRID_SEARCH_RRF.limit, await canonical_dump(store)
    first = await search(store, "Nadia works at Helios", limit=3)
    assert (first[0].fact, len(first)) == ("Nadia works at Helios.", 3)
    assert [e.words for e in first[0].evidence] == ["Nadia works at Helios.", "At Helios works Nadia."]
    assert await search(store, "Nadia works at Helios", limit=3) == first
    assert (EDGE_HYBRID_SEARCH_RRF.limit, await canonical_dump(store)) == (limit, before)
    assert await search(store, " \n") == []


async def test_an_entity_is_found_whatever_its_case(store: GraphStore) -> None:
    """Names are names in any case and script; an unknown one is None."""
    for name in ("nadia", " NADIA ", "łódź", "Zoë"):
        assert await entity(store, name) is not None, name
    assert await entity(store, "Nobody") is None


async def test_facts_of_an_entity_come_in_the_order_they_began(store: GraphStore) -> None:
    """From it and to it, oldest first, each with dates in UTC and evidence."""
    nadia = await entity(store, "Nadia")
    assert nadia is not None
    facts = await facts_of(store, nadia.uuid)
    assert [hit.valid_at for hit in facts] == sorted(hit.valid_at for hit in facts if hit.valid_at)
    assert all("Nadia" in (hit.source, hit.target) and hit.evidence for hit in facts)


async def test_counts_and_the_dump_agree_after_reopening(store: GraphStore, tmp_path: Path) -> None:
    """The same graph from the file: as many of each, and the same picture."""
    before, found = await canonical_dump(store), await counts(store)
    store.close()
    with open_store(tmp_path / "graph.kuzu") as again:
        assert await canonical_dump(again) == before
        assert await counts(again) == found
    sizes = (len(before["episodes"]), len(before["entities"]), len(before["facts"]), len(before["spans"]))
    assert sizes == (found.episodes, found.entities, found.facts, found.spans)
    assert found.ended == sum(fact["invalid_at"] is not None for fact in before["facts"]) == 2
