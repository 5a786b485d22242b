"""Score what was read against what people marked: names, spans, types, identities, facts, dates, grounding.

Knows gold and readings; knows no model. In: pairs of (GoldText, Reading).  Out: Scores, whose counts add up.

Sets are micro-averaged over texts. A name that gold has under several forms counts once, whichever form was read.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from app.measure.gold import READER, GoldText


@dataclass(frozen=True, slots=True)
class ReadMention:
    """Characters that were read as a name of `entity`, any value that is equal for equal entities."""

    start: int
    end: int
    name: str
    type: str
    entity: str


@dataclass(frozen=True, slots=True)
class ReadFact:
    """A fact as it was read.

    is_grounded   its words stand in the text where it says they do
    confidence    probability of its fields under the grammar, 0 to 1; None where it is not known
    cut           probability the grammar cut away while it was written, 0 to 1
    """

    source: str
    target: str
    relation: str
    fact: str
    valid_at: date | None
    invalid_at: date | None
    is_grounded: bool = True
    confidence: float | None = None
    cut: float | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read in one text; `unread` of its chunks were put aside."""

    mentions: tuple[ReadMention, ...]
    facts: tuple[ReadFact, ...]
    unread: int = 0


@dataclass(slots=True)
class Tally:
    """Hits among what was said and what was gold."""

    hits: float = 0
    said: float = 0
    gold: float = 0

    def add(self, said: set[Any], gold: set[Any]) -> None:
        self.hits += len(said & gold)
        self.said += len(said)
        self.gold += len(gold)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.hits + other.hits, self.said + other.said, self.gold + other.gold)

    @property
    def precision(self) -> float:
        return self.hits / self.said if self.said else 0.0

    @property
    def recall(self) -> float:
        return self.hits / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        both = self.said + self.gold
        return 2 * self.hits / both if both else 1.0


@dataclass(slots=True)
class Scores:
    """Everything that could be measured on one set; a Tally without gold was not marked there.

    names       the set of particulars a text names
    spans       the very characters of each mention
    types       of the names found, those of the right kind (an accuracy)
    identity_*  B3 over `identified` mentions, those that both sides have
    ends        who is joined with whom, whichever way round
    facts       source, target and relation
    dates       of the ends found, those with the right first day (an accuracy)
    grounding   of names and facts read, those that stand where they say (an accuracy)
    judged      (confidence, is right) of every fact read that has a confidence
    """

    texts: int = 0
    unread: int = 0
    names: Tally = field(default_factory=Tally)
    spans: Tally = field(default_factory=Tally)
    types: Tally = field(default_factory=Tally)
    identified: int = 0
    identity_precision: float = 0.0
    identity_recall: float = 0.0
    ends: Tally = field(default_factory=Tally)
    facts: Tally = field(default_factory=Tally)
    dates: Tally = field(default_factory=Tally)
    grounding: Tally = field(default_factory=Tally)
    judged: list[tuple[float, bool]] = field(default_factory=list)

    @property
    def identity_f1(self) -> float:
        both = self.identity_precision + self.identity_recall
        return 2 * self.identity_precision * self.identity_recall / both if both else 0.0


def score(pairs: Sequence[tuple[GoldText, Reading]]) -> Scores:
    """All scores of one set of texts."""
    scores = Scores(texts=len(pairs))
    for gold, read in pairs:
        scores.unread += read.unread
        _score_names(scores, gold, read)
        _score_facts(scores, gold, read)
    _score_identities(scores, pairs)
    return scores


def _score_names(scores: Scores, gold: GoldText, read: Reading) -> None:
    # Kinds that nobody marked are left out on both sides: a book read in a set of persons and places is no mistake.
    said = {m.name: m for m in read.mentions if gold.types is None or m.type in gold.types}
    _add(scores.names, {gold.first_name(name) for name in said}, {e.names[0] for e in gold.entities}, gold.names_whole)
    if gold.mentions:
        spans = {(m.start, m.end) for m in read.mentions if gold.types is None or m.type in gold.types}
        _add(scores.spans, spans, {(m.start, m.end) for m in gold.mentions}, gold.names_whole)
    kinds = {entity.names[0]: entity.type for entity in gold.entities if entity.type is not None}
    for name, mention in {gold.first_name(name): mention for name, mention in said.items()}.items():
        if name in kinds:
            _count(scores.types, kinds[name] == mention.type)
    for name in {m.name for m in read.mentions}:
        _count(scores.grounding, name in " ".join(gold.text.split()))


