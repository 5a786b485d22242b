"""Finding by words, by meaning and by nearness: what counts, and what never shows."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.graph.recall import Passages, Recall, Vectors, fuse, passages_of, rank
from app.graph.words import FullText, stems
from app.journal.sentences import split_sentences
from app.picture import Picture
from tests.fakes import _vector
from tests.view.pictures import Life, small_life


def recall_of(picture: Picture) -> Recall:
    def vectors(texts: Sequence[str]) -> Vectors:
        return np.array([_vector(text) for text in texts], np.float32).reshape(len(texts), -1)

    passages = passages_of(picture, split_sentences)
    facts = vectors([fact.fact for fact in picture.in_order])
    return Recall(picture, passages, facts, vectors([passage.text for passage in passages]))


def ask(question: str, as_of: str | None = None, limit: int = 12) -> list[str]:
    found = recall_of(small_life()).ask(
        question, _vector(question), limit=limit, as_of=date.fromisoformat(as_of) if as_of else None
    )
    return [hit.fact.fact if hit.fact else hit.passage.text if hit.passage else "" for hit in found]


def test_the_fact_that_answers_comes_first() -> None:
    """By its words and the names it joins, whatever form the verb has."""
    assert ask("Who was working at Brehm & Co.?")[0] == "Clara Weiss works at Brehm & Co."
    assert ask("Is Vienna where Anna is living?")[0] == "Anna lives in Vienna."


def test_a_sentence_no_fact_tells_is_found_too() -> None:
    """Passages follow the facts, and none repeats the sentence of a fact that is shown."""
    found = ask("Did it rain?")
    assert any("Rain" in text for text in found)
    assert "Anna lives in Bern, and likes it." not in ask("Where does Anna live?")


@pytest.mark.parametrize("limit", [1, 3, 12])
def test_as_of_hides_what_came_later_and_what_had_ended(limit: int) -> None:
    """No fact that did not hold on the day, and no sentence written after it, at any limit."""
    told = ask("Where does Anna live, in Bern or Vienna?", "1912-06-01", limit)
    assert told[0] == "Anna lives in Bern."
    assert not any("Vienna" in text or "Rain" in text for text in told)
    assert len(told) <= limit
    assert "Anna lives in Bern." not in ask("Where does Anna live?", "1913-02-01", limit)


def test_of_an_asked_time_comes_first_what_began_then_and_next_what_began_last() -> None:
    """Meetings never end: two hundred older ones, in equal words, hide none of the asked month or day."""
    life = Life()
    for name in ("Anna", "Clara"):
        life.entity(name)
    days = [date(1912, 1, 1) + timedelta(days=number) for number in range(200)]
    for day in days:
        life.fact(life.entry(str(day), "We met."), "Anna", "MET", "Clara", "Anna met Clara.", "We met.")
    recall = recall_of(life.picture())

    def began(as_of: date | None, period: tuple[date, date] | None) -> list[date]:
        question = "When did Anna meet Clara?"
        found = recall.ask(question, _vector(question), limit=6, as_of=as_of, period=period)
        return [hit.fact.valid_at.date() for hit in found if hit.fact and hit.fact.valid_at]

    assert began(days[150], None) == days[150:146:-1]
    week = (days[100], days[106])
    assert all(week[0] <= day <= week[1] for day in began(None, week))
    assert began(days[150], (days[20], days[21]))[:3] == [days[20], days[21], days[19]]


@given(st.lists(st.lists(st.integers(0, 20), unique=True), max_size=4))
def test_fused_ranks_keep_what_all_rankings_agree_on(rankings: list[list[int]]) -> None:
    """A place before another in every ranking is before it in the fusion."""
    fused = fuse([(1.0, ranking) for ranking in rankings])
    assert fused.keys() == {place for ranking in rankings for place in ranking}
    for a, b in permutations(fused, 2):
        if all(b not in r or (a in r and r.index(a) < r.index(b)) for r in rankings):
            assert fused[a] > fused[b]


@given(st.lists(st.text(max_size=30), max_size=12), st.text(max_size=20))
def test_full_text_scores_are_those_of_texts_that_share_a_stem(texts: list[str], question: str) -> None:
    """A score for each text, above zero exactly where a stem is shared; the order of equals is that of the texts."""
    scores = FullText(texts).scores(question)
    asked = set(stems(question))
    assert [score > 0 for score in scores] == [bool(asked & set(stems(text))) for text in texts]
    assert rank(scores) == sorted((i for i in range(len(texts)) if scores[i] > 0), key=lambda i: (-scores[i], i))


def test_a_sentence_is_read_with_those_around_it() -> None:
    """Of equal sentences the one beside the question's words comes first; another entry's neighbour lends nothing."""
    texts = ["He said yes.", "The wedding was in Bern.", "He said yes.", "Rain.", "He said yes."]
    vectors = np.ones((5, 1), np.float32)
    passages = Passages(texts, vectors, [False, True, True, True, False])
    (_, words), _ = passages.rankings("wedding", passages.meanings([1.0]))
    assert words == [1, 0, 2]
    passages = Passages(texts, vectors, [False, False, True, True, False])
    (_, words), _ = passages.rankings("wedding", passages.meanings([1.0]))
    assert words == [1, 2]


def test_an_empty_home_answers_nothing() -> None:
    """No facts, no passages, no failure."""
    empty = np.zeros((0, 1), np.float32)
    assert Recall(Picture("journal"), [], empty, empty).ask("Who?", [1.0]) == []
