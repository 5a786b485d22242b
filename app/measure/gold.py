"""Texts in which people marked names and facts, read from our own JSONL and from four public sets.

Knows the files; knows no model and no graph. In: a path.  Out: GoldTexts, each saying what was marked in it.

Own format: one JSON object a line: `date`, `text`, and any of `id`, `language`, `owner`, `world`,
`entities` [{`name`, `type`, `also` [names]}], `facts` [{`source`, `target`, `relation`, `fact`, `valid_at`,
`invalid_at`}], `mentions` [{`start`, `end`, `name`, `type`, `identity`}]; offsets are half-open characters of `text`.
"""

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from app.errors import BadInput
from app.journal.chunks import chunk_entry
from app.journal.types import Entry

NO_DAY = date(2000, 1, 1)  # of texts that are no diaries
READER = "The reader"  # whose diary it would be
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class GoldMention:
    """Characters that name something; `identity` is the same for everything that names the same."""

    start: int
    end: int
    name: str
    type: str | None
    identity: str | None = None


@dataclass(frozen=True, slots=True)
class GoldEntity:
    """A particular and every name the text has for it, the first being the one the facts use."""

    names: tuple[str, ...]
    type: str | None


@dataclass(frozen=True, slots=True)
class GoldFact:
    """A fact by first names; a date of None was not marked, or is open."""

    source: str
    target: str
    relation: str
    fact: str = ""
    valid_at: date | None = None
    invalid_at: date | None = None


@dataclass(frozen=True, slots=True)
class GoldText:
    """One text and what people marked in it.

    world        texts of one world speak of the same people; each world is read into a graph of its own
    mentions     empty where only names are known
    facts        None where no facts were marked
    is_dated     whether the facts carry marked dates
    types        the kinds that were marked; None: all
    identities   whether mentions of the same particular carry the same identity
    names_whole  whether every name was marked, so that another one is wrong; otherwise only recall means something
    """

    id: str
    world: str
    day: date
    owner: str
    text: str
    entities: tuple[GoldEntity, ...]
    mentions: tuple[GoldMention, ...] = ()
    facts: tuple[GoldFact, ...] | None = None
    is_dated: bool = False
    types: frozenset[str] | None = None
    identities: bool = False
    names_whole: bool = True

    def first_name(self, name: str) -> str:
        """The name the facts use for what is called so here; an unknown name stands for itself."""
        return next((entity.names[0] for entity in self.entities if name in entity.names), name)


def read_gold(path: Path) -> list[GoldText]:
    """The texts of one file (`.jsonl` or `.jsonl.gz`), in its order; the format is seen from its first line.

    raises  BadInput naming the line that cannot be used
    """
    rows = list(_lines(path))
    if not rows:
        raise BadInput(f"{path} holds no text", hint="give a JSONL file of texts with gold labels")
    reader = _reader_of(rows[0][1], path)
    found: list[GoldText] = []
    for number, row in rows:
        try:
            found += reader(row, number)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            problem = f"{type(error).__name__}: {error}".splitlines()[0]
            raise BadInput(f"{path}:{number} cannot be read as gold ({problem})", hint=_OWN) from error
    return found


def spread(texts: list[GoldText], count: int | None) -> list[GoldText]:
    """At most `count` of them at equal distances: the same ones every time, from all parts of the set."""
    if count is None or count >= len(texts):
        return texts
    step = len(texts) / count
    return [texts[int(i * step)] for i in range(count)]


_OWN = 'each line needs "date" and "text", and "entities" or "facts"; see `python -m app evaluate --help`'
_DOCRED_TYPES = {"PER": "Person", "LOC": "Place", "ORG": "Organisation", "MISC": "Thing"}  # times, numbers left out
_LITBANK_TYPES = {"PER": "Person", "LOC": "Place", "FAC": "Place", "GPE": "Place", "ORG": "Organisation"}
_SCHNITZLER_TYPES = {"person": "Person", "place": "Place", "work": "Work"}
PIECE_CHARS = 1000  # a novel has no entries, so it is cut between paragraphs or sentences into pieces as long as one


def _reader_of(row: Row, path: Path) -> Callable[[Row, int], list[GoldText]]:
    if "copula_apposition" in row:
        return _litbank
    if "relations" in row and "entities" in row:
        return _redocred
    if "triples" in row:
        return _text2kg
    if "mentions" in row and "source" in row and "title" in row:
        return _schnitzler
    if "date" in row and "text" in row and row.keys() & {"entities", "facts", "mentions"}:
        return _own
    raise BadInput(f"{path} has no gold for entities or facts in its first line", hint=_OWN)


