"""Answers from the graph: the right facts of the right time, in an order that does not change."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from graphiti_core.search.search_config_recipes import EDGE_HYBRID_SEARCH_RRF

from app.graph.ingest import ingest_episode
from app.graph.query import canonical_dump, entity, facts_of, search
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
