"""Laws of the counting: what is right, wrong and missed, and whose name a name is."""

import json
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.prompts.library import JournalPrompts
from tests.journal.shared import DATA
from training import gold
from training.gold import GoldEntity, GoldText
from training.made.journal import make_journal
from training.score import (
    Tally,
    ends_of,
    score_dates,
    score_entities,
    score_facts,
    score_numbers,
    score_resolutions,
)
from training.tasks import edges_example, entities_example

GOLD = DATA / "gold"
SETS = st.sets(st.integers(0, 9))
HANDWRITTEN = Path(__file__).parent.parent / "gold" / "handwritten.jsonl"


def fact(source: str, target: str, relation: str = "MET", day: str = "2024-01-01") -> dict[str, str]:
    return {"source": source, "target": target, "relation": relation, "valid_at": day}


@given(SETS, SETS)
def test_f1_is_the_harmonic_mean_and_one_only_where_nothing_differs(said: set[int], truth: set[int]) -> None:
    """F1 lies between precision and recall, joins them harmonically, and is 1 exactly when the sets are equal."""
    tally = Tally()
    tally.add(said, truth)
    assert (tally.f1 == 1.0) == (said == truth)
    if tally.hits:
        assert tally.f1 == pytest.approx(2 / (1 / tally.precision + 1 / tally.recall))
    else:
        assert tally.f1 == (0.0 if said or truth else 1.0)


@given(st.lists(st.tuples(SETS, SETS), max_size=5))
def test_tallies_add_up(pairs: list[tuple[set[int], set[int]]]) -> None:
    """Counting pair by pair is counting each pair's items under its own number at once."""
    one, all_at_once = Tally(), Tally()
    for said, truth in pairs:
        one.add(said, truth)
    all_at_once.add(
        {(i, x) for i, (said, _) in enumerate(pairs) for x in said},
        {(i, x) for i, (_, truth) in enumerate(pairs) for x in truth},
    )
    assert one == all_at_once


def test_gold_scored_against_itself_is_perfect() -> None:
    """Made journals: every score of a gold answer against itself is 1, and none is of nothing."""
    journal = make_journal(3, held_out=True)
    prompts = JournalPrompts(owner=journal.owner)
    entities = [(a, a) for e in journal.entries for a in [json.loads(entities_example(prompts, e).answer)]]
    asked = [edges_example(prompts, entry, journal.owner, ()) for entry in journal.entries]
    facts = [(a, a) for example in asked if example for a in [json.loads(example.answer)]]
    tallies = [
        score_entities(entities), score_entities(entities, typed=True), score_facts(facts), score_dates(facts)
    ]  # fmt: skip
    assert all(tally.f1 == 1.0 and tally.gold > 0 for tally in tallies)


def test_a_wrong_type_spoils_the_typed_score_alone() -> None:
    """The name is right; name and type together are not."""
    said = {"extracted_entities": {"1. A.": [{"name": "Ghent", "type": "Person"}]}}
    truth = {"extracted_entities": {"1. A.": [{"name": "Ghent", "type": "Place"}]}}
    assert score_entities([(said, truth)]).f1 == 1.0
    assert score_entities([(said, truth)], typed=True).f1 == 0.0


def test_dates_are_asked_of_the_facts_found_alone() -> None:
    """Two facts of three are found, one with its day: accuracy is one half."""
    truth = {"edges": {"1. A.": [fact("A", "B"), fact("A", "C")], "2. B.": [fact("B", "C")]}}
    said = {"edges": {"1. A.": [fact("A", "B")], "2. B.": [fact("A", "C", day="2023-01-01"), fact("C", "B")]}}
    tally = score_dates([(said, truth)])
    assert (tally.hits, tally.said, tally.gold) == (1, 2, 2)


def test_the_two_ends_forget_direction_and_relation() -> None:
    """A EMPLOYS B and B WORKS_FOR A join the same two; the strict score knows them apart."""
    said, truth = {("A", "B", "EMPLOYS")}, {("B", "A", "WORKS_FOR")}
    assert ends_of(said) == ends_of(truth)
    assert not said & truth


def test_a_call_without_an_answer_is_all_misses() -> None:
    """No resolution of two is no hit of two; no numbers are no hits."""
    truth: dict[str, Any] = {"entity_resolutions": [{"same_as": None}, {"same_as": "Eva"}], "facts": [1, 2]}
    unanswered: dict[str, Any] = {"entity_resolutions": [], "facts": []}
    resolutions, numbers = score_resolutions([(unanswered, truth)]), score_numbers([(unanswered, truth)], "facts")
    assert (resolutions.hits, resolutions.gold) == (0, 2)
    assert (numbers.hits, numbers.gold) == (0, 2)


def test_two_names_of_one_entity_are_one() -> None:
    """Any of its names finds an entity, both find it once; a name nobody has stands for itself."""
    text = GoldText(date(2024, 1, 1), "en", "W", "", (GoldEntity(("Ross Alger", "Alger"), "Person"),))
    assert text.said_names({"Alger", "Ross Alger", "Prelate"}) == {"Ross Alger", "Prelate"}
    stated = {"edges": {"1. A.": [fact("Alger", "W")], "2. B.": [fact("Ross Alger", "W")]}}
    assert text.said_facts(stated) == {("Ross Alger", "W", "MET")}


@given(st.integers(1, 40), st.integers(0, 90))
def test_a_sample_is_spread_over_the_whole_set(count: int, size: int) -> None:
    """A sample has as many different texts as it can, in order, never more than asked for, and none far from one."""
    texts = [GoldText(date(2024, 1, 1), "en", "W", str(i), ()) for i in range(size)]
    chosen = [int(text.text) for text in gold.spread(texts, count)]
    assert len(chosen) == min(count, size)
    assert chosen == sorted(set(chosen))
    assert all(after - before <= size / count + 1 for before, after in pairwise([*chosen, size]))


def test_every_handwritten_entry_is_read_whole() -> None:
    """Forty texts; each name stands in its text, each fact joins names or the writer."""
    texts = gold.handwritten(HANDWRITTEN)
    assert len(texts) == 40
    assert_names_stand_in_texts(texts)
    assert sum(len(text.facts) for text in texts) > 100


@pytest.mark.skipif(not GOLD.is_dir(), reason=f"no public gold at {GOLD}")
def test_public_gold_is_read_as_marked() -> None:
    """Every marked name stands in its text (a line break counts as a blank), and relations join marked entities."""
    diary = gold.schnitzler(GOLD / "schnitzler_de" / "dev.jsonl")
    novels = gold.litbank(GOLD / "litbank_en" / "dev.jsonl.gz")
    wiki = gold.redocred(GOLD / "redocred_en" / "dev.jsonl.gz")
    assert (len(diary), len(wiki)) == (300, 150)
    assert max(len(piece.text) for piece in novels) <= gold.PIECE_CHARS
    for texts in (diary, novels, wiki):
        assert_names_stand_in_texts(texts)
        assert any(text.entities for text in texts)
    assert sum(len(text.facts) for text in wiki) > 1_000


def assert_names_stand_in_texts(texts: list[GoldText]) -> None:
    for text in texts:
        one_line = " ".join(text.text.split())
        assert all(name in one_line for entity in text.entities for name in entity.names), text.text[:40]
        ends = {entity.names[0] for entity in text.entities} | {text.owner}
        assert all({source, target} <= ends for source, target, _ in text.facts)