def _own(row: Row, number: int) -> list[GoldText]:
    entities = tuple(
        GoldEntity((_one_line(e["name"]), *map(_one_line, e.get("also", ()))), e.get("type"))
        for e in row.get("entities", ())
    )
    mentions = tuple(
        GoldMention(m["start"], m["end"], m["name"], m.get("type"), m.get("identity")) for m in row.get("mentions", ())
    )
    facts = tuple(
        GoldFact(
            f["source"],
            f["target"],
            f["relation"],
            f.get("fact", ""),
            _day(f.get("valid_at")),
            _day(f.get("invalid_at")),
        )
        for f in row.get("facts", ())
    )
    label = str(row.get("id", number))
    return [
        GoldText(
            label, str(row.get("world", label)), date.fromisoformat(row["date"]), row.get("owner", READER), row["text"],
            entities or _named(mentions), mentions, facts if "facts" in row else None,
            is_dated=any("valid_at" in f for f in row.get("facts", ())),
            identities=any(m.identity is not None for m in mentions),
        )
    ]  # fmt: skip


def _schnitzler(row: Row, _: int) -> list[GoldText]:
    mentions = tuple(
        GoldMention(m["start"], m["end"], _one_line(m["text"]), kind, m.get("ref"))
        for m in row["mentions"]
        if (kind := _SCHNITZLER_TYPES.get(m["type"]))
    )
    day = date.fromisoformat(row["date"])
    kinds = frozenset(_SCHNITZLER_TYPES.values())
    return [
        GoldText(
            row["id"], "Schnitzler", day, "Arthur Schnitzler", row["text"], _named(mentions), mentions,
            types=kinds, identities=True,
        )
    ]  # fmt: skip


def _litbank(row: Row, _: int) -> list[GoldText]:
    text, kinds = row["text"], frozenset(_LITBANK_TYPES.values())
    proper = [m for m in row["mentions"] if m[3] == "PROP" and m[2] in _LITBANK_TYPES]
    found = []
    novel = Entry(Path(), NO_DAY, text, 0, len(text))
    for piece in chunk_entry(novel, max_tokens=PIECE_CHARS, count_tokens=len):
        start, end = piece.start, piece.end
        here = tuple(
            GoldMention(a - start, b - start, _one_line(text[a:b]), _LITBANK_TYPES[kind], identity)
            for a, b, kind, _, identity in proper
            if start <= a and b <= end
        )
        label = f"{row['id']}:{start}"
        found.append(
            GoldText(
                label, row["id"], NO_DAY, READER, text[start:end], _named(here), here, types=kinds, identities=True
            )
        )
    return found


def _redocred(row: Row, _: int) -> list[GoldText]:
    known = {
        e["id"]: GoldEntity(tuple(map(_one_line, e["names"])), _DOCRED_TYPES[e["type"]])
        for e in row["entities"]
        if e["type"] in _DOCRED_TYPES
    }
    mentions = tuple(
        GoldMention(start, end, _one_line(row["text"][start:end]), known[e["id"]].type, str(e["id"]))
        for e in row["entities"]
        if e["id"] in known
        for start, end in e["spans"]
    )
    facts = tuple(
        GoldFact(known[r["h"]].names[0], known[r["t"]].names[0], r["r"])
        for r in row["relations"]
        if r["h"] in known and r["t"] in known
    )
    kinds = frozenset(_DOCRED_TYPES.values())
    return [
        GoldText(
            row["id"], row["id"], NO_DAY, READER, row["text"], tuple(known.values()), mentions, facts,
            types=kinds, identities=True,
        )
    ]  # fmt: skip


def _text2kg(row: Row, _: int) -> list[GoldText]:
    facts = tuple(GoldFact(_one_line(t["sub"]), _one_line(t["obj"]), t["rel"]) for t in row["triples"])
    # An object may be a number or a date, which no entity is; a name counts where the sentence has it.
    names = dict.fromkeys(name for f in facts for name in (f.source, f.target) if name in row["text"])
    entities = tuple(GoldEntity((name,), None) for name in names)
    return [GoldText(row["id"], row["id"], NO_DAY, READER, row["text"], entities, (), facts, names_whole=False)]


def _named(mentions: Iterable[GoldMention]) -> tuple[GoldEntity, ...]:
    """Each particular once, with all its names; without an identity a name is one."""
    names: dict[str, dict[str, None]] = {}
    kinds: dict[str, str | None] = {}
    for mention in mentions:
        key = mention.identity or mention.name
        names.setdefault(key, {}).setdefault(mention.name)
        kinds.setdefault(key, mention.type)
    return tuple(GoldEntity(tuple(names[key]), kinds[key]) for key in names)


def _day(value: str | None) -> date | None:
    return date.fromisoformat(value[:10]) if value else None


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _lines(path: Path) -> Iterator[tuple[int, Row]]:
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    except (OSError, UnicodeDecodeError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no UTF-8 text"
        raise BadInput(f"{path} cannot be read: {reason}", hint="give a JSONL file, also as .jsonl.gz") from error
    for number, line in enumerate(text.split("\n"), 1):  # not splitlines: a text may hold other line ends
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise BadInput(f"{path}:{number} is not JSON", hint=_OWN) from error
            if not isinstance(row, dict):
                raise BadInput(f"{path}:{number} is not a JSON object", hint=_OWN)
            yield number, row
