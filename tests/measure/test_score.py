"""Scores are counts that can be checked by hand."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.measure import calibration
from app.measure.gold import READER, GoldEntity, GoldFact, GoldMention, GoldText
from app.measure.score import ReadFact, Reading, ReadMention, Tally, score

DAY = date(2024, 4, 3)
SETS = st.sets(st.integers(0, 9))
TEXT = "Eva Lind met Ada in Bonn. Eva left."
GOLD = GoldText(
    "1", "w", DAY, "Mia", TEXT,
    (GoldEntity(("Eva Lind", "Eva"), "Person"), GoldEntity(("Ada",), "Person"), GoldEntity(("Bonn",), "Place")),
    (GoldMention(0, 8, "Eva Lind", "Person", "e"), GoldMention(13, 16, "Ada", "Person", "a"),
     GoldMention(20, 24, "Bonn", "Place", "b"), GoldMention(26, 29, "Eva", "Person", "e")),
    (GoldFact("Eva Lind", "Ada", "MET", "", DAY), GoldFact("Eva Lind", "Bonn", "LEFT", "", DAY)),
    is_dated=True, identities=True,
)  # fmt: skip


def mention(start: int, end: int, kind: str = "Person", entity: str = "") -> ReadMention:
    return ReadMention(start, end, TEXT[start:end], kind, entity or TEXT[start:end])


def fact(source: str, target: str, relation: str = "MET", day: date = DAY, sure: float | None = None) -> ReadFact:
    return ReadFact(source, target, relation, "", day, None, True, sure)


PERFECT = Reading(
    (mention(0, 8, entity="x"), mention(13, 16), mention(20, 24, "Place"), mention(26, 29, entity="x")),
    (fact("Eva Lind", "Ada"), fact("Eva Lind", "Bonn", "LEFT")),
)


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


def test_gold_itself_scores_one() -> None:
    """Reading exactly what was marked is perfect in every respect."""
    found = score([(GOLD, PERFECT)])
    tallies = (found.names, found.spans, found.types, found.ends, found.facts, found.dates, found.grounding)
    assert [tally.f1 for tally in tallies] == [1.0] * 7
    assert (found.identified, found.identity_precision, found.identity_recall) == (4, 1.0, 1.0)


def test_nothing_read_scores_zero() -> None:
    """Silence finds nothing, and claims nothing."""
    found = score([(GOLD, Reading((), ()))])
    assert [t.f1 for t in (found.names, found.spans, found.ends, found.facts)] == [0.0] * 4
    assert [t.said for t in (found.types, found.dates, found.grounding)] == [0, 0, 0]


def test_counts_by_hand() -> None:
    """Two names of one entity count once; a wrong kind, a wrong day and a stranger each cost what they should."""
    read = Reading(
        (mention(0, 8), mention(26, 29), mention(20, 24, "Person"), ReadMention(0, 3, "Zoë", "Person", "z")),
        (fact("Ada", "Eva", "SAW", date(2024, 1, 1)), fact("Ada", "Bonn")),
    )
    found = score([(GOLD, read)])
    assert (found.names.hits, found.names.said, found.names.gold) == (2, 3, 3)  # Eva, Bonn; not Zoë; without Ada
    assert (found.spans.hits, found.spans.said, found.spans.gold) == (3, 4, 4)
    assert (found.types.hits, found.types.said) == (1, 2)
    assert (found.grounding.hits, found.grounding.said) == (5, 6)
    assert (found.ends.hits, found.ends.said, found.ends.gold) == (1, 2, 2)
    assert found.facts.hits == 0
    assert (found.dates.hits, found.dates.said) == (0, 1)
    # Eva and Eva Lind were taken for two: each cluster is pure, and half of Eva is missing from each.
    assert found.identity_precision == 1.0
    assert found.identity_recall == pytest.approx((0.5 + 0.5 + 1) / 3)


def test_what_nobody_marked_is_no_mistake() -> None:
    """Kinds outside the set, facts of a writer that an encyclopedia has not, names where only some were marked."""
    book = ReadMention(0, 3, "Eva", "Work", "book")
    assert score([(replace(GOLD, types=frozenset({"Person", "Place"})), Reading((book,), ()))]).names.said == 0
    wiki = replace(GOLD, owner=READER)
    assert score([(wiki, Reading((), (fact(READER, "Ada"),)))]).ends.said == 0
    assert score([(replace(GOLD, facts=None), Reading((), (fact("Ada", "Zoë"),)))]).ends.said == 0
    partly = score([(replace(GOLD, names_whole=False), Reading((mention(9, 12),), ()))])
    assert (partly.names.said, partly.names.gold) == (0, 3)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=10, max_size=80))
def test_a_calibration_never_falls_and_keeps_the_sum(judged: list[tuple[float, bool]]) -> None:
    """The fitted share rises with the confidence, and predicts as many right facts as there were."""
    curve = calibration.fit(judged)
    assert curve is not None
    shares = [step.share for step in curve.steps]
    assert shares == sorted(shares)
    assert sum(calibration.share_right(curve.steps, confidence) for confidence, _ in judged) == pytest.approx(
        sum(r for _, r in judged)
    )
    assert curve.thresholds[0].kept == 1.0
    assert 0 <= curve.error_before <= 1


def test_an_honest_confidence_has_no_error() -> None:
    """Where nine in ten of the facts at 0.9 are right the error is nil, at 0.5 it is 0.4; few facts fit nothing."""
    judged = [(0.9, i % 10 > 0) for i in range(100)]
    assert calibration.expected_error(judged) == pytest.approx(0)
    assert calibration.expected_error([(0.5, right) for _, right in judged]) == pytest.approx(0.4)
    assert calibration.fit(judged[:9]) is None
