"""JSON-LD, the one format that keeps everything: what is written here is read back as the equal picture.

Knows pictures and JSON; knows no database. In: a Picture, or such a text.  Out: the text, or the Picture.

The context maps the keys to schema.org where it has a word for them and to `urn:daybook:` where it has none.
"""

import json
from datetime import date, datetime
from typing import Any, get_args

from app.errors import BadInput
from app.picture import ChunkRecord, Entity, Episode, Fact, JournalFile, Kind, Label, Picture, Place, Span, Verb

FORMAT = "urn:daybook:export:1"
_UUID = "urn:uuid:"

_DAY = "urn:daybook:"
_LINK = {"@type": "@id"}
CONTEXT: dict[str, Any] = {
    "@version": 1.1,
    "@vocab": _DAY,
    "schema": "https://schema.org/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "id": "@id",
    "type": "@type",
    "name": "schema:name",
    "summary": "schema:description",
    "text": "schema:text",
    "source": {"@id": f"{_DAY}source", **_LINK},
    "target": {"@id": f"{_DAY}target", **_LINK},
    "of": {"@id": f"{_DAY}of", **_LINK},
    "entry": {"@id": f"{_DAY}entry", **_LINK},
    "toldIn": {"@id": f"{_DAY}toldIn", "@container": "@list", **_LINK},
    "tells": {"@id": f"{_DAY}tells", "@container": "@list", **_LINK},
    "names": {"@id": f"{_DAY}names", "@container": "@set", **_LINK},
    "decided": {"@id": f"{_DAY}decided", "@type": "@json"},
    "standsOn": {"@id": f"{_DAY}standsOn", "@type": "@json"},
    "undo": {"@id": f"{_DAY}undo", "@type": "@json"},
    "validFrom": {"@id": "schema:validFrom", "@type": "xsd:dateTime"},
    "validThrough": {"@id": "schema:validThrough", "@type": "xsd:dateTime"},
    "writtenOn": {"@id": "schema:dateCreated", "@type": "xsd:dateTime"},
}
_SCHEMA_TYPES = {
    "Person": "schema:Person",
    "Place": "schema:Place",
    "Organisation": "schema:Organization",
    "Work": "schema:CreativeWork",
    "Project": "schema:Project",
}


def write(picture: Picture) -> str:
    """The whole picture as one JSON-LD document, a node a line."""
    names: dict[str, list[str]] = {}
    for episode, entity in picture.mentions:
        names.setdefault(episode, []).append(_id(entity))
    nodes = [
        {"type": "Journal", "format": FORMAT, "group": picture.group},
        *({"type": "File", **_plain(file)} for file in picture.files),
        *(_entity(entity) for entity in picture.entities),
        *(_episode(episode, names.get(episode.uuid, [])) for episode in picture.episodes),
        *(_fact(fact) for fact in picture.facts),
        *(_span(span) for span in picture.spans),
        *(_label(label) for label in picture.labels),
    ]
    lines = ",\n".join(json.dumps(node, ensure_ascii=False) for node in nodes)
    return f'{{"@context": {json.dumps(CONTEXT)},\n"@graph": [\n{lines}\n]}}\n'


def read(text: str, name: str = "this file") -> Picture:
    """The picture that `write` wrote.

    raises   BadInput naming `name` if the text is not one of ours, or not whole
    """
    try:
        nodes = json.loads(text)["@graph"]
        head = next(node for node in nodes if node["type"] == "Journal")
        if head["format"] != FORMAT:
            raise BadInput(f"{name} has the format {head['format']!r}, this Daybook reads {FORMAT!r}")
        kinds: dict[str, list[dict[str, Any]]] = {}
        for node in nodes:
            kinds.setdefault(node["type"][0] if isinstance(node["type"], list) else node["type"], []).append(node)
        picture = Picture(
            group=str(head["group"]),
            entities=tuple(sorted(map(_read_entity, kinds.get("Entity", [])), key=lambda e: e.uuid)),
            facts=tuple(sorted(map(_read_fact, kinds.get("Fact", [])), key=lambda f: f.uuid)),
            episodes=tuple(sorted(map(_read_episode, kinds.get("Text", [])), key=lambda e: e.uuid)),
            mentions=tuple(
                sorted((_uuid(n["id"]), _uuid(entity)) for n in kinds.get("Text", []) for entity in n["names"])
            ),
            spans=tuple(sorted(map(_read_span, kinds.get("Span", [])), key=lambda s: s.uuid)),
            files=tuple(JournalFile(n["path"], n["sha256"], n["bytes"], n["encoding"]) for n in kinds.get("File", [])),
            labels=tuple(map(_read_label, kinds.get("Decision", []))),
        )
    except (KeyError, TypeError, ValueError, StopIteration, AttributeError):
        hint = "only what `python -m app export jsonld` wrote can be read"
        raise BadInput(f"{name} is not an export of Daybook", hint=hint) from None
    _check(picture, name)
    return picture


def _check(picture: Picture, name: str) -> None:
    """Every reference leads somewhere: a file that was cut short or edited is refused as a whole."""
    known = picture.entity.keys() | picture.episode.keys() | {fact.uuid for fact in picture.facts}
    named = {end for fact in picture.facts for end in (fact.source, fact.target)}
    named |= {uuid for pair in picture.mentions for uuid in pair} | {span.episode for span in picture.spans}
    read = {episode.uuid for episode in picture.episodes if episode.chunk}
    told = {uuid for label in picture.labels for episodes in label.roots.values() for uuid in episodes}
    if lost := (named - known) | (told - read):
        raise BadInput(
            f"{name} is not whole: it speaks of {len(lost)} things that it does not hold", hint="export again"
        )


