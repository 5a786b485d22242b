"""What of a journal answers a question: facts and passages by words, by meaning and by nearness in the graph.

Knows pictures and vectors; knows no model and no database. In: a Picture, vectors, a question with its vector.
Out: hits, best first. Reciprocal ranks are fused: Cormack, Clarke, Büttcher, SIGIR 2009.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import numpy as np
from numpy.typing import NDArray

from app.graph.words import FullText, Scores
from app.picture import Fact, Picture, find_words

Vectors = NDArray[np.float32]  # (texts, components), rows of length 1
Days = NDArray[np.int64]  # (texts,)
_K = 60  # of the paper: how little the difference between the first ranks counts
_DEEP = 100  # of each ranking that is fused
_NEVER = 2**40
_AROUND = 0.5  # what a passage gets of its neighbours' score: an answer often stands beside the words of its question
_NAME = re.compile(r"\w+")
_GENITIVE = re.compile(r"['’]s\b")


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence or two of an entry; half-open characters of its episode's text."""

    episode: str
    start: int
    end: int
    text: str
    day: date


@dataclass(frozen=True, slots=True)
class Found:
    """A fact, or a passage where no fact says it; `score` only orders."""

    fact: Fact | None
    passage: Passage | None
    score: float


def rank(scores: Scores, *, above: float = 0.0, away: Days | None = None) -> list[int]:
    """Places in order of score, the best first; of equal scores the least `away`, then in the order of the texts."""
    best = np.lexsort((np.zeros(len(scores)) if away is None else away, -scores))[:_DEEP]
    return [int(place) for place in best if scores[place] > above]


def fuse(rankings: Iterable[tuple[float, Sequence[int]]]) -> dict[int, float]:
    """Sum of weight / (60 + rank) over the rankings a place stands in."""
    fused: dict[int, float] = defaultdict(float)
    for weight, ranking in rankings:
        for position, place in enumerate(ranking, 1):
            fused[place] += weight / (_K + position)
    return dict(fused)


def with_neighbours(scores: Scores, follows: NDArray[np.bool_]) -> Scores:
    """Scores that also count what stands before and after; `follows[i]` says that text i continues text i - 1."""
    if not len(scores):
        return scores
    around = scores.copy()
    around[1:] += _AROUND * scores[:-1] * follows[1:]
    around[:-1] += _AROUND * scores[1:] * follows[1:]
    return around


class Passages:
    """Texts in order, found by words and by meaning together.

    vectors   one row a text
    follows   whether a text continues the one before it
    """

    def __init__(self, texts: Sequence[str], vectors: Vectors, follows: Sequence[bool]) -> None:
        self.words = FullText(texts)
        self._vectors = vectors
        self._follows = np.array(follows, bool)

    def rankings(self, question: str, meanings: Scores, away: Days | None = None) -> list[tuple[float, list[int]]]:
        """The rankings to fuse: by words and by `meanings`, each with what stands around; `away` as of `rank`."""
        return [
            (1.0, rank(with_neighbours(self.words.scores(question), self._follows), away=away)),
            (1.0, rank(with_neighbours(meanings, self._follows), above=-2.0, away=away)),
        ]

    def meanings(self, vector: Sequence[float]) -> Scores:
        """How like each text is to a vector: cosines, rounded so that equal texts have equal ones."""
        if not len(self._vectors):
            return np.zeros(0, np.float32)
        return (self._vectors @ np.asarray(vector, np.float32)).round(6)


