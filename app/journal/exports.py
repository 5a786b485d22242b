"""JSON exports of Day One and jrnl: entries whose text is escaped in the file, with the place of every character.

Knows the two JSON shapes and Day One's Markdown escapes; knows no other format.
In: the text of one JSON file.  Out: entries with offsets, and furniture.
"""

import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any  # JSON: anything until it is looked at
from zoneinfo import ZoneInfo

from app.errors import BadJournal
from app.journal.headings import find_headings
from app.journal.prose import ink
from app.journal.types import Entry, Labelled, OffsetMap

Members = dict[str, tuple[int, Any]]  # of a JSON object: where a value begins, and the value

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING_PIECE = re.compile(r'[^"\\]+|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.')
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")  # what a backslash escapes in Markdown
_MARKDOWN_TITLE = re.compile(r"#{1,6}[ \t]+(?P<title>[^\r\n]+)")
_MAX_TITLE_CHARS = 200  # of an entry, in which a heading that repeats its date is looked for
_HINT = "the JSON exports of Day One and jrnl are known"
_decode = json.JSONDecoder().raw_decode


def read_export(text: str, path: Path) -> tuple[list[Entry], list[Labelled]]:
    """Entries of a Day One or jrnl export; an entry without text (a photo) gives none.

    raises   BadJournal for what is no JSON (with its place), for other JSON, and for an entry without a date
    """
    root = _skip_space(text, int(text.startswith("\ufeff")))
    try:
        document, end = _decode(text, root)
        if (end := _skip_space(text, end)) < len(text):
            raise json.JSONDecodeError("more text after the end", text, end)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadJournal(f"{path}: {where} is not JSON: {error.msg}", hint=_HINT) from error
    except (RecursionError, ValueError) as error:  # 100,000 nested lists; a number of 5,000 digits
        raise BadJournal(f"{path}: this JSON cannot be read ({type(error).__name__})", hint=_HINT) from error
    if not (isinstance(document, dict) and isinstance(document.get("entries"), list)):
        raise BadJournal(f"{path}: this JSON has no list of entries", hint=_HINT)
    entries_at, _ = _members(text, root)["entries"]
    entries: list[Entry] = []
    furniture: list[Labelled] = []
    for number, (_, at, value) in enumerate(_parts(text, entries_at), 1):
        members = _members(text, at) if isinstance(value, dict) else {}
        is_day_one = "creationDate" in members
        day = _day_one_date(members) if is_day_one else _iso_date(members)
        if day is None:
            raise BadJournal(f"{path}: entry {number} has no date that can be read", hint=_HINT)
        content, offsets = _content(text, _strings(members, is_day_one), is_day_one)
        _add_entry(content, offsets, path, day, entries, furniture)
    return entries, furniture


def _add_entry(
    content: str, offsets: OffsetMap, path: Path, day: date, entries: list[Entry], furniture: list[Labelled]
) -> None:
    """The entry without the heading that repeats its date, and without the white space around it."""
    heading = next(iter(find_headings(content[:_MAX_TITLE_CHARS])), None)
    start = 0
    if heading and heading.date == day and not content[: heading.start].strip():
        start = heading.end
        furniture.append(((offsets.to_file(heading.start), offsets.to_file(heading.end)), "heading"))
    if span := ink(content, start, len(content)):
        titled = _MARKDOWN_TITLE.match(content, span[0])
        title = titled["title"] if titled else heading.title if heading and start else ""
        file_span = offsets.to_file(span[0]), offsets.to_file(span[1])
        entries.append(Entry(path, day, content[slice(*span)], *file_span, title=title, offsets=offsets.part(*span)))


def _day_one_date(members: Members) -> date | None:
    """The day on the writer's own clock: creationDate is UTC, timeZone names the place."""
    _, created = members["creationDate"]
    _, zone = members.get("timeZone", (0, "UTC"))
    try:
        moment = datetime.fromisoformat(created)
    except (TypeError, ValueError):
        return None
    try:
        return moment.astimezone(ZoneInfo(zone)).date()
    except (KeyError, TypeError, ValueError, OSError, OverflowError):  # no such zone, or before the year 1
        return moment.date()


def _iso_date(members: Members) -> date | None:
    _, written = members.get("date", (0, None))
    try:
        return date.fromisoformat(written)
    except (TypeError, ValueError):
        return None


def _strings(members: Members, is_day_one: bool) -> list[int]:
    """Where the strings begin that an entry's text is made of, in file order; jrnl's title is its first sentence."""
    keys = ("text",) if is_day_one else ("title", "body")
    found = [members[key] for key in keys if key in members]
    return sorted(at for at, value in found if isinstance(value, str) and value)


def _content(text: str, strings: list[int], has_markdown_escapes: bool) -> tuple[str, OffsetMap]:
    """The unescaped strings that begin at these places, one a line, and where each character stands.

    A character stands where its escape begins; the line break between two strings stands at the first one's end.
    """
    parts: list[str] = []
    text_starts, file_starts = [0], [0]
    length = 0

    def add(part: str, at: int) -> None:
        nonlocal length
        if not length:
            file_starts[0] = at
        elif file_starts[-1] + length - text_starts[-1] != at:
            text_starts.append(length)
            file_starts.append(at)
        parts.append(part)
        length += len(part)

    at = 0
    for string in strings:
        if length:
            add("\n", at)
        backslash: int | None = None  # where a backslash of the unescaped text stands that may be Markdown's
        at = string + 1
        while piece := _STRING_PIECE.match(text, at):
            part = piece[0] if piece[0][0] != "\\" else _decode(f'"{piece[0]}"')[0]
            part = _LONE_SURROGATE.sub("\ufffd", part)  # half an emoji is no character, and cannot be stored
            if backslash is not None:
                if part[0] in _PUNCTUATION:
                    add(part[0], backslash)
                    part, at = part[1:], at + 1
                else:
                    add("\\", backslash)
                backslash = None
            elif has_markdown_escapes and part == "\\":
                backslash, part = at, ""
            if part:
                add(part, at)
            at = piece.end()
        if backslash is not None:
            add("\\", backslash)
    add("", at)
    return "".join(parts), OffsetMap(tuple(text_starts), tuple(file_starts))


def _members(text: str, at: int) -> Members:
    return {key: (place, value) for key, place, value in _parts(text, at)}


def _parts(text: str, at: int) -> Iterator[tuple[str, int, Any]]:
    """Key (of an object), place and value of each part of the valid JSON object or list at `at`."""
    in_object = text[at] == "{"
    at = _skip_space(text, at + 1)
    while text[at] not in "]}":
        key = ""
        if in_object:
            key, at = _decode(text, at)
            at = _skip_space(text, _skip_space(text, at) + 1)
        value, end = _decode(text, at)
        yield key, at, value
        at = _skip_space(text, end)
        if text[at] == ",":
            at = _skip_space(text, at + 1)


def _skip_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at
