"""Texts that people wrote, with the names and facts that people marked in them: what no generator shaped.

Knows the files of tests/gold and of the shared data; knows no model. In: a file.  Out: GoldTexts.

Hand-written entries (ours), Schnitzler's diary (CC BY-SA 4.0), LitBank (CC BY 4.0) and Re-DocRED (MIT).
"""

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from app.journal.chunks import chunk_entry
from app.journal.types import Entry
from app.prompts.library import by_sentence
from training.score import Answer, FactKey

PIECE_CHARS = 1000  # a novel has no entries, so it is cut into pieces as long as one
NO_DAY = date(2000, 1, 1)  # of texts that are no diaries
READER = "The reader"  # whose diary it would be
_DOCRED_TYPES = {"PER": "Person", "LOC": "Place", "ORG": "Organisation", "MISC": "Thing"}  # times, numbers left out
_LITBANK_TYPES = {"PER": "Person", "LOC": "Place", "FAC": "Place", "GPE": "Place", "ORG": "Organisation"}
_SCHNITZLER_TYPES = {"person": "Person", "place": "Place"}


@dataclass(frozen=True, slots=True)
class GoldEntity:
    """A particular and every name the text has for it, the first being the one the facts use."""

    names: tuple[str, ...]
    type: str


@dataclass(frozen=True, slots=True)
class GoldText:
    """One entry and what is true of it; facts are (source, target, relation) by first names."""

    day: date
    language: str
    owner: str
    text: str
    entities: tuple[GoldEntity, ...]
    facts: tuple[FactKey, ...] = ()

    def said_names(self, names: Iterable[str]) -> set[str]:
        """Names as first names; two names of one entity count once, an unknown name stands for itself."""
        return {self._first(name) for name in names}

    def said_facts(self, answer: Answer) -> set[FactKey]:
        """The facts of an answer by first names."""
        stated = (fact for _, fact in by_sentence(answer["edges"]))
        return {(self._first(f["source"]), self._first(f["target"]), f["relation"]) for f in stated}

    def _first(self, name: str) -> str:
        return next((entity.names[0] for entity in self.entities if name in entity.names), name)


def spread(texts: list[GoldText], count: int) -> list[GoldText]:
    """At most `count` of them at equal distances: the same ones every time, from all parts of the set."""
    step = len(texts) / count if len(texts) > count else 1
    return [texts[int(i * step)] for i in range(min(count, len(texts)))]


def handwritten(path: Path) -> list[GoldText]:
    """The 40 entries of tests/gold/handwritten.jsonl."""
    return [
        GoldText(
            date.fromisoformat(row["date"]),
            row["language"],
            row["owner"],
            row["text"],
            tuple(GoldEntity((entity["name"],), entity["type"]) for entity in row["entities"]),
            tuple((fact["source"], fact["target"], fact["relation"]) for fact in row["facts"]),
        )
        for row in _lines(path)
    ]


def schnitzler(path: Path) -> list[GoldText]:
    """Days of Arthur Schnitzler's diary with the persons and places named, each surface form a name."""
    return [
        GoldText(
            date.fromisoformat(row["date"]),
            "de",
            "Arthur Schnitzler",
            row["text"],
            _named((m["text"], _SCHNITZLER_TYPES.get(m["type"])) for m in row["mentions"]),
        )
        for row in _lines(path)
    ]


def litbank(path: Path) -> list[GoldText]:
    """Pieces of novels, tokenised as LitBank has them, with the proper names of people, places and organisations."""
    found = []
    for row in _lines(path):
        mentions = [(m[0], m[1], _LITBANK_TYPES.get(m[2])) for m in row["mentions"] if m[3] == "PROP"]
        novel = Entry(path, NO_DAY, row["text"], 0, len(row["text"]))
        for piece in chunk_entry(novel, max_tokens=PIECE_CHARS, count_tokens=len):
            here = (
                (row["text"][start:end], kind)
                for start, end, kind in mentions
                if piece.start <= start and end <= piece.end
            )
            found.append(GoldText(NO_DAY, "en", READER, piece.text, _named(here)))
    return found


def redocred(path: Path) -> list[GoldText]:
    """First paragraphs of Wikipedia with entities under all their names, and relations between them."""
    found = []
    for row in _lines(path):
        entities = {
            e["id"]: GoldEntity(tuple(_one_line(n) for n in e["names"]), _DOCRED_TYPES[e["type"]])
            for e in row["entities"]
            if e["type"] in _DOCRED_TYPES
        }
        facts = tuple(
            (entities[r["h"]].names[0], entities[r["t"]].names[0], r["r"])
            for r in row["relations"]
            if r["h"] in entities and r["t"] in entities
        )
        found.append(GoldText(NO_DAY, "en", READER, row["text"], tuple(entities.values()), facts))
    return found


def _named(mentions: Iterable[tuple[str, str | None]]) -> tuple[GoldEntity, ...]:
    """Each name once, with the type it has first; mentions without a type of ours are left out."""
    names: dict[str, str] = {}
    for text, kind in mentions:
        if kind is not None:
            names.setdefault(_one_line(text), kind)
    return tuple(GoldEntity((name,), kind) for name, kind in names.items())


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    yield from map(json.loads, text.split("\n")[:-1])  # not splitlines: a text may hold other line ends
