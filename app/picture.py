"""The whole of one home as plain values: what the graph holds, where each text stands, what the owner decided.

Knows no database and no files; every room above may look at it. Two pictures are equal when the graphs are.
In and out: frozen values in one order. Offsets are half-open, in characters.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal

Verb = Literal["accept", "reject", "date", "rename", "merge"]
Kind = Literal["fact", "entity"]

UNTYPED = "Thing"  # how Graphiti's catch-all label "Entity" is shown


@dataclass(frozen=True, slots=True, order=True)
class Entity:
    """A person, place or thing. `attributes` is JSON text."""

    uuid: str
    name: str
    labels: tuple[str, ...]
    summary: str
    attributes: str

    @property
    def type(self) -> str:
        """Its one label of our own, or Thing."""
        return next((label for label in sorted(self.labels) if label != "Entity"), UNTYPED)


@dataclass(frozen=True, slots=True, order=True)
class Fact:
    """A statement on two entities and the time it held; a date of None is open.

    source, target   uuids of entities
    episodes         uuids of the episodes that say it
    """

    uuid: str
    fact: str
    relation: str
    source: str
    target: str
    valid_at: datetime | None
    invalid_at: datetime | None
    reference_time: datetime | None
    episodes: tuple[str, ...]
    attributes: str

    def held(self, moment: datetime) -> bool:
        """Whether it held at that moment; what has no beginning always did."""
        began = self.valid_at is None or self.valid_at <= moment
        return began and (self.invalid_at is None or self.invalid_at > moment)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Words that a fact, a mention or an ending stands on; offsets count from their episode's place in its file."""

    uuid: str
    target: str
    episode: str
    kind: str  # "fact", "mention" or "ending"
    start: int
    end: int
    words: str


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a text stands in a journal file today."""

    path: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, order=True)
class ChunkRecord:
    """What the ledger knows of an episode: which slice of which entry it is, and how its reading ended.

    turn    the how manieth of its group it was read as; None if it was not, or by an older Daybook
    """

    chunk_id: str
    entry_id: str
    entry_state: str
    date: date
    precision: str
    title: str
    lead: int
    index: int
    count: int
    start: int
    end: int
    ordinal: int
    state: str
    places: tuple[Place, ...]
    turn: int | None = None


@dataclass(frozen=True, slots=True, order=True)
class Episode:
    """One text that was read; `outcome` counts its entities, facts and endings, `chunk` is what the ledger knows."""

    uuid: str
    name: str
    text: str
    source: str
    about: str
    valid_at: datetime
    facts: tuple[str, ...]
    outcome: tuple[int, int, int] | None
    chunk: ChunkRecord | None = None

    @property
    def place(self) -> Place | None:
        """The first file by name that holds it."""
        return min(self.chunk.places, default=None) if self.chunk else None


@dataclass(frozen=True, slots=True, order=True)
class JournalFile:
    """A file as the ledger last saw it."""

    path: str
    sha256: str
    bytes: int
    encoding: str


@dataclass(frozen=True, slots=True)
class Label:
    """One decision of the owner.

    target    uuid of the fact or entity it is about
    about     in words: names, relation, fact and dates as they were and as they became
    roots     what must stay readable for the label to stay: a name for it -> the episodes that tell it
    undo      what the graph needs to take it back; None when it cannot be taken back at once
    number    its place among all decisions; 0 until it is kept
    place     how many chunks had been read when it was made, so that a graph built again meets it where the first did
    """

    verb: Verb
    kind: Kind
    target: str
    about: dict[str, Any]
    roots: dict[str, tuple[str, ...]]
    undo: dict[str, Any] | None = None
    number: int = field(default=0, compare=False)
    place: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Picture:
    """Everything of one group, each kind sorted; `mentions` are (episode, entity) pairs.

    labels    decisions in the order in which they were made, without vectors; `place` counts chunks of this group
    writer    whose journal it is; who is called "I" in a question
    """

    group: str
    entities: tuple[Entity, ...] = ()
    facts: tuple[Fact, ...] = ()
    episodes: tuple[Episode, ...] = ()
    mentions: tuple[tuple[str, str], ...] = ()
    spans: tuple[Span, ...] = ()
    files: tuple[JournalFile, ...] = field(default=())
    labels: tuple[Label, ...] = field(default=())
    writer: str = field(default="", compare=False)  # of the last load, no part of the graph

    @cached_property
    def entity(self) -> dict[str, Entity]:
        """Entities by uuid."""
        return {entity.uuid: entity for entity in self.entities}

    @cached_property
    def episode(self) -> dict[str, Episode]:
        """Episodes by uuid."""
        return {episode.uuid: episode for episode in self.episodes}

    @cached_property
    def evidence(self) -> dict[str, list[Span]]:
        """Spans of facts and mentions by what they speak of, the earliest text first."""
        return self._spans(("fact", "mention"))

    @cached_property
    def endings(self) -> dict[str, list[Span]]:
        """The words that ended a fact, by fact."""
        return self._spans(("ending",))

    @cached_property
    def facts_of(self) -> dict[str, list[Fact]]:
        """Facts by the entity at either end, in order of time."""
        found: dict[str, list[Fact]] = defaultdict(list)
        for fact in self.in_order:
            for end in {fact.source, fact.target}:
                found[end].append(fact)
        return dict(found)

    @cached_property
    def in_order(self) -> list[Fact]:
        """Facts in the order in which they began; undated ones first."""
        return sorted(self.facts, key=lambda fact: (*_open_first(fact.valid_at), fact.uuid))

    def aliases(self, uuid: str) -> list[str]:
        """Other words than its name under which an entity is mentioned, the most frequent first."""
        counts: dict[str, int] = {}
        for span in self.evidence.get(uuid, []):
            words = " ".join(span.words.split())
            if words and words.casefold() != self.entity[uuid].name.casefold():
                counts[words] = counts.get(words, 0) + 1
        return sorted(counts, key=lambda words: (-counts[words], words))

    def company(self, uuid: str) -> list[tuple[str, int]]:
        """(entity, number of facts) of those it shares facts with, the nearest first."""
        counts: dict[str, int] = {}
        for fact in self.facts_of.get(uuid, []):
            other = fact.target if fact.source == uuid else fact.source
            if other != uuid:
                counts[other] = counts.get(other, 0) + 1
        return sorted(counts.items(), key=lambda item: (-item[1], self.entity[item[0]].name, item[0]))

    def _spans(self, kinds: Iterable[str]) -> dict[str, list[Span]]:
        found: dict[str, list[Span]] = defaultdict(list)
        order = {episode.uuid: number for number, episode in enumerate(sorted(self.episodes, key=_when))}
        spans = [span for span in self.spans if span.kind in kinds]
        for span in sorted(spans, key=lambda s: (order.get(s.episode, -1), s.start, s.end, s.uuid)):
            found[span.target].append(span)
        return dict(found)


def find_words(text: str, span: Span) -> tuple[int, int]:
    """Where a span's words stand in its episode's text, which a JSON export may hold escaped and so at other offsets.

    Example: the text itself at [start, end) -> (start, end); else the nearest place of the same words.
    """
    if text[span.start : span.end] == span.words:
        return span.start, span.end
    places = []
    at = text.find(span.words)
    while at >= 0 and span.words:
        places.append(at)
        at = text.find(span.words, at + 1)
    if not places:
        return 0, 0
    start = min(places, key=lambda place: abs(place - span.start))
    return start, start + len(span.words)


def _when(episode: Episode) -> tuple[datetime, str]:
    return episode.valid_at, episode.uuid


def _open_first(moment: datetime | None) -> tuple[bool, float]:
    return moment is not None, moment.timestamp() if moment else 0.0
