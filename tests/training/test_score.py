"""Laws of the counting: what is right, wrong and missed, and whose name a name is."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from app.measure.gold import GoldEntity, GoldMention, GoldText, read_gold
from app.measure.score import ends_of
from app.prompts.library import JournalPrompts
from training.evaluate import by_surface, stated
from training.made.journal import make_journal
from training.made_gold import write
from training.score import score_chosen, score_dates, score_entities, score_facts, score_resolutions
from training.tasks import edges_example, entities_example

DAY = date(2024, 1, 1)


def fact(source: str, target: str, relation: str = "MET", day: str = "2024-01-01") -> dict[str, str]:
    return {"source": source, "target": target, "relation": relation, "valid_at": day}


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
    assert set(ends_of(said)) == set(ends_of(truth))
    assert not said & truth


def test_a_call_without_an_answer_is_all_misses() -> None:
    """No resolution of two is no hit of two; no words are no hits."""
    truth: dict[str, Any] = {
        "entity_resolutions": [{"same_as": None}, {"same_as": "Eva"}],
        "facts": {"1. A.": "yes", "2. B.": "yes"},
    }
    unanswered: dict[str, Any] = {"entity_resolutions": [], "facts": {}}
    resolutions, chosen = score_resolutions([(unanswered, truth)]), score_chosen([(unanswered, truth)])
    assert (resolutions.hits, resolutions.gold) == (0, 2)
    assert (chosen.hits, chosen.gold) == (0, 2)


def test_an_answer_is_read_by_the_names_that_gold_uses() -> None:
    """Any name of an entity stands for its first; a name nobody has stands for itself."""
    text = GoldText("1", "w", DAY, "W", "", (GoldEntity(("Ross Alger", "Alger"), "Person"),))
    answer = {"edges": {"1. A.": [fact("Alger", "W")], "2. B.": [fact("Ross Alger", "W"), fact("Prelate", "W")]}}
    assert stated(text, answer) == {("Ross Alger", "W", "MET"), ("Prelate", "W", "MET")}


def test_by_surface_every_form_of_a_name_is_its_own() -> None:
    """A call that sees one chunk is asked for the forms in it, each once, of the kinds that count."""
    marked = [("Eva Lind", "Person"), ("Eva", "Person"), ("Faust", "Work"), ("Eva", "Person")]
    mentions = tuple(GoldMention(0, 1, name, kind, "e") for name, kind in marked)
    text = GoldText("1", "w", DAY, "W", "", (GoldEntity(("Eva Lind", "Eva"), "Person"),), mentions)
    assert by_surface(text, frozenset({"Person"})).entities == (
        GoldEntity(("Eva Lind",), "Person"),
        GoldEntity(("Eva",), "Person"),
    )


def test_made_gold_is_read_as_it_was_made(tmp_path: Path) -> None:
    """What the generator labels is what `evaluate` scores: entities, facts with their days, one world a journal."""
    file = tmp_path / "made.jsonl"
    write(file, 3, journals=2)
    made = [entry for seed in (3, 4) for entry in make_journal(seed, held_out=True).entries]
    texts = read_gold(file)
    assert len({text.world for text in texts}) == 2
    for entry, text in zip(made, texts, strict=True):
        assert (text.text, text.day, len(text.facts or ())) == (entry.text, entry.date, len(entry.facts))
        assert {e.names[0] for e in text.entities} == {e.name for e in entry.entities}
        assert all(text.text[m.start : m.end].split() == m.name.split() for m in text.mentions)
    assert all(text.is_dated for text in texts if text.facts)
