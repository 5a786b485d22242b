"""The owner's decisions in a whole home: at once, after every load, and taken back."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.errors import BadInput
from app.graph.query import canonical_dump
from app.graph.store import GraphStore
from app.ledger.store import Ledger
from app.picture import Label
from app.pipeline import decisions
from app.pipeline.request import GRAPH_NAME
from tests.fakes import HashEmbedder
from tests.pipeline.conftest import Bench
from tests.pipeline.scripted import write_journal

GROUP = "journal"


def in_home(bench: Bench, job: Callable[[GraphStore, Ledger], Awaitable[Any]]) -> Any:
    """Run a job in the open home."""

    async def run() -> Any:
        with (
            Ledger.open(bench.home) as ledger,
            GraphStore.open_for_reading(bench.home / GRAPH_NAME, embedder=HashEmbedder(), group=GROUP) as store,
        ):
            return await job(store, ledger)

    return asyncio.run(run())


def about_fact(dump: Any, words: str, verb: Any = "reject", **more: Any) -> Label:
    (fact,) = [fact for fact in dump["facts"] if words in fact["fact"]]
    about = {name: fact[name] for name in ("source", "target", "relation", "fact")}
    return Label(verb, "fact", fact["uuid"], about | more, {uuid: (uuid,) for uuid in fact["episodes"]})


def about_entity(dump: Any, name: str, verb: Any, **more: Any) -> Label:
    (entity,) = [entity for entity in dump["entities"] if entity["name"] == name]
    episodes = tuple(m["episode"] for m in dump["mentions"] if m["entity"] == entity["uuid"])
    return Label(verb, "entity", entity["uuid"], {"name": name} | more, {name: episodes})


def labels_for(dump: Any) -> list[Label]:
    (lyon,) = [entity["uuid"] for entity in dump["entities"] if entity["name"] == "Lyon"]
    return [
        about_fact(dump, "Nadia left Helios"),
        about_fact(dump, "Thomas lives", "date", valid_at="2020-01-01", invalid_at=None),
        about_entity(dump, "Zoë", "reject"),
        about_entity(dump, "Thomas", "rename", to="Thomas Roy"),
        about_entity(dump, "Łódź", "merge", into="Lyon", into_uuid=lyon),
        about_entity(dump, "Nadia", "accept"),
    ]


def names(dump: Any) -> set[str]:
    return {entity["name"] for entity in dump["entities"]}


def test_every_decision_acts_at_once_and_can_be_taken_back(bench: Bench) -> None:
    """The graph shows each decision after it, and after the last one is taken back it is what it was."""
    bench.load()
    before = bench.dump()

    async def job(store: GraphStore, ledger: Ledger) -> Any:
        made = [await decisions.decide(store, ledger, label) for label in labels_for(before)]
        decided = await canonical_dump(store)
        again = await decisions.apply(store, ledger)
        for label in reversed(made):
            await decisions.take_back(store, ledger, label)
        return decided, again, ledger.labels.all(GROUP)

    decided, again, left = in_home(bench, job)
    assert "left Helios" not in json.dumps(decided["facts"])
    assert {"Zoë", "Łódź", "Thomas"}.isdisjoint(names(decided))
    assert {"Lyon", "Thomas Roy", "Nadia"} <= names(decided)
    assert "2020-01-01T00:00:00+00:00" in [fact["valid_at"] for fact in decided["facts"]]
    assert (again, left) == (0, [])
    assert bench.dump() == before


def test_decisions_hold_for_what_is_read_later(bench: Bench) -> None:
    """A rejected fact that is told again, and a second copy of a merged or renamed entity, are gone after the run."""
    bench.load()
    dump = bench.dump()

    async def job(store: GraphStore, ledger: Ledger) -> None:
        for label in labels_for(dump):
            await decisions.decide(store, ledger, label)

    in_home(bench, job)
    write_journal(bench.journals / "later.md", ("2024-06-01", "Nadia left Helios. Thomas visited Łódź. Zoë met Nadia."))
    bench.load()
    later = bench.dump()
    assert {"Zoë", "Łódź", "Thomas"}.isdisjoint(names(later))
    assert "left Helios" not in json.dumps(later["facts"])
    assert [(f["source"], f["target"]) for f in later["facts"] if "visited Łódź" in f["fact"]] == [
        ("Thomas Roy", "Lyon")
    ]


def test_decisions_hold_for_a_graph_that_is_built_again(bench: Bench) -> None:
    """Without its graph the home is filled from the ledger, and shows every decision."""
    bench.load()
    dump = bench.dump()

    async def job(store: GraphStore, ledger: Ledger) -> None:
        for label in labels_for(dump):
            await decisions.decide(store, ledger, label)

    in_home(bench, job)
    decided, calls = bench.dump(), bench.calls()
    (bench.home / GRAPH_NAME).unlink()
    bench.load()
    assert (bench.dump(), bench.calls()) == (decided, calls)


def test_a_later_word_replaces_an_earlier_one(bench: Bench) -> None:
    """A fact is true or false, not both; what is not in the graph cannot be decided on."""
    bench.load()
    dump = bench.dump()
    (first, second) = (about_fact(dump, "Nadia met Thomas", verb) for verb in ("accept", "reject"))

    async def job(store: GraphStore, ledger: Ledger) -> Any:
        await decisions.decide(store, ledger, first)
        await decisions.decide(store, ledger, second)
        with pytest.raises(BadInput, match="no such fact"):
            await decisions.decide(store, ledger, second)
        return [label.verb for label in ledger.labels.all(GROUP)]

    assert in_home(bench, job) == ["reject"]
