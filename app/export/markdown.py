"""A vault for Obsidian: one note an entity and one an entry, linked both ways, with front matter.

Knows pictures and Markdown; knows no database. In: a Picture.  Out: notes by path.
"""

import json
from datetime import datetime

from app.export.names import FileNames
from app.picture import Episode, Fact, Picture, Span

_FOLDERS = {
    "Person": "People",
    "Place": "Places",
    "Organisation": "Organisations",
    "Work": "Works",
    "Project": "Projects",
}


def write(picture: Picture) -> dict[str, str]:
    """Notes by path: People/Clara Weiss.md, Journal/1912-05-03.md, and an index."""
    return _Vault(picture).notes()


class _Vault:
    """The notes of one picture; a link needs a name that is unique in the whole vault."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        files = FileNames()
        files.name("Index")
        self._entries = sorted(picture.episodes, key=lambda e: (e.valid_at, e.uuid))
        self._note = {episode.uuid: files.name(episode.valid_at.date().isoformat()) for episode in self._entries}
        self._note |= {entity.uuid: files.name(entity.name) for entity in picture.entities}
        self._named: dict[str, list[str]] = {}
        for episode, entity in picture.mentions:
            self._named.setdefault(episode, []).append(entity)

    def notes(self) -> dict[str, str]:
        notes = {f"Journal/{self._note[e.uuid]}.md": self._entry(e) for e in self._entries}
        for entity in self._picture.entities:
            folder = _FOLDERS.get(entity.type, "Things")
            notes[f"{folder}/{self._note[entity.uuid]}.md"] = self._entity(entity.uuid)
        return {"Index.md": self._index(), **dict(sorted(notes.items()))}

    def _entity(self, uuid: str) -> str:
        entity, facts = self._picture.entity[uuid], self._picture.facts_of.get(uuid, [])
        mentions = [span for span in self._picture.evidence.get(uuid, []) if span.kind == "mention"]
        parts = [
            _front_matter(
                type=entity.type, aliases=[entity.name, *self._picture.aliases(uuid)], mentions=len(mentions)
            ),
            f"# {_line(entity.name)}",
            entity.summary.strip(),
        ]
        for title, chosen in (
            ("Facts", [f for f in facts if not f.invalid_at]),
            ("No longer true", [f for f in facts if f.invalid_at]),
        ):
            if chosen:
                parts.append("\n".join([f"## {title}", "", *(self._fact(fact) for fact in chosen)]))
        if company := self._picture.company(uuid):
            parts.append("\n".join(["## Told of with", "", *(f"- {self._link(other)} ({n})" for other, n in company)]))
        if mentions:
            entries = dict.fromkeys(span.episode for span in mentions)
            parts.append("\n".join(["## Named in", "", *(f"- [[{self._note[episode]}]]" for episode in entries)]))
        return _join(parts)

    def _fact(self, fact: Fact) -> str:
        ends = " · ".join(self._link(end) for end in dict.fromkeys((fact.source, fact.target)))
        lines = [f"- {_line(fact.fact)} *({_when(fact)})* {ends}"]
        lines += [self._quote(span) for span in self._picture.evidence.get(fact.uuid, [])]
        return "\n".join(lines)

    def _quote(self, span: Span) -> str:
        return f"  - “{_line(span.words)}” [[{self._note[span.episode]}]]"

    def _entry(self, episode: Episode) -> str:
        place, chunk = episode.place, episode.chunk
        named = sorted((self._picture.entity[uuid].name, uuid) for uuid in set(self._named.get(episode.uuid, [])))
        parts = [
            _front_matter(
                date=episode.valid_at.date().isoformat(),
                file=place.path if place else None,
                title=chunk.title if chunk else None,
            ),
            episode.text.strip(),
            "\n".join(["## Named here", "", *(f"- {self._link(uuid)}" for _, uuid in named)]) if named else "",
        ]
        return _join(parts)

    def _index(self) -> str:
        picture = self._picture
        often = sorted(picture.entities, key=lambda e: (-len(picture.evidence.get(e.uuid, [])), e.name, e.uuid))[:50]
        counts = f"{len(self._entries)} texts, {len(picture.entities)} people and things, {len(picture.facts)} facts."
        return _join(
            ["# Daybook", counts, "\n".join(["## Most often named", "", *(f"- {self._link(e.uuid)}" for e in often)])]
        )

    def _link(self, uuid: str) -> str:
        note, name = self._note[uuid], _line(self._picture.entity[uuid].name)
        shown = name.replace("[", "(").replace("]", ")").replace("|", "/")
        return f"[[{note}]]" if shown == note else f"[[{note}|{shown}]]"


def _front_matter(**fields: object) -> str:
    # JSON is YAML, and quotes what YAML would read as something else.
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items() if value is not None]
    return "\n".join(["---", *lines, "---"])


def _when(fact: Fact) -> str:
    since, until = _day(fact.valid_at), _day(fact.invalid_at)
    return (
        f"{since} to {until}"
        if since and until
        else f"until {until}"
        if until
        else f"since {since}"
        if since
        else "undated"
    )


def _day(moment: datetime | None) -> str:
    return moment.date().isoformat() if moment else ""


def _line(text: str) -> str:
    return " ".join(text.split())


def _join(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
