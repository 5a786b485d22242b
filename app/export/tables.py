"""CSV: four tables that join on their first column's ids.

Knows pictures; knows no database. In: a Picture.  Out: entities.csv, facts.csv, sentences.csv, entries.csv, in UTF-8
with a byte order mark, because spreadsheets guess wrongly without one. A text that a spreadsheet would calculate begins
with an apostrophe (https://owasp.org/www-community/attacks/CSV_Injection).
"""

import csv
import io
from collections.abc import Iterable, Sequence

from app.picture import Picture


def write(picture: Picture) -> dict[str, str]:
    """The tables by file name; days are ISO, an open end is empty."""
    facts = [
        (
            fact.uuid, fact.fact, fact.relation, fact.source, picture.entity[fact.source].name, fact.target,
            picture.entity[fact.target].name, fact.valid_at.date() if fact.valid_at else "",
            fact.invalid_at.date() if fact.invalid_at else "",
        )
        for fact in picture.in_order
    ]  # fmt: skip
    sentences = dict.fromkeys(  # each once, though two facts of it may have ended the same one
        (uuid, span.kind, span.episode, span.start, span.end, span.words)
        for found in (picture.evidence, picture.endings)
        for uuid, spans in found.items()
        for span in spans
    )
    return {
        "entities.csv": _table(
            ("entity", "name", "type", "summary", "aliases"),
            ((e.uuid, e.name, e.type, e.summary, "; ".join(picture.aliases(e.uuid))) for e in picture.entities),
        ),
        "facts.csv": _table(
            ("fact", "text", "relation", "source", "source_name", "target", "target_name", "valid_from", "valid_to"),
            facts,
        ),
        "sentences.csv": _table(("of", "kind", "entry", "start", "end", "words"), sentences),
        "entries.csv": _table(
            ("entry", "date", "file", "start", "end", "text"),
            (
                (
                    e.uuid,
                    e.valid_at.date(),
                    *((e.place.path, e.place.start, e.place.end) if e.place else ("", "", "")),
                    e.text,
                )
                for e in sorted(picture.episodes, key=lambda e: (e.valid_at, e.uuid))
            ),
        ),
    }


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_MINIMAL)
    writer.writerow(head)
    writer.writerows(map(_inert, row) for row in rows)
    return "\ufeff" + out.getvalue()


def _inert(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
