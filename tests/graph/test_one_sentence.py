"""All facts of a sentence stand on the same words; still each has only what it ended itself."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app.graph import revise
from app.graph.carry import read_picture, write_picture
from app.graph.ingest import Episode, GroundedFact, Grounding, ingest_episode
from app.graph.query import canonical_dump, counts, entity, facts_of
from app.graph.recorder import derived_uuid
from app.graph.store import GraphStore
from tests.fakes import FakeLM, an_episode, ground, open_store

LEFT, MET, TOLD = "Ada left Siemens", "Ada met Bob", "Ada left Siemens. Bob heard it"
ENDS = {LEFT: ("Ada", "Siemens"), MET: ("Ada", "Bob"), TOLD: ("Ada", "Bob")}
BEFORE = an_episode("Ada works at Siemens. Ada lives in Lyon.")
ONE = an_episode("Ada left Siemens and met Bob.", "2024-03-05")
BOTH = an_episode("Ada left Siemens and told Bob.", "2024-03-05")
SAYS = {ONE.text: (LEFT, MET), BOTH.text: (LEFT, TOLD)}


class ManyFacts(FakeLM):
    """Some sentences state two facts, as a journal's do."""

    async def generate_response(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The answer of the rules, each fact of such a sentence in place of the sentence."""
        answer = await super().generate_response(*args, **kwargs)
        if "edges" in answer:
            answer["edges"] = [
                edge | {"fact": fact, "source_entity_name": ends[0], "target_entity_name": ends[1]}
                for edge in answer["edges"]
                for fact in SAYS.get(edge["fact"], (edge["fact"],))
                for ends in [ENDS.get(fact, (edge["source_entity_name"], edge["target_entity_name"]))]
            ]
        return answer


def grounded(episode: Episode) -> Callable[[], Grounding]:
    """Every fact of such a sentence stands on the whole of it."""
    facts = [GroundedFact(*ENDS[fact], fact, 0, len(episode.text), episode.text) for fact in SAYS.get(episode.text, ())]
    told = ground(episode)()
    return lambda: Grounding(facts or told.facts, told.mentions)


def in_a_graph(path: Path, episode: Episode, job: Callable[[GraphStore], Awaitable[Any]]) -> Any:
    """Run a job in a graph where that episode ended what was told before."""

    async def run() -> Any:
        with open_store(path, ManyFacts()) as store:
            for one in (BEFORE, episode):
                await ingest_episode(store, one, grounded(one))
            return await job(store)

    return asyncio.run(run())


async def ada(store: GraphStore) -> dict[str, Any]:
    """Facts on Ada by their words."""
    hit = await entity(store, "Ada")
    assert hit is not None
    return {fact.fact: fact for fact in await facts_of(store, hit.uuid)}


async def works(store: GraphStore) -> Any:
    """When it ended that Ada works at Siemens."""
    return (await ada(store))["Ada works at Siemens."].invalid_at


async def reject(store: GraphStore, fact: str) -> Any:
    """Take a fact, and what undoes it as the ledger keeps it."""
    return json.loads(json.dumps(await revise.take_fact(store, (await ada(store))[fact].uuid)))


async def as_written_before(store: GraphStore) -> None:
    """Endings with the uuids that they had when these said nothing of who told them."""
    episode = (await store.rows("MATCH (s:Span {kind: 'ending'}) RETURN s.episode_uuid AS uuid"))[0]["uuid"]
    async with store.driver.transaction(alone=True):
        (row,) = await store.rows(
            "MATCH (s:Span {kind: 'ending'}) RETURN s.uuid AS uuid, s.target_uuid AS target, s.start AS start,"
            " s.`end` AS stop, s.words AS words"
        )
        await store.rows("MATCH (s:Span {kind: 'ending'}) DELETE s")
        await store.rows(
            "CREATE (:Span {uuid: $uuid, target_uuid: $target, episode_uuid: $episode, kind: 'ending', start: $start,"
            " `end`: $stop, words: $words})",
            episode=episode,
            **row | {"uuid": derived_uuid(episode, "span", 99)},
        )


def test_a_fact_that_ended_nothing_opens_nothing(tmp_path: Path) -> None:
    """Who met Bob or not has left Siemens, though one sentence says both; who did not leave works there still."""

    async def job(store: GraphStore) -> Any:
        ended, before = await works(store), await canonical_dump(store)
        undo = await reject(store, MET)
        still = await works(store)
        await revise.put_fact(store, undo)
        assert await canonical_dump(store) == before
        undo = await reject(store, LEFT)
        opened = await works(store)
        await revise.put_fact(store, undo)
        assert await canonical_dump(store) == before
        return ended, still, opened

    ended, still, opened = in_a_graph(tmp_path / "graph.kuzu", ONE, job)
    assert ended is not None
    assert (still, opened) == (ended, None)


@pytest.mark.parametrize("order", [(LEFT, TOLD), (TOLD, LEFT)])
def test_what_two_facts_of_a_sentence_ended_opens_with_the_last(tmp_path: Path, order: tuple[str, str]) -> None:
    """Each of them has an ending of its own, in whichever order they go and come back."""

    async def job(store: GraphStore) -> Any:
        before = await canonical_dump(store)
        first = await reject(store, order[0])
        still = await works(store)
        second = await reject(store, order[1])
        opened = await works(store)
        await revise.put_fact(store, second)
        await revise.put_fact(store, first)
        assert await canonical_dump(store) == before
        return [span["kind"] for span in before["spans"]].count("ending"), still, opened

    endings, still, opened = in_a_graph(tmp_path / "graph.kuzu", BOTH, job)
    assert (endings, opened) == (2, None)
    assert still is not None


def test_a_carried_graph_and_a_replay_know_who_ended_what(tmp_path: Path) -> None:
    """Read again the rows are the same, and in a graph written from a picture the right fact opens it."""

    async def read(store: GraphStore) -> Any:
        return await canonical_dump(store), await read_picture(store)

    dump, picture = in_a_graph(tmp_path / "graph.kuzu", BOTH, read)
    assert in_a_graph(tmp_path / "again.kuzu", BOTH, read) == (dump, picture)

    async def carried() -> Any:
        with open_store(tmp_path / "carried.kuzu") as store:
            await write_picture(store, picture)
            await reject(store, LEFT)
            still = await works(store)
            await reject(store, TOLD)
            return still, await works(store)

    still, opened = asyncio.run(carried())
    assert still is not None
    assert opened is None


@pytest.mark.parametrize("fact", [LEFT, MET])
def test_an_ending_of_before_goes_with_the_first_fact_of_its_sentence(tmp_path: Path, fact: str) -> None:
    """Its row does not tell who told it, so any fact of the sentence opens it, and brings it back."""

    async def job(store: GraphStore) -> Any:
        await as_written_before(store)
        before = await canonical_dump(store)
        undo = await reject(store, fact)
        opened = await works(store)
        await revise.put_fact(store, undo)
        assert await canonical_dump(store) == before
        return opened

    assert in_a_graph(tmp_path / "graph.kuzu", ONE, job) is None


def test_a_fact_whose_end_is_gone_stays_away_with_all_it_had(tmp_path: Path) -> None:
    """No words without their fact come back, and nothing ends by a fact that is not there."""

    async def job(store: GraphStore) -> Any:
        await reject(store, LEFT)
        undo = await reject(store, TOLD)
        bob = await entity(store, "Bob")
        assert bob is not None
        await revise.take_entity(store, bob.uuid)
        before, had = await canonical_dump(store), await counts(store)
        assert undo["opened"]
        await revise.put_fact(store, undo)
        assert await canonical_dump(store) == before
        return had, await counts(store), await works(store)

    had, has, opened = in_a_graph(tmp_path / "graph.kuzu", BOTH, job)
    assert (has, opened) == (had, None)


def test_a_fact_comes_back_without_ending_what_is_gone(tmp_path: Path) -> None:
    """What it had ended was rejected in between: no words are left for it."""

    async def job(store: GraphStore) -> Any:
        undo = await reject(store, LEFT)
        await reject(store, "Ada works at Siemens.")
        await revise.put_fact(store, undo)
        dump = await canonical_dump(store)
        standing = {row["uuid"] for row in (*dump["facts"], *dump["entities"])}
        return LEFT in await ada(store), {span["target"] for span in dump["spans"]} - standing

    assert in_a_graph(tmp_path / "graph.kuzu", ONE, job) == (True, set())