def _score_facts(scores: Scores, gold: GoldText, read: Reading) -> None:
    for fact in read.facts:
        _count(scores.grounding, fact.is_grounded)
    if gold.facts is None:
        return
    # An encyclopedia has no writer: what was read of one is not wrong, it is not marked.
    about = [f for f in read.facts if gold.owner != READER or gold.owner not in (f.source, f.target)]
    said = {(gold.first_name(f.source), gold.first_name(f.target), f.relation): f for f in about}
    truth = {(f.source, f.target, f.relation): f for f in gold.facts}
    true_ends, said_ends = ends_of(truth), ends_of(said)
    _add(scores.ends, set(said_ends), set(true_ends), True)
    _add(scores.facts, {_comparable(key) for key in said}, {_comparable(key) for key in truth}, True)
    if gold.is_dated:
        for pair in said_ends.keys() & true_ends.keys():
            days = {truth[key].valid_at for key in true_ends[pair]}
            _count(scores.dates, any(said[key].valid_at in days for key in said_ends[pair]))
    for key, fact in said.items():
        if fact.confidence is not None:
            scores.judged.append((fact.confidence, frozenset(key[:2]) in true_ends))


def _score_identities(scores: Scores, pairs: Sequence[tuple[GoldText, Reading]]) -> None:
    """B3 over the mentions that both sides have, within each world."""
    gold_of: dict[str, dict[Any, str]] = defaultdict(dict)
    read_of: dict[str, dict[Any, str]] = defaultdict(dict)
    for place, (gold, read) in enumerate(pairs):
        if gold.identities:
            marked = {(m.start, m.end): m.identity for m in gold.mentions if m.identity}
            for mention in read.mentions:
                if identity := marked.get((mention.start, mention.end)):
                    key = (place, mention.start, mention.end)
                    gold_of[gold.world][key], read_of[gold.world][key] = identity, mention.entity
    precision, recall = 0.0, 0.0
    for world, truth in gold_of.items():
        same_gold, same_read = _clusters(truth), _clusters(read_of[world])
        for key, identity in truth.items():
            mine, true = same_read[read_of[world][key]], same_gold[identity]
            precision += len(mine & true) / len(mine)
            recall += len(mine & true) / len(true)
            scores.identified += 1
    if scores.identified:
        scores.identity_precision, scores.identity_recall = precision / scores.identified, recall / scores.identified


def _clusters(entity_of: dict[Any, str]) -> dict[str, set[Any]]:
    found: dict[str, set[Any]] = defaultdict(set)
    for key, entity in entity_of.items():
        found[entity].add(key)
    return found


def ends_of(keys: Iterable[tuple[str, str, str]]) -> dict[frozenset[str], list[tuple[str, str, str]]]:
    """Facts by what they join, whichever way round and whatever it is called: A EMPLOYS B is B WORKS_FOR A."""
    found: dict[frozenset[str], list[tuple[str, str, str]]] = defaultdict(list)
    for key in keys:
        found[frozenset(key[:2])].append(key)
    return found


def _comparable(key: tuple[str, str, str]) -> tuple[str, str, str]:
    """`place of birth` and PLACE_OF_BIRTH are one relation."""
    return (*key[:2], key[2].replace("_", " ").casefold())


def _add(tally: Tally, said: set[Any], gold: set[Any], is_whole: bool) -> None:
    """Where gold marks only some, what it does not know is not counted as said."""
    tally.add(said if is_whole else said & gold, gold)


def _count(tally: Tally, is_right: bool) -> None:
    tally.hits += is_right
    tally.said += 1
    tally.gold += 1
