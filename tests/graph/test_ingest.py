"""An episode is in the graph whole, once, and on its own words; or it is not there at all."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from app.errors import DaybookError
from app.graph.ingest import Episode, GroundedFact, Grounding, ingest_episode
from app.graph.query import canonical_dump, counts, entity, facts_of
from app.graph.store import GraphStore
from tests.fakes import WEEKS, FakeLM, an_episode, facts_in, ground, open_store

REPOSITORY = Path(__file__).parents[2]
FILE_START = 100


class Person(BaseModel):
    """A human being."""


class Place(BaseModel):
    """A named place."""


KINDS: dict[str, Any] = {"Person": Person, "Place": Place}


async def load(store: GraphStore, *episodes: Episode) -> dict[str, Any]:
    for episode in episodes:
        await ingest_episode(store, episode, ground(episode, FILE_START), entity_types=KINDS)
    return await canonical_dump(store)


async def test_ingesting_twice_equals_once(tmp_path: Path) -> None:
    """A second time reports the first outcome, asks the model nothing, and changes nothing."""
    lm = FakeLM()
    with open_store(tmp_path / "graph.kuzu", lm) as store:
        outcomes = [await ingest_episode(store, e, ground(e)) for e in WEEKS]
        once, asked = await canonical_dump(store), len(lm.asked)
        assert [await ingest_episode(store, e, ground(e)) for e in WEEKS] == outcomes
        assert (await canonical_dump(store), len(lm.asked)) == (once, asked)
        assert [o.empty for o in outcomes] == [False, False, False, True, False]
        assert outcomes[-1].invalidated == 2


async def test_every_fact_stands_on_words_in_each_episode_that_states_it(tmp_path: Path) -> None:
    """For each fact and each episode it lists there is a span, and the span's offsets hold the span's words."""
    with open_store(tmp_path / "graph.kuzu") as store:
        dump = await load(store, *WEEKS)
    texts = {episode["uuid"]: episode["text"] for episode in dump["episodes"]}
    stands = {(span["target"], span["episode"]) for span in dump["spans"] if span["kind"] == "fact"}
    assert stands == {(fact["uuid"], episode) for fact in dump["facts"] for episode in fact["episodes"]}
    named = {(span["target"], span["episode"]) for span in dump["spans"] if span["kind"] == "mention"}
    assert named == {(mention["entity"], mention["episode"]) for mention in dump["mentions"]}
    for span in dump["spans"]:
        text = texts[span["episode"]]
        assert text[span["start"] - FILE_START : span["end"] - FILE_START] == span["words"]


async def test_a_fact_said_again_in_other_words_gains_evidence(tmp_path: Path) -> None:
    """A fact merged into a known one keeps its wording, lists both episodes, and shows both places."""
    with open_store(tmp_path / "graph.kuzu") as store:
        await load(store, an_episode("Nadia works at Helios."), an_episode("At Helios works Nadia.", "2024-03-05"))
        (fact,) = await facts_of(store, (await entity(store, "Helios")).uuid)  # type: ignore[union-attr]
        assert [e.words for e in fact.evidence] == ["Nadia works at Helios.", "At Helios works Nadia."]


async def test_a_fact_repeated_and_ended_by_one_episode_keeps_both(tmp_path: Path) -> None:
    """Graphiti saves a copy of the fact for each; the last one must not undo the first."""
    with open_store(tmp_path / "graph.kuzu") as store:
        again = an_episode("At Helios works Nadia. Nadia left Helios.", "2024-03-05")
        dump = await load(store, an_episode("Nadia works at Helios."), again)
    (works,) = [fact for fact in dump["facts"] if fact["relation"] == "WORKS"]
    assert (len(works["episodes"]), works["invalid_at"][:10]) == (2, "2024-03-05")


async def test_a_fact_answered_both_ways_round_is_one_fact(tmp_path: Path) -> None:
    """Graphiti drops the second of a reversed pair; its evidence goes to the first, and the next fact keeps its own."""

    class BothWays(FakeLM):
        async def generate_response(self, *args: Any, prompt_name: str = "", **kwargs: Any) -> dict[str, Any]:
            answer = await super().generate_response(*args, prompt_name=prompt_name, **kwargs)
            ends = ("source_entity_name", "target_entity_name")
            for place, edge in [*enumerate(answer.get("edges", []))][::-1]:
                answer["edges"].insert(place + 1, {**edge, ends[0]: edge[ends[1]], ends[1]: edge[ends[0]]})
            return answer

    text = "Nadia met Thomas. Nadia works at Helios."
    both = [GroundedFact(*ends, f, text.find(f), len(f), f) for a, b, f in facts_in(text) for ends in ((a, b), (b, a))]
    with open_store(tmp_path / "graph.kuzu", BothWays()) as store:
        await ingest_episode(store, an_episode(text), lambda: Grounding(both))
        dump = await canonical_dump(store)
    words = {span["target"]: span["words"] for span in dump["spans"]}
    assert {fact["uuid"]: fact["fact"] for fact in dump["facts"]} == words
    assert {(fact["source"], fact["target"]) for fact in dump["facts"]} == {("Nadia", "Thomas"), ("Nadia", "Helios")}


async def test_two_names_of_one_entity_are_saved_as_one(tmp_path: Path) -> None:
    """Both names lead to the known entity, whose summary keeps what it had."""
    with open_store(tmp_path / "graph.kuzu") as store:
        await load(store, an_episode("Nadia Rahmani lives in Lyon."))
        again = an_episode("Nadia Rahmani met Nadia Rahman. Nadia Rahman lives in Paris.", "2024-03-05")
        mentions = [(m["episode"], m["entity"]) for m in (await load(store, again))["mentions"]]
        assert len(mentions) == len(set(mentions)) == 4
        hit = await entity(store, "nadia rahmani")
        assert hit is not None
        assert hit.summary.startswith("Nadia Rahmani lives in Lyon.")
        assert {m.words for m in hit.mentions} == {"Nadia Rahmani", "Nadia Rahman"}
        assert (await counts(store)).entities == 3


async def test_a_fact_without_evidence_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    """A model layer that cannot point at the words gets an error, not a graph it cannot explain."""
    with open_store(tmp_path / "graph.kuzu") as store:
        with pytest.raises(DaybookError, match=r"3 of 3 facts of episode .* have no evidence"):
            await ingest_episode(store, WEEKS[0], Grounding)
        assert not any((await canonical_dump(store)).values())
        refused = await load(store, *WEEKS)
    with open_store(tmp_path / "plain.kuzu") as store:
        assert await load(store, *WEEKS) == refused


async def test_a_model_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """After each failure the graph is as before; after the cure it is what it would have been."""
    lm = FakeLM()
    with open_store(tmp_path / "plain.kuzu") as store:
        wanted = await load(store, *WEEKS)
    with open_store(tmp_path / "graph.kuzu", lm) as store:
        before = await load(store, *WEEKS[:-1])
        for prompt in ("extract_nodes.extract_text", "extract_edges.edge", "dedupe_edges.resolve_edge"):
            lm.fail_at = prompt
            with pytest.raises(ConnectionError):
                await load(store, WEEKS[-1])
            assert await canonical_dump(store) == before
        lm.fail_at = None
        assert await load(store, WEEKS[-1]) == wanted


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")  # app.graph.quiet hides it outside of pytest
async def test_a_cancelled_episode_leaves_nothing(tmp_path: Path) -> None:
    """Stop the load anywhere: the graph holds whole episodes, and the same call finishes it."""

    class Slow(FakeLM):
        async def generate_response(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
            started.set()
            await asyncio.sleep(0.02)
            return await super().generate_response(*args, **kwargs)

    started = asyncio.Event()
    with open_store(tmp_path / "graph.kuzu", Slow()) as store:
        for wait in (0, 0.03, 0.06):
            started.clear()
            task = asyncio.create_task(ingest_episode(store, WEEKS[0], ground(WEEKS[0])))
            await started.wait()
            await asyncio.sleep(wait)
            if task.cancel():
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert (await counts(store)).episodes == 0
        assert not (await ingest_episode(store, WEEKS[0], ground(WEEKS[0]))).empty


async def test_a_text_without_names_asks_for_no_facts(tmp_path: Path) -> None:
    """One question is enough to learn that there is nothing; the empty outcome is remembered."""
    lm = FakeLM()
    with open_store(tmp_path / "graph.kuzu", lm) as store:
        episode = an_episode("nothing happened.")
        assert (await ingest_episode(store, episode, ground(episode))).empty
        assert [name for name, _ in lm.asked] == ["extract_nodes.extract_text"]
        assert await store.missing_episodes([episode.uuid, "elsewhere"]) == ["elsewhere"]


async def test_an_episode_knows_the_two_before_it_and_none_after(tmp_path: Path) -> None:
    """Previous episodes come oldest first, at most two, also when an older entry is loaded late."""
    lm = FakeLM()
    with open_store(tmp_path / "graph.kuzu", lm) as store:
        for day in ("01", "02", "03", "09", "05"):
            await load(store, an_episode(f"Nadia met Thomas on {day}.", f"2024-03-{day}"))
    context = [json.loads(prompt) for name, prompt in lm.asked if name == "extract_edges.edge"][-1]
    assert [p["content"] for p in context["previous_episodes"]] == [
        "Nadia met Thomas on 02.",
        "Nadia met Thomas on 03.",
    ]


async def test_groups_do_not_meet(tmp_path: Path) -> None:
    """Two groups in one file: neither finds, merges or counts what is the other's."""
    for group in ("ines", "jo"):
        with open_store(tmp_path / "graph.kuzu", group=group) as store:
            episode = an_episode("Nadia works at Helios.", order=len(group))
            await load(store, episode)
            found = await counts(store)
            assert (found.episodes, found.entities, found.facts) == (1, 2, 1)