def _entity(entity: Entity) -> dict[str, Any]:
    types = ["Entity", *(_SCHEMA_TYPES[label] for label in entity.labels if label in _SCHEMA_TYPES)]
    labels, summary, attributes = list(entity.labels), entity.summary, entity.attributes
    told = {"name": entity.name, "labels": labels, "summary": summary, "attributes": attributes}
    return {"id": _id(entity.uuid), "type": types, **told}


def _read_entity(node: dict[str, Any]) -> Entity:
    return Entity(_uuid(node["id"]), node["name"], tuple(node["labels"]), node["summary"], node["attributes"])


def _fact(fact: Fact) -> dict[str, Any]:
    return {
        "id": _id(fact.uuid),
        "type": "Fact",
        "text": fact.fact,
        "relation": fact.relation,
        "source": _id(fact.source),
        "target": _id(fact.target),
        "validFrom": _instant(fact.valid_at),
        "validThrough": _instant(fact.invalid_at),
        "reference": _instant(fact.reference_time),
        "toldIn": [_id(uuid) for uuid in fact.episodes],
        "attributes": fact.attributes,
    }


def _read_fact(node: dict[str, Any]) -> Fact:
    return Fact(
        uuid=_uuid(node["id"]),
        fact=node["text"],
        relation=node["relation"],
        source=_uuid(node["source"]),
        target=_uuid(node["target"]),
        valid_at=_read_instant(node["validFrom"]),
        invalid_at=_read_instant(node["validThrough"]),
        reference_time=_read_instant(node["reference"]),
        episodes=tuple(_uuid(uuid) for uuid in node["toldIn"]),
        attributes=node["attributes"],
    )


def _episode(episode: Episode, names: list[str]) -> dict[str, Any]:
    return {
        "id": _id(episode.uuid),
        "type": "Text",
        "name": episode.name,
        "writtenOn": _instant(episode.valid_at),
        "text": episode.text,
        "names": names,
        "tells": [_id(uuid) for uuid in episode.facts],
        "kind": episode.source,
        "about": episode.about,
        "outcome": list(episode.outcome) if episode.outcome else None,
        "ledger": _plain(episode.chunk) if episode.chunk else None,
    }


def _read_episode(node: dict[str, Any]) -> Episode:
    written, chunk = _read_instant(node["writtenOn"]), node["ledger"]
    if written is None:
        raise ValueError("a text without a day")
    return Episode(
        uuid=_uuid(node["id"]),
        name=node["name"],
        text=node["text"],
        source=node["kind"],
        about=node["about"],
        valid_at=written,
        facts=tuple(_uuid(uuid) for uuid in node["tells"]),
        outcome=(node["outcome"][0], node["outcome"][1], node["outcome"][2]) if node["outcome"] else None,
        chunk=_read_chunk(chunk) if chunk else None,
    )


def _read_chunk(told: dict[str, Any]) -> ChunkRecord:
    places = tuple(Place(place["path"], place["start"], place["end"]) for place in told["places"])
    return ChunkRecord(**{**told, "date": date.fromisoformat(told["date"]), "places": places})


def _span(span: Span) -> dict[str, Any]:
    place = {"start": span.start, "end": span.end, "words": span.words}
    return {
        "id": _id(span.uuid),
        "type": "Span",
        "of": _id(span.target),
        "entry": _id(span.episode),
        "role": span.kind,
        **place,
    }


def _read_span(node: dict[str, Any]) -> Span:
    return Span(
        _uuid(node["id"]),
        _uuid(node["of"]),
        _uuid(node["entry"]),
        node["role"],
        node["start"],
        node["end"],
        node["words"],
    )


def _label(label: Label) -> dict[str, Any]:
    return {
        "type": "Decision",
        "of": _id(label.target),
        "kind": label.kind,
        "verb": label.verb,
        "decided": label.about,
        "standsOn": label.roots,
        "undo": label.undo,
        "place": label.place,
    }


def _read_label(node: dict[str, Any]) -> Label:
    if node["verb"] not in get_args(Verb) or node["kind"] not in get_args(Kind):
        raise ValueError("no such decision")
    return Label(
        verb=node["verb"],
        kind=node["kind"],
        target=_uuid(node["of"]),
        about=node["decided"],
        roots={name: tuple(episodes) for name, episodes in node["standsOn"].items()},
        undo=node["undo"],
        place=node["place"],
    )


def _plain(record: Any) -> dict[str, Any]:
    """A record's fields as JSON values."""
    values = {name: getattr(record, name) for name in record.__slots__}
    return {
        name: value.isoformat()
        if isinstance(value, date)
        else [_plain(item) for item in value]
        if isinstance(value, tuple)
        else value
        for name, value in values.items()
    }


def _id(uuid: str) -> str:
    return f"{_UUID}{uuid}"


def _uuid(name: str) -> str:
    if not name.startswith(_UUID):
        raise ValueError("not one of our names")
    return name.removeprefix(_UUID)


def _instant(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _read_instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
