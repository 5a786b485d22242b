"""Every change the owner makes can be taken back, and leaves nothing of what was taken out."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app.graph import revise
from app.graph.ingest import ingest_episode
from app.graph.query import canonical_dump, facts_of
from app.graph.query import entity as find
from app.graph.store import GraphStore
from tests.fakes import WEEKS, ground, open_store


def in_a_graph(path: Path, job: Callable[[GraphStore], Awaitable[Any]]) -> Any:
    """Run a job in a graph of all weeks."""

    async def run() -> Any:
        with open_store(path) as store:
            for episode in WEEKS:
                await ingest_episode(store, episode, ground(episode))
            return await job(store)

    return asyncio.run(run())


async def uuid_of(store: GraphStore, name: str) -> str:
    hit = await find(store, name)
    assert hit is not None, name
    return hit.uuid


async def fact_of(store: GraphStore, name: str, words: str) -> str:
    hits = await facts_of(store, await uuid_of(store, name))
    return next(hit.uuid for hit in hits if words in hit.fact)


Change = Callable[[GraphStore], Awaitable[tuple[Any, Callable[[GraphStore, Any], Awaitable[None]]]]]


async def _reject(store: GraphStore) -> Any:
    return await revise.take_fact(store, await fact_of(store, "Nadia", "left Helios")), revise.put_fact


async def _date(store: GraphStore) -> Any:
    fact = await fact_of(store, "Thomas", "lives in Lyon")
    return await revise.date_fact(store, fact, date(2020, 1, 1), None), revise.undate_fact


async def _rename(store: GraphStore) -> Any:
    return await revise.rename_entity(store, await uuid_of(store, "Nadia"), "Nadia Ro"), revise.unname_entity


async def _drop(store: GraphStore) -> Any:
    return await revise.take_entity(store, await uuid_of(store, "Nadia")), revise.put_entity


async def _merge(store: GraphStore) -> Any:
    lost, kept = await uuid_of(store, "Lyon"), await uuid_of(store, "Grenoble")
    return await revise.merge_entities(store, lost, kept), revise.split_entities


async def _merge_neighbours(store: GraphStore) -> Any:
    lost, kept = await uuid_of(store, "Nadia"), await uuid_of(store, "Thomas")
    return await revise.merge_entities(store, lost, kept), revise.split_entities


@pytest.mark.parametrize("change", [_reject, _date, _rename, _drop, _merge, _merge_neighbours])
def test_every_change_can_be_taken_back(tmp_path: Path, change: Change) -> None:
    """The graph after the change differs, after its inverse it is the same to the last row; undo survives JSON."""

    async def job(store: GraphStore) -> Any:
        before = await canonical_dump(store)
        undo, inverse = await change(store)
        after = await canonical_dump(store)
        await inverse(store, json.loads(json.dumps(undo)))
        return before, after, await canonical_dump(store)

    before, after, again = in_a_graph(tmp_path / "graph", job)
    assert after != before
    assert again == before


def test_a_rejected_fact_is_gone_and_opens_what_it_ended(tmp_path: Path) -> None:
    """No row of the graph has its words any more, and the fact it had ended holds again."""

    async def job(store: GraphStore) -> Any:
        await revise.take_fact(store, await fact_of(store, "Nadia", "left Helios"))
        hits = await facts_of(store, await uuid_of(store, "Nadia"))
        return await canonical_dump(store), [hit.invalid_at for hit in hits if "works at Helios" in hit.fact]

    dump, ends = in_a_graph(tmp_path / "graph", job)
    del dump["episodes"]  # the text itself stays
    assert "left Helios" not in json.dumps(dump, ensure_ascii=False)
    assert ends == [None]


def test_merged_entities_share_their_facts_and_words(tmp_path: Path) -> None:
    """What was told of either is told of the one that stays; what was told between them is gone."""

    async def job(store: GraphStore) -> Any:
        facts = {hit.fact for name in ("Nadia", "Thomas") for hit in await facts_of(store, await uuid_of(store, name))}
        both = [await find(store, name) for name in ("Nadia", "Thomas")]
        named = sum(len(hit.mentions) for hit in both if hit)
        await revise.merge_entities(store, await uuid_of(store, "Nadia"), await uuid_of(store, "Thomas"))
        left = await find(store, "Thomas")
        assert left is not None
        assert await find(store, "Nadia") is None
        return facts, named, {hit.fact for hit in await facts_of(store, left.uuid)}, len(left.mentions)

    facts, named, shared, mentions = in_a_graph(tmp_path / "graph", job)
    assert shared == {fact for fact in facts if not ("Nadia" in fact and "Thomas" in fact)}
    assert mentions == named


def test_what_is_not_there_changes_nothing(tmp_path: Path) -> None:
    """A decision on something that is gone is no error."""

    async def job(store: GraphStore) -> Any:
        nadia = await uuid_of(store, "Nadia")
        before = await canonical_dump(store)
        undone = [
            await revise.take_fact(store, "nothing"),
            await revise.date_fact(store, "nothing", None, None),
            await revise.rename_entity(store, "nothing", "Something"),
            await revise.take_entity(store, "nothing"),
            await revise.merge_entities(store, nadia, "nothing"),
            await revise.merge_entities(store, nadia, nadia),
        ]
        return undone, before == await canonical_dump(store)

    assert in_a_graph(tmp_path / "graph", job) == ([None] * 6, True)
