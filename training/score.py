"""Score single answers against the right ones: entities, facts, dates, resolutions, contradictions.

Knows the answers' shapes; knows no model. In: pairs of (answer, gold).  Out: counts that add up to F1 or accuracy.
What a whole text was read as is scored by `app.measure.score`.
"""

from typing import Any

from app.measure.score import Tally
from app.prompts.library import by_sentence, facts_that_are

Answer = dict[str, Any]
FactKey = tuple[str, str, str]  # source, target, relation


def score_entities(pairs: list[tuple[Answer, Answer]], *, typed: bool = False) -> Tally:
    """Names exactly as written; with `typed` the type must be right too."""
    tally = Tally()
    for said, gold in pairs:
        tally.add(_entities(said, typed), _entities(gold, typed))
    return tally


def score_facts(pairs: list[tuple[Answer, Answer]]) -> Tally:
    """Both ends and the relation."""
    tally = Tally()
    for said, gold in pairs:
        tally.add(set(_facts(said)), set(_facts(gold)))
    return tally


def score_dates(pairs: list[tuple[Answer, Answer]]) -> Tally:
    """Among the facts found: is valid_at exactly right? (`said` and `gold` count the same facts: an accuracy.)"""
    tally = Tally()
    for said, gold in pairs:
        dates, truth = _facts(said), _facts(gold)
        found = dates.keys() & truth.keys()
        tally.hits += sum(dates[key] == truth[key] for key in found)
        tally.said += len(found)
        tally.gold += len(found)
    return tally


def score_resolutions(pairs: list[tuple[Answer, Answer]]) -> Tally:
    """An accuracy over new entities."""
    tally = Tally()
    for said, gold in pairs:
        answers = [item["same_as"] for item in said["entity_resolutions"]]
        truth = [item["same_as"] for item in gold["entity_resolutions"]]
        # The grammar asks for as many as there are; only a call that was not answered has fewer, and those are misses.
        tally.hits += sum(a == b for a, b in zip(answers, truth, strict=False))
        tally.said += len(truth)
        tally.gold += len(truth)
    return tally


def score_verdicts(pairs: list[tuple[Answer, Answer]], verdict: str) -> Tally:
    """The known facts that got this verdict: "same" or "ended"."""
    tally = Tally()
    for said, gold in pairs:
        tally.add(set(facts_that_are(verdict, said["verdicts"])), set(facts_that_are(verdict, gold["verdicts"])))
    return tally


def score_chosen(pairs: list[tuple[Answer, Answer]]) -> Tally:
    """The facts that answer a question."""
    tally = Tally()
    for said, gold in pairs:
        tally.add(set(said["facts"]), set(gold["facts"]))
    return tally


def _entities(answer: Answer, typed: bool) -> set[Any]:
    found = (item for _, item in by_sentence(answer["extracted_entities"]))
    return {(item["name"], item["type"]) if typed else item["name"] for item in found}


def _facts(answer: Answer) -> dict[FactKey, str]:
    found = (item for _, item in by_sentence(answer["edges"]))
    return {(item["source"], item["target"], item["relation"]): item["valid_at"] for item in found}
