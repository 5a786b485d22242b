"""A picture told in order of time, and two pictures compared: what happens when, what is new, what differs.

Knows pictures; opens nothing. In: Pictures and days.  Out: frozen values with the sentences that facts stand on.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from app import picture as told
from app.picture import Picture, Span
from app.pipeline.look import Fact, Source, no_such_entity


@dataclass(frozen=True, slots=True)
class Event:
    """A day on which a fact begins or ends."""

    day: date
    kind: Literal["begins", "ends"]
    fact: Fact


@dataclass(frozen=True, slots=True)
class Appearance:
    """An entity and the day on which it is first named."""

    day: date
    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What a journal tells as new since a day."""

    since: date
    began: tuple[Fact, ...]
    ended: tuple[Fact, ...]
    appeared: tuple[Appearance, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """Two readings of one sentence on the same two entities."""

    before: Fact
    after: Fact


@dataclass(frozen=True, slots=True)
class Diff:
    """How two readings of the same journals differ; `same` counts the facts that both tell alike."""

    same: int
    added: tuple[Fact, ...]
    removed: tuple[Fact, ...]
    changed: tuple[Changed, ...]


def timeline(
    picture: Picture, entity: str | None = None, *, since: date | None = None, until: date | None = None
) -> list[Event]:
    """Beginnings and ends of facts by day; undated facts have no place in it.

    raises   BadInput with near names for an entity the graph does not know
    """
    facts = picture.in_order if entity is None else picture.facts_of.get(find_entity(picture, entity), [])
    events = [
        Event(moment.date(), kind, fact_of(picture, fact))
        for fact in facts
        for kind, moment in _ends(fact)
        if moment and (since is None or moment.date() >= since) and (until is None or moment.date() <= until)
    ]
    return sorted(events, key=lambda event: (event.day, event.kind == "begins"))  # an end makes room for a beginning


def changes(picture: Picture, since: date) -> Changes:
    """Facts that began or ended on that day or later, and who is first named since."""

    def later(moment: datetime | None) -> bool:
        return moment is not None and moment.date() >= since

    appeared = []
    for entity in picture.entities:
        days = [picture.episode[s.episode].valid_at.date() for s in picture.evidence.get(entity.uuid, [])]
        if days and min(days) >= since:
            appeared.append(Appearance(min(days), entity.name, entity.type))
    return Changes(
        since,
        began=tuple(fact_of(picture, fact) for fact in picture.in_order if later(fact.valid_at)),
        ended=tuple(fact_of(picture, fact) for fact in picture.in_order if later(fact.invalid_at)),
        appeared=tuple(sorted(appeared, key=lambda found: (found.day, found.name))),
    )


def diff(before: Picture, after: Picture) -> Diff:
    """Match facts by the sentence they were read from and the names at their ends; what is left was added or removed.

    Two models may cut and word the same journal differently, so neither uuids nor chunks are compared.
    """
    olds, news = (_by((fact_of(picture, f) for f in picture.in_order), _statement) for picture in (before, after))
    same = 0
    for statement in olds.keys() & news.keys():  # the same sentence may say the same twice
        both = min(len(olds[statement]), len(news[statement]))
        same += both
        del olds[statement][:both], news[statement][:both]
    pairs: list[Changed] = []
    left = _by((fact for facts in news.values() for fact in facts), _sentence_and_ends)
    removed = []
    for fact in (fact for facts in olds.values() for fact in facts):
        twins = left.get(_sentence_and_ends(fact))
        if twins:
            pairs.append(Changed(fact, twins.pop(0)))
        else:
            removed.append(fact)
    added = [fact for facts in left.values() for fact in facts]
    return Diff(same, tuple(_ordered(added)), tuple(_ordered(removed)), tuple(sorted(pairs, key=_when_changed)))


def fact_of(picture: Picture, fact: told.Fact) -> Fact:
    """A fact as every command shows it."""
    return Fact(
        fact=fact.fact,
        source=picture.entity[fact.source].name,
        relation=fact.relation,
        target=picture.entity[fact.target].name,
        valid_at=fact.valid_at.date() if fact.valid_at else None,
        invalid_at=fact.invalid_at.date() if fact.invalid_at else None,
        sources=tuple(_source(picture, span) for span in picture.evidence.get(fact.uuid, [])),
    )


def _ends(fact: told.Fact) -> tuple[tuple[Literal["begins", "ends"], datetime | None], ...]:
    return ("begins", fact.valid_at), ("ends", fact.invalid_at)


def _source(picture: Picture, span: Span) -> Source:
    episode = picture.episode[span.episode]
    place, words = episode.place, " ".join(span.words.split())
    if place is None:
        return Source(None, None, span.start, span.end, words)
    day = episode.chunk.date if episode.chunk else episode.valid_at.date()
    return Source(Path(place.path), day, place.start + span.start, place.start + span.end, words)


def find_entity(picture: Picture, name: str) -> str:
    """The entity of that name or alias, whatever its case; among several the most often named."""
    wanted = name.strip().casefold()
    for names_of in (lambda e: [e.name], lambda e: picture.aliases(e.uuid)):
        found = [e for e in picture.entities if wanted in [n.casefold() for n in names_of(e)]]
        if found:
            return min(
                found, key=lambda e: (e.name != name.strip(), -len(picture.evidence.get(e.uuid, [])), e.uuid)
            ).uuid
    raise no_such_entity(name, sorted({entity.name for entity in picture.entities}))


def _by(facts: Iterable[Fact], key: Callable[[Fact], tuple[object, ...]]) -> dict[tuple[object, ...], list[Fact]]:
    found: dict[tuple[object, ...], list[Fact]] = {}
    for fact in facts:
        found.setdefault(key(fact), []).append(fact)
    return found


def _statement(fact: Fact) -> tuple[object, ...]:
    ends = (fact.source, fact.target, fact.relation, fact.fact)
    return (*_sentence(fact), *(end.casefold() for end in ends), fact.valid_at, fact.invalid_at)


def _sentence_and_ends(fact: Fact) -> tuple[object, ...]:
    return (*_sentence(fact), *sorted((fact.source.casefold(), fact.target.casefold())))


def _sentence(fact: Fact) -> tuple[date | None, str]:
    first = fact.sources[0] if fact.sources else None
    return (first.entry_date, first.words) if first else (fact.valid_at, fact.fact)


def _ordered(facts: Iterable[Fact]) -> list[Fact]:
    return sorted(facts, key=lambda fact: (fact.valid_at or date.min, fact.fact))


def _when_changed(change: Changed) -> tuple[date, str]:
    return change.before.valid_at or date.min, change.before.fact
