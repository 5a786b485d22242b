"""Look into a loaded home: search facts, show an entity, say how things stand. Calls no language model.

Knows the ledger and the graph; writes neither. In: words.  Out: facts with their dates, file and sentence.
"""

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from app.errors import BadInput
from app.graph import query  # first: it silences graphiti
from app.graph.store import GraphStore
from app.ledger.store import Ledger
from app.pipeline.home import Place, ask_graph, check_group, look, open_ledger
from app.pipeline.request import GRAPH_NAME


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact was read: the file as it lies today, the entry's date, the characters and their words."""

    file: Path | None  # None when the text stands in no known file any more
    entry_date: date | None
    start: int
    end: int
    words: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact as it is shown: from when to when, and the sentences it stands on."""

    fact: str
    source: str
    relation: str
    target: str
    valid_at: date | None
    invalid_at: date | None
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class EntityCard:
    """An entity with its facts in the order in which they began, and every place where it is named.

    aliases   other words under which it is named, the most frequent first
    company   those it shares facts with, and how many, the nearest first
    """

    name: str
    type: str
    summary: str
    aliases: tuple[str, ...]
    company: tuple[tuple[str, int], ...]
    facts: tuple[Fact, ...]
    mentions: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """How a home stands."""

    home: Path
    group: str
    files: int
    entries: int
    chunks_planned: int
    chunks_done: int
    chunks_empty: int
    chunks_quarantined: int
    chunks_waiting: int
    entities: int
    facts: int
    facts_ended: int
    quarantined: tuple[str, ...]


def search(place: Place, text: str, *, limit: int = 10, as_of: date | None = None) -> list[Fact]:
    """Facts by words and by meaning, best first; with `as_of` only those that held on that day.

    raises   BadInput for a text without a word, and as `look`
    """
    if not text.strip():
        raise BadInput("the text to search for is empty", hint="give words, a name, or a question")

    async def ask(store: GraphStore, ledger: Ledger) -> list[Fact]:
        hits = await query.search(store, text, limit=limit, as_of=_end_of(as_of))
        return [_fact(hit, ledger) for hit in hits]

    return look(place, ask, needs_embedder=True)


def show(place: Place, name: str, *, as_of: date | None = None) -> EntityCard:
    """Everything the graph holds on one entity; with `as_of` only the facts that held on that day.

    raises   BadInput with near names if there is none
    """

    async def ask(store: GraphStore, ledger: Ledger) -> EntityCard:
        hit = await query.entity(store, name)
        if hit is None:
            raise no_such_entity(name, await query.similar_names(store, name))
        facts = await query.facts_of(store, hit.uuid, as_of=_end_of(as_of))
        others = Counter(end for fact in facts for end in {fact.source, fact.target} if end != hit.name)
        called = Counter(" ".join(mention.words.split()) for mention in hit.mentions)
        kinds = [label for label in hit.labels if label != "Entity"]
        return EntityCard(
            name=hit.name,
            type=kinds[0] if kinds else "Thing",
            summary=hit.summary,
            aliases=tuple(words for words, _ in _most(called) if words.casefold() != hit.name.casefold()),
            company=tuple(_most(others)),
            facts=tuple(_fact(fact, ledger) for fact in facts),
            mentions=tuple(_source(words, ledger) for words in hit.mentions),
        )

    return look(place, ask)


def status(place: Place) -> Status:
    """Counts of the ledger and of the graph; a home whose graph is lost shows an empty one.

    raises   BadInput if nothing was loaded, or nothing for the group that is named
    """

    async def counted(store: GraphStore, _: Ledger) -> query.GraphCounts:
        return await query.counts(store)

    group, home = place.group_name, place.folder
    with open_ledger(home) as ledger:
        check_group(place, ledger)
        held = query.GraphCounts(0, 0, 0, 0, 0)
        if (home / GRAPH_NAME).exists():
            held = ask_graph(place, None, ledger, counted)
        planned = ledger.counts(group)
        reasons = tuple(reason for _, reason in ledger.quarantined(group))
    return Status(
        home, group, planned.files, planned.entries, planned.planned, planned.done, planned.empty,
        planned.quarantined, planned.waiting, held.entities, held.facts, held.ended, reasons,
    )  # fmt: skip


def no_such_entity(name: str, names: Sequence[str]) -> BadInput:
    """The refusal of a name, with those of `names` that are spelt like it."""
    near = difflib.get_close_matches(name, names, n=5, cutoff=0.6)
    hint = f"did you mean {', '.join(near)}?" if near else "search for a part of the name"
    return BadInput(f"the graph knows no {name!r}", hint=hint)


def _end_of(day: date | None) -> datetime | None:
    """The last second of a day: what began on it held, what ended on it did not."""
    return datetime.fromisoformat(f"{day}T23:59:59+00:00") if day else None


def _most(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _fact(hit: query.FactHit, ledger: Ledger) -> Fact:
    return Fact(
        fact=hit.fact,
        source=hit.source,
        relation=hit.relation,
        target=hit.target,
        valid_at=hit.valid_at.date() if hit.valid_at else None,
        invalid_at=hit.invalid_at.date() if hit.invalid_at else None,
        sources=tuple(_source(words, ledger) for words in hit.evidence),
    )


def _source(words: query.Evidence, ledger: Ledger) -> Source:
    placed = ledger.resolve_episode(words.episode_uuid)
    quote = " ".join(words.words.split())
    if placed is None:
        return Source(None, None, words.start, words.end, quote)
    first = placed.span[0]  # evidence counts from the chunk's first character, wherever that stands today
    return Source(placed.path, placed.date, first + words.start, first + words.end, quote)
