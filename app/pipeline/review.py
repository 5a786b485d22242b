"""Look through what was read, thing by thing and fact by fact, and let the owner decide.

Knows the ledger, the graph and the decisions; knows no terminal. In: a Place and decisions.  Out: items to decide on.
"""

import difflib
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Literal, TypeVar

from app.errors import BadInput
from app.graph.carry import read_picture  # first: it silences graphiti
from app.graph.store import GraphStore
from app.graph.unasked import LateEmbedder
from app.journal.sentences import split_sentences
from app.ledger.store import Ledger
from app.picture import Entity, Fact, Label, Picture, Span, Verb
from app.pipeline import decisions
from app.pipeline.home import Place, ask_graph, open_ledger
from app.pipeline.request import GRAPH_NAME
from app.settings import settings

T = TypeVar("T")
_NEAR = 5  # names offered for a merge
_LIKE = 0.5  # from which on a name is like another: shared words, and letters in the same order


@dataclass(frozen=True)
class Item:
    """Something to decide on.

    about       in words: an entity's name and type, or a fact's ends, relation, sentence and dates
    words       the sentence it was read from
    episodes    that tell it, the first one first
    others      (uuid, name) of all entities
    """

    kind: Literal["entity", "fact"]
    uuid: str
    about: dict[str, Any]
    day: date
    words: str
    episodes: tuple[str, ...] = field(default=(), repr=False)
    others: Sequence[tuple[str, str]] = field(default=(), repr=False)

    @cached_property
    def near(self) -> tuple[tuple[str, str], ...]:
        """(uuid, name) of entities it could be merged into, the likeliest first; worked out when looked at."""
        if self.kind == "fact":
            return ()
        name = self.about["name"].casefold()
        parts, like = set(name.split()), difflib.SequenceMatcher(None, "", name)

        def likeness(other: str) -> float:
            other = other.casefold()
            like.set_seq1(other)
            return len(parts & set(other.split())) + like.ratio()

        scored = [(likeness(other), other, uuid) for uuid, other in self.others if uuid != self.uuid]
        likely = sorted((one for one in scored if one[0] > _LIKE), key=lambda one: (-one[0], one[1]))
        return tuple((uuid, other) for _, other, uuid in likely[:_NEAR])