class Recall:
    """Everything of a home, ready for questions; made once, asked in milliseconds.

    picture    of the home
    passages   of its entries, in order
    vectors    of the facts in the picture's order of time, and of the passages
    """

    def __init__(self, picture: Picture, passages: Sequence[Passage], facts: Vectors, texts: Vectors) -> None:
        self._picture, self._facts, self._passages = picture, picture.in_order, passages
        self._told = Passages([fact.fact for fact in self._facts], facts, [False] * len(self._facts))
        follows = [i > 0 and p.episode == passages[i - 1].episode for i, p in enumerate(passages)]
        self._written = Passages([passage.text for passage in passages], texts, follows)
        self._place = {fact.uuid: place for place, fact in enumerate(self._facts)}
        self._entities = _by_name(picture)
        self._names = FullText([entity.name for entity in picture.entities])  # the owner may have given new ones
        self._passages_of = self._where_facts_stand()

    def ask(
        self,
        question: str,
        vector: Sequence[float],
        *,
        limit: int = 12,
        as_of: date | None = None,
        period: tuple[date, date] | None = None,
    ) -> list[Found]:
        """The facts and passages that say most about a question.

        as_of    only facts that held on that day, and what was written until then
        period   days that the question names; else `as_of` is the time it asks for

        What happens never ends, so that it counts as holding ever after: of an asked time, what held then counts as a
        first rank more, what began then as one more, and before it the latest is the nearest.
        """
        asked = period or ((as_of, as_of) if as_of else None)
        away = self._away(*asked) if asked else np.zeros(len(self._facts), np.int64)
        meanings = self._told.meanings(vector)
        rankings = [*self._told.rankings(question, meanings, away), (1.0, self._near(question, away))]
        if asked:
            nearest = np.lexsort((-meanings, away))[:_DEEP]
            rankings.append((1.0, [int(place) for place in nearest if away[place] < _NEVER]))
        facts, passages = fuse(rankings), fuse(self._written.rankings(question, self._written.meanings(vector)))
        for place, score in list(facts.items()):  # a fact is also found by the sentence it was read from
            facts[place] = (
                score + max((passages.get(p, 0.0) for p in self._passages_of.get(place, ())), default=0.0) / 2
            )
        if asked:
            for place in facts:
                fact = self._facts[place]
                facts[place] += (_overlaps(fact, *asked) + _within(fact.valid_at, *asked)) / _K
            for place in passages:
                passages[place] += (asked[0] <= self._passages[place].day <= asked[1]) / _K
        told = [Found(self._facts[p], None, s) for p, s in facts.items() if _held(self._facts[p], as_of)]
        told = sorted(told, key=lambda found: -found.score)[: max(limit * 2 // 3, 1)]
        spoken = {p for hit in told if hit.fact for p in self._passages_of.get(self._place[hit.fact.uuid], ())}
        written = [
            Found(None, self._passages[p], s)
            for p, s in sorted(passages.items(), key=lambda item: -item[1])
            if p not in spoken and (as_of is None or self._passages[p].day <= as_of)
        ]
        return told + written[: limit - len(told)]

    def knows(self, word: str) -> bool:
        """Whether an entry, a fact or a name has the word, whatever its case and ending."""
        return any(texts.has(word) for texts in (self._written.words, self._told.words, self._names))

    def _near(self, question: str, away: Days) -> list[int]:
        """Facts by their distance from the entities that the question names: between two of them, of one, one away."""
        seeds = named(question, self._entities)
        touched: dict[int, float] = defaultdict(float)
        around: set[str] = set()
        for seed in seeds:
            for fact in self._picture.facts_of.get(seed, []):
                touched[self._place[fact.uuid]] += 1.0
                around |= {fact.source, fact.target}
        if len(around) <= _DEEP:  # beyond, everything is near
            for entity in around - seeds:
                for fact in self._picture.facts_of.get(entity, []):
                    touched.setdefault(self._place[fact.uuid], 0.25)
        words = self._told.words.scores(question)
        return sorted(touched, key=lambda place: (-touched[place], -words[place], away[place], place))[:_DEEP]

    def _away(self, first: date, last: date) -> Days:
        """How many days before a time each fact began that held in it: 0 within, _NEVER if it did not or is undated."""
        held = [fact.valid_at is not None and _overlaps(fact, first, last) for fact in self._facts]
        began = np.array([fact.valid_at.toordinal() if fact.valid_at else 0 for fact in self._facts], np.int64)
        return np.where(held, np.maximum(first.toordinal() - began, 0), _NEVER)

    def _where_facts_stand(self) -> dict[int, list[int]]:
        by_episode: dict[str, list[int]] = defaultdict(list)
        for number, passage in enumerate(self._passages):
            by_episode[passage.episode].append(number)
        found: dict[int, list[int]] = {}
        for place, fact in enumerate(self._facts):
            for span in self._picture.evidence.get(fact.uuid, []):
                start, end = find_words(self._picture.episode[span.episode].text, span)
                found.setdefault(place, []).extend(
                    number
                    for number in by_episode[span.episode]
                    if self._passages[number].start < end and start < self._passages[number].end
                )
        return found


def passages_of(picture: Picture, split: Callable[[str], Sequence[tuple[int, int]]]) -> list[Passage]:
    """Sentences of every entry in order of time, as `split` cuts them."""
    found = []
    for episode in sorted(picture.episodes, key=lambda e: (e.valid_at, e.uuid)):
        for start, end in split(episode.text):
            found.append(Passage(episode.uuid, start, end, episode.text[start:end], episode.valid_at.date()))
    return found


def named(question: str, entities: dict[tuple[str, ...], set[str]]) -> set[str]:
    """Entities whose name, or another word for them, stands in the question."""
    words = _folded(question)
    longest = max(map(len, entities), default=0)
    found: set[str] = set()
    for start in range(len(words)):
        for end in range(start + 1, min(start + longest, len(words)) + 1):
            found |= entities.get(tuple(words[start:end]), set())
    return found


def _by_name(picture: Picture) -> dict[tuple[str, ...], set[str]]:
    names: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for entity in picture.entities:
        for name in (entity.name, *picture.aliases(entity.uuid)):
            if words := _folded(name):
                names[tuple(words)].add(entity.uuid)
    return dict(names)


def _folded(text: str) -> list[str]:
    plain = "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(c))
    return _NAME.findall(_GENITIVE.sub(" ", plain))


def _held(fact: Fact, as_of: date | None) -> bool:
    return as_of is None or fact.held(datetime.combine(as_of, time(23, 59, 59), UTC))


def _within(moment: datetime | None, first: date, last: date) -> bool:
    return moment is not None and first <= moment.date() <= last


def _overlaps(fact: Fact, first: date, last: date) -> bool:
    began = fact.valid_at is None or fact.valid_at.date() <= last
    return began and (fact.invalid_at is None or fact.invalid_at.date() > first)
