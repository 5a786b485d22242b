"""What the page knows, as JSON values: entities, facts, entries, and which characters stand for what.

Knows pictures; knows no HTML. In: a Picture.  Out: a dict of plain values whose cross-references are list indices.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import combinations
from pathlib import PurePath
from typing import Any

from app.picture import Episode, Picture, find_words
from app.view.layout import positions

_TOGETHER = 12  # entities of one text beyond which being named together says nothing
_WEAK = 0.15  # pull between two that are only named together, beside 1 for each fact


def page_data(picture: Picture) -> dict[str, Any]:
    """The graph as the page reads it.

    entities   name, type, summary, aliases, x and y in the unit disc, mentions (how many)
    facts      fact, relation, source and target (indices), from and to (ISO days or null)
    entries    date, title, file, text, and marks: [start, end, kind, index] in code points of the text; the kind is
               "fact" or "ending" with the index of a fact, or "mention" with the index of an entity
    """
    entities = sorted(picture.entities, key=lambda e: (-len(picture.evidence.get(e.uuid, [])), e.name, e.uuid))
    number = {entity.uuid: index for index, entity in enumerate(entities)}
    facts = picture.in_order
    number |= {fact.uuid: index for index, fact in enumerate(facts)}
    at = positions(len(entities), _edges(picture, number))
    return {
        "group": picture.group,
        "entities": [
            {
                "name": entity.name,
                "type": entity.type,
                "summary": entity.summary,
                "aliases": picture.aliases(entity.uuid)[:12],
                "mentions": len(picture.evidence.get(entity.uuid, [])),
                "x": round(float(x), 4),
                "y": round(float(y), 4),
            }
            for entity, (x, y) in zip(entities, at, strict=True)
        ],
        "facts": [
            {
                "fact": fact.fact,
                "relation": fact.relation,
                "source": number[fact.source],
                "target": number[fact.target],
                "from": _day(fact.valid_at),
                "to": _day(fact.invalid_at),
            }
            for fact in facts
        ],
        "entries": _entries(picture, number),
    }


def _edges(picture: Picture, number: dict[str, int]) -> dict[tuple[int, int], float]:
    weights: Counter[tuple[int, int]] = Counter()
    edges: dict[tuple[int, int], float] = defaultdict(float)
    for fact in picture.facts:
        weights[_pair(number[fact.source], number[fact.target])] += 1
    for pair, facts in weights.items():
        edges[pair] += facts**0.5
    together: dict[str, list[int]] = defaultdict(list)
    for episode, entity in picture.mentions:
        together[episode].append(number[entity])
    for named in together.values():
        if len(named) <= _TOGETHER:
            for a, b in combinations(sorted(set(named)), 2):
                edges[a, b] += _WEAK
    return edges


def _pair(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a <= b else (b, a)


def _entries(picture: Picture, number: dict[str, int]) -> list[dict[str, Any]]:
    """Entries by date, each of its chunks' texts put together again."""
    marks: dict[str, list[list[Any]]] = defaultdict(list)
    for span in picture.spans:
        if span.target in number:
            start, end = find_words(picture.episode[span.episode].text, span)
            mark = [start, end, span.kind, number[span.target]]
            if start < end and mark not in marks[span.episode]:  # two facts of a sentence may have ended the same one
                marks[span.episode].append(mark)
    entries = []
    for episodes in _by_entry(picture.episodes):
        first, text, placed = episodes[0], "", []
        for episode in episodes:
            placed += [[start + len(text), end + len(text), *what] for start, end, *what in marks[episode.uuid]]
            text += episode.text
        lead = len(text) - len(text.lstrip())
        text, place = text.strip(), first.place
        entries.append(
            {
                "date": (first.chunk.date if first.chunk else first.valid_at.date()).isoformat(),
                "title": first.chunk.title if first.chunk else "",
                "file": PurePath(place.path).name if place else None,
                "text": text,
                "marks": sorted(
                    [max(start - lead, 0), min(end - lead, len(text)), *what] for start, end, *what in placed
                ),
            }
        )
    return entries


def _by_entry(episodes: Iterable[Episode]) -> list[Sequence[Episode]]:
    """Chunks of one entry together, in order; entries in order of time."""
    entries: dict[str, list[Episode]] = defaultdict(list)
    for episode in episodes:
        entries[episode.chunk.entry_id if episode.chunk else episode.uuid].append(episode)
    for chunks in entries.values():
        chunks.sort(key=lambda e: (e.chunk.index if e.chunk else 0, e.valid_at, e.uuid))
    return sorted(entries.values(), key=lambda chunks: (chunks[0].valid_at, chunks[0].uuid))


def _day(moment: datetime | None) -> str | None:
    return moment.date().isoformat() if isinstance(moment, datetime) else None
