"""What a graph database has to hold before it may keep a journal; asked of the store, whatever lies under it.

Another database is one more line in STORES; `python -m benchmarks.conformance` adds 10,000 nodes and Graphiti's tests.
The same is asked of copies on FalkorDB and Neo4j servers, through Graphiti, in test_served.
"""

import stat
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from graphiti_core.edges import EntityEdge
from graphiti_core.errors import GroupsEdgesNotFoundError
from graphiti_core.nodes import EntityNode, EpisodicNode

from app.errors import DaybookError
from app.graph.carry import read_picture, write_picture
from app.graph.ingest import ingest_episode
from app.graph.query import canonical_dump, counts, entity, facts_of, search
from app.graph.store import GraphStore
from tests.fakes import WEEKS, HashEmbedder, an_episode, ground, open_store
from tests.graph.test_ingest import run_child
from tests.view.pictures import Life

Open = Callable[..., GraphStore]
STORES: dict[str, Open] = {"kuzu": open_store}
NAMES = (
    "Zoë",
    "Łódź",
    "Ελένη",
    "Наташа",
    "משה",
    "日記太郎",
    "İpek",
    "e\u0301mile",
    "👩‍👧 Mum",
    "O'Neil",
    'the "Owl"',
    "a\\b",
)


@pytest.fixture(params=STORES)
def opened(request: pytest.FixtureRequest) -> Open:
    return STORES[request.param]


async def tell(store: GraphStore, *episodes: Any) -> GraphStore:
    for episode in episodes:
        await ingest_episode(store, episode, ground(episode))
    return store


@pytest.mark.parametrize("folder", ["l'été d'une nuit", "日記 a#b$c", 'a "b" \\ %s'])
async def test_any_path_opens_and_opens_again(opened: Open, tmp_path: Path, folder: str) -> None:
    """Blanks, quotes and other scripts in the path are just characters; what was told is there again, for its owner."""
    path = tmp_path / folder / "graph.kuzu"
    path.parent.mkdir(mode=0o700)
    with opened(path) as store:
        told = await canonical_dump(await tell(store, WEEKS[0]))
    with opened(path) as store:
        assert await canonical_dump(store) == told
    assert told["facts"]
    assert {stat.S_IMODE(file.stat().st_mode) & 0o077 for file in tmp_path.rglob("*")} == {0}


async def test_stop_words_are_names_like_any_other(opened: Open, tmp_path: Path) -> None:
    """Will, IT and The are found as entities, and searching for them alone harms nothing."""
    with opened(tmp_path / "graph.kuzu") as store:
        said = ("Will met The near IT.", "Will met The near IT again.", "Will left IT.")
        await tell(store, *(an_episode(text, order=order) for order, text in enumerate(said)))
        for name in ("Will", "The", "IT"):
            assert await entity(store, name) is not None
            assert [node.name for node in await EntityNode.get_by_group_ids(store.driver, [store.group])].count(
                name
            ) == 1
        assert [hit.fact for hit in await search(store, "Will left IT.", limit=1)] == ["Will left IT."]
        for odd in ("the", "?", '"Will', "O'Neil *", "\\", "日本", "$group", "a" * 5000, "  "):
            await search(store, odd)


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
async def test_as_of_shows_what_held_then(
    opened: Open, tmp_path: Path, moment: str, lives: set[str], works: set[str]
) -> None:
    """A fact counts from the day it began up to, not including, the day it ended; search and facts_of agree."""
    with opened(tmp_path / "graph.kuzu") as store:
        await tell(store, *WEEKS)
        found = await search(store, "Thomas lives in. Nadia works at.", limit=20, as_of=day_of(moment))
        assert {hit.target for hit in found if hit.relation == "LIVES"} == lives
        assert {hit.target for hit in found if hit.relation == "WORKS"} == works
        thomas = await entity(store, "Thomas")
        assert thomas is not None
        facts = await facts_of(store, thomas.uuid, as_of=day_of(moment))
        assert {hit.target for hit in facts if hit.relation == "LIVES"} == lives


async def test_an_entry_is_dated_whatever_was_told_before(opened: Open, tmp_path: Path) -> None:
    """Told backwards, on a leap day and far in the future: as of a day only what began by then is there."""
    days = ("2099-12-31", "2024-02-29", "1662-01-01")
    with opened(tmp_path / "graph.kuzu") as store:
        await tell(store, *(an_episode(f"Nadia met P{day[:4]}.", day) for day in days))
        nadia = await entity(store, "Nadia")
        assert nadia is not None
        for moment, known in (("2024-02-28", 1), ("2024-02-29", 2), ("2024-03-01", 2), ("2100-01-01", 3)):
            facts = await facts_of(store, nadia.uuid, as_of=day_of(moment))
            assert [fact.target for fact in facts] == ["P1662", "P2024", "P2099"][:known]
            assert len(await search(store, "Nadia met", as_of=day_of(moment))) == known
            before = await store.graphiti.retrieve_episodes(day_of(moment), last_n=9, group_ids=[store.group])
            assert [episode.valid_at.year for episode in before] == [1662, 2024, 2099][:known]