def run_child(*arguments: str, seed: str = "0") -> Any:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:This process", "-m", "tests.graph.child", *arguments],  # it forks
        cwd=REPOSITORY, env={"PYTHONHASHSEED": seed, "HOME": arguments[1]}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def replays(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Any]]:
    """The same load in two processes with different hash seeds, each in a home of its own."""
    homes = [tmp_path_factory.mktemp(f"home{seed}") for seed in "12"]
    return [(home, run_child("load", str(home), seed=home.name[4])) for home in homes]


def test_a_replay_asks_the_same_questions_and_builds_the_same_graph(replays: list[tuple[Path, Any]]) -> None:
    """With another hash seed, in another process, every prompt and every uuid is the same."""
    (_, first), (_, second) = replays
    assert first["asked"] == second["asked"]
    assert first["dump"] == second["dump"]
    assert first["facts"] > 0


def test_a_load_opens_no_socket_and_says_nothing(replays: list[tuple[Path, Any]]) -> None:
    """Telemetry is off before graphiti is imported: no connection, no name look-up, no file in the home folder."""
    for home, told in replays:
        assert told["network"] == []
        assert [file.name for file in home.iterdir()] == ["graph.kuzu"]


NAMES = st.sampled_from(["Nadia", "Thomas", "Helios", "Nadia Rahmani"])
SAID = st.builds("{} {} {}.".format, NAMES, st.sampled_from(["works at", "left", "met"]), NAMES)


@settings(max_examples=6, deadline=None)
@given(days=st.lists(st.lists(SAID, min_size=1, max_size=4).map(" ".join), min_size=1, max_size=3))
async def test_any_little_journal_is_grounded_and_replays(
    tmp_path_factory: pytest.TempPathFactory, days: list[str]
) -> None:
    """Repeated, reversed, merged and contradicted facts: each stands on words, and a replay is equal."""
    episodes = [an_episode(text, f"2024-03-{n + 1:02}") for n, text in enumerate(days)]
    answers: dict[str, dict[str, Any]] = {}
    dumps = []
    for _ in range(2):
        lm = FakeLM(answers)
        with open_store(tmp_path_factory.mktemp("g") / "graph.kuzu", lm) as store:
            dumps.append(await load(store, *episodes))
    assert dumps[0] == dumps[1]
    assert lm.computed == 0
    stands = {(span["target"], span["episode"]) for span in dumps[0]["spans"]}
    assert all((fact["uuid"], uuid) in stands for fact in dumps[0]["facts"] for uuid in fact["episodes"])
    said = {fact for text in days for _, _, fact in facts_in(text)}
    assert {span["words"] for span in dumps[0]["spans"] if span["kind"] == "fact"} == said