class Review:
    """A home open for deciding."""

    def __init__(self, store: GraphStore, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger

    async def items(self) -> list[Item]:
        """What nobody has decided on yet, text by text: first its people and things, then its facts."""
        judged = {label.target for label in self.labels()}
        picture = await read_picture(self._store)
        return [item for item in _items(picture) if item.uuid not in judged]

    def labels(self) -> list[Label]:
        """Every decision so far, the last one last."""
        return self._ledger.labels.all(self._store.group)

    async def decide(self, item: Item, verb: Verb, **how: str | None) -> Label:
        """Carry a decision out.

        how      date: valid_at, invalid_at (ISO or None); rename: to; merge: into (a name or uuid of an entity)
        raises   BadInput for a decision that does not fit the item, or what it names is not there
        """
        fits = ("accept", "reject", "date") if item.kind == "fact" else ("accept", "reject", "rename", "merge")
        if verb not in fits:
            raise BadInput(f"{verb!r} does not fit {item.kind}", hint=f"choose one of {', '.join(fits)}")
        about = dict(item.about)
        roots: dict[str, tuple[str, ...]] = {uuid: (uuid,) for uuid in item.episodes}
        if item.kind == "entity":
            roots = {item.about["name"]: item.episodes}
        if verb == "date":
            about |= {name: _iso(how[name]) for name in ("valid_at", "invalid_at") if name in how}
            if about["valid_at"] and about["invalid_at"] and about["invalid_at"] < about["valid_at"]:
                raise BadInput(f"it would end on {about['invalid_at']}, before it began", hint="exchange the two days")
        elif verb == "rename":
            about["to"] = (how.get("to") or "").strip()
            if not about["to"]:
                raise BadInput("a new name is needed", hint="give one")
        elif verb == "merge":
            into, name, episodes = await self._named(how.get("into") or "", item)
            about |= {"into": name, "into_uuid": into}
            roots[f"into {name}"] = episodes
        label = Label(verb, item.kind, item.uuid, about, roots)
        return await decisions.decide(self._store, self._ledger, label)

    async def take_back(self) -> Label:
        """Undo the last decision. raises BadInput if there is none, or it cannot be taken back"""
        labels = self.labels()
        if not labels:
            raise BadInput("there is no decision to take back", hint="decide on something first")
        await decisions.take_back(self._store, self._ledger, labels[-1])
        return labels[-1]

    async def _named(self, wanted: str, item: Item) -> tuple[str, str, tuple[str, ...]]:
        picture = await read_picture(self._store)
        found = [e for e in picture.entities if wanted in (e.uuid, e.name) and e.uuid != item.uuid]
        if not found:
            near = ", ".join(name for _, name in item.near)
            raise BadInput(f"the graph has no other {wanted!r}", hint=f"near are {near}" if near else "check the name")
        return found[0].uuid, found[0].name, _mentioning(picture, found[0].uuid)


def review(place: Place, ask: Callable[[Review], Awaitable[T]]) -> T:
    """Open a home for deciding for as long as `ask` takes.

    raises   BadInput if nothing was loaded; HomeBusy if another process holds the home
    """
    with open_ledger(place.folder) as ledger:
        if not (place.folder / GRAPH_NAME).exists():
            raise BadInput(f"{place.folder} has no graph", hint="run load_journals.py again: the ledger builds it")

        def open_embedder() -> Any:
            from app.pipeline import embedding  # late: only a new name needs a vector

            return embedding.open_embedder(place.embedder or settings.MLX_EMBEDDER_NAME, ledger)

        async def run(store: GraphStore, ledger: Ledger) -> T:
            return await ask(Review(store, ledger))

        return ask_graph(place, LateEmbedder(open_embedder), ledger, run)


def as_json(item: Item) -> dict[str, Any]:
    """The item for a program: `uuid` is what a decision names."""
    near = [name for _, name in item.near]
    return {
        "uuid": item.uuid,
        "kind": item.kind,
        "day": item.day.isoformat(),
        **item.about,
        "words": item.words,
        "near": near,
    }


def _items(picture: Picture) -> list[Item]:
    facts = {fact.uuid: fact for fact in picture.facts}
    others = [(entity.uuid, entity.name) for entity in picture.entities]
    mentioning: dict[str, set[str]] = defaultdict(set)
    for mentioned_in, mentioned in picture.mentions:
        mentioning[mentioned].add(mentioned_in)
    by_episode: dict[str, list[Span]] = defaultdict(list)
    for span in sorted(picture.spans, key=lambda span: (span.kind != "mention", span.start)):
        by_episode[span.episode].append(span)
    found: dict[str, Item] = {}
    for episode in sorted(picture.episodes, key=lambda episode: (episode.valid_at, episode.uuid)):
        for span in by_episode[episode.uuid]:
            uuid, day = span.target, episode.valid_at.date()
            if uuid in found:
                continue
            if span.kind == "mention" and uuid in picture.entity:
                about = {"name": picture.entity[uuid].name, "type": picture.entity[uuid].type}
                words = _around(episode.text, span.words)
                found[uuid] = Item("entity", uuid, about, day, words, tuple(sorted(mentioning[uuid])), others)
            elif span.kind == "fact" and uuid in facts:
                found[uuid] = _fact_item(facts[uuid], picture.entity, day, span.words)
    return list(found.values())


def _fact_item(fact: Fact, names: dict[str, Entity], day: date, words: str) -> Item:
    sure = json.loads(fact.attributes or "{}").get("confidence")
    about = {
        "source": names[fact.source].name,
        "target": names[fact.target].name,
        "relation": fact.relation,
        "fact": fact.fact,
        "valid_at": fact.valid_at.date().isoformat() if fact.valid_at else None,
        "invalid_at": fact.invalid_at.date().isoformat() if fact.invalid_at else None,
        "confidence": sure,
    }
    return Item("fact", fact.uuid, about, day, " ".join(words.split()), fact.episodes)


def _mentioning(picture: Picture, entity: str) -> tuple[str, ...]:
    return tuple(sorted({episode for episode, mentioned in picture.mentions if mentioned == entity}))


def _around(text: str, words: str) -> str:
    """The sentence of a text that has these words."""
    spans = split_sentences(text)
    sentence = next((text[a:b] for a, b in spans if words in text[a:b]), words)
    return " ".join(sentence.split())


def _iso(day: str | None) -> str | None:
    if day is None:
        return None
    try:
        return date.fromisoformat(day).isoformat()
    except ValueError:
        raise BadInput(f"{day!r} is no date", hint="write it as YYYY-MM-DD") from None