async def test_pages_hold_every_row_once(opened: Open, tmp_path: Path) -> None:
    """Walked by cursor in pages of three, Graphiti's lists are whole: entities, facts and episodes."""
    with opened(tmp_path / "graph.kuzu") as store:
        await tell(store, *(an_episode(f"Nadia met P{n}.", order=n) for n in range(11)))
        held = await counts(store)
        for kind, number in ((EntityNode, held.entities), (EntityEdge, held.facts), (EpisodicNode, held.episodes)):
            walked: list[str] = []
            with suppress(GroupsEdgesNotFoundError):  # how an empty page of facts is said
                while page := await kind.get_by_group_ids(
                    store.driver, [store.group], limit=3, uuid_cursor=walked[-1] if walked else None
                ):
                    assert len(page) <= 3
                    walked += [row.uuid for row in page]
            assert len(walked) == len(set(walked)) == number >= 11


async def test_reopened_it_answers_as_before(opened: Open, tmp_path: Path) -> None:
    """The same graph from the file: as many of each, the same picture, the same search."""
    with opened(tmp_path / "graph.kuzu") as store:
        await tell(store, *WEEKS)
        before, found = await canonical_dump(store), await counts(store)
        asked = await search(store, "Where does Nadia work?")
    with opened(tmp_path / "graph.kuzu") as again:
        assert await canonical_dump(again) == before
        assert await counts(again) == found
        assert await search(again, "Where does Nadia work?") == asked != []
    sizes = (len(before["episodes"]), len(before["entities"]), len(before["facts"]), len(before["spans"]))
    assert sizes == (found.episodes, found.entities, found.facts, found.spans)
    assert found.ended == sum(fact["invalid_at"] is not None for fact in before["facts"]) == 2


def test_kill_nine_at_any_query_then_the_same_command_gives_the_undisturbed_graph(tmp_path: Path) -> None:
    """SIGKILL at the n-th database query, for n all over the load: a re-run ends in the same canonical dump."""
    told = run_child("kill", str(tmp_path))
    assert told["killed"] == told["runs"] == 5
    assert told["half_episodes"] == 0
    assert told["different"] == []


async def test_a_vector_of_another_length_is_refused(opened: Open, tmp_path: Path) -> None:
    """A graph of one embedder is neither asked nor told by another: an error, and nothing of it is kept."""

    class Longer(HashEmbedder):
        async def create(self, input_data: Any) -> list[float]:
            return [*await super().create(input_data), 0.0]

        async def create_batch(self, input_data_list: list[str]) -> list[list[float]]:
            return [await self.create(text) for text in input_data_list]

        async def embed_query(self, text: str) -> list[float]:
            return await self.create(text)

    with opened(tmp_path / "graph.kuzu") as store:
        before = await canonical_dump(await tell(store, WEEKS[0]))
        kept, store.embedder, store.graphiti.clients.embedder = store.embedder, Longer(), Longer()
        store.graphiti.embedder = store.embedder
        with pytest.raises(DaybookError):
            await search(store, "Where does Nadia work?")
        with pytest.raises(DaybookError):
            await tell(store, WEEKS[1])
        store.embedder = store.graphiti.embedder = store.graphiti.clients.embedder = kept
        assert await canonical_dump(store) == before
        assert len((await canonical_dump(await tell(store, WEEKS[1])))["episodes"]) == 2


async def test_every_script_comes_back_as_it_went_in(opened: Open, tmp_path: Path) -> None:
    """Names in any script, with marks, quotes and signs: found by name, kept in facts, words and texts."""
    life = Life(group="ines")
    for name in NAMES:
        life.entity(name)
        fact = f"{name} saw {NAMES[0]}."
        life.fact(life.entry("2024-03-04", f"{fact} 🌧"), name, "SAW", NAMES[0], fact, fact)
    told = life.picture()
    with opened(tmp_path / "graph.kuzu") as store:
        await write_picture(store, told)
    with opened(tmp_path / "graph.kuzu") as store:
        assert (await read_picture(store)).facts == told.facts
        assert [episode.text for episode in (await read_picture(store)).episodes] == [e.text for e in told.episodes]
        for name in NAMES:
            assert getattr(await entity(store, name), "name", None) == name
            assert (await search(store, f"{name} saw {NAMES[0]}.", limit=1))[0].source == name


def day_of(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
