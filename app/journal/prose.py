"""Plain text and Markdown: the entries between the date headings of one file.

Knows front matter and headings; knows no encodings and no JSON.
In: the text of one file, and the date its name gives.  Out: entries and furniture.
"""

import re
from pathlib import Path

import yaml

from app.errors import BadJournal
from app.journal.headings import Heading, ambiguous_date, find_headings
from app.journal.types import Entry, Labelled, Span

_FRONT_MATTER = re.compile(
    r"---[ \t]*\r?\n(?P<yaml>.{0,65536}?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
_DATE_KEYS = ("date", "created", "day")  # Jekyll and most others, Obsidian, hand-written


def read_prose(
    text: str, path: Path, named: Heading | None, *, whole: bool = False
) -> tuple[list[Entry], list[Labelled]]:
    """Entries of a text file; what stands before its first dated heading belongs to the first entry.

    named    date of the file as a whole: its name's or its time of modification's. Front matter is stronger; a heading
             is stronger than both for the text below it, if it names a day
    whole    the file is one entry dated `named`, whatever it says itself
    raises   BadJournal if nothing gives a date, or the front matter is no YAML
    """
    start, about = _front_matter(text, path)
    furniture: list[Labelled] = [((_body(text), start), "front matter")] if start > _body(text) else []
    day_of_file = named if whole else about or (named if named and named.precision == "day" else None)
    headings = [] if whole else find_headings(text, start, named.date.year if named else None)
    if day_of_file:  # one day's file has sections of its own; "## 2019" is none of its entries
        headings = [heading for heading in headings if heading.precision == "day"]

    if not day_of_file and (words := ambiguous_date(text, start)):
        raise BadJournal(  # or it would stand, with all that was written that day, in the entry of an earlier day
            f"{path}: {words} may begin with the day or with the month, and no other date like it tells which",
            hint="write the dates as 2024-04-03",
        )

    first = day_of_file or (None if headings else named)
    starts = [start, *(heading.end for heading in headings)]
    ends = [*(heading.start for heading in headings), len(text)]
    sections = [
        (heading, span)
        for heading, *limits in zip([first, *headings], starts, ends, strict=True)
        if (span := ink(text, *limits))
    ]
    if sections and sections[0][0] is None:
        sections = _with_preamble(sections, headings, path)
    entries = [
        Entry(path, heading.date, text[span[0] : span[1]], *span, title=heading.title, precision=heading.precision)
        for heading, span in sections
        if heading
    ]
    in_first = range(*sections[0][1]) if sections else range(0)
    furniture += [((h.start, h.end), "heading") for h in headings if h.start not in in_first]
    return entries, furniture


def _with_preamble(
    sections: list[tuple[Heading | None, Span]], headings: list[Heading], path: Path
) -> list[tuple[Heading | None, Span]]:
    """The undated first section joined to the one after it, headings between them included."""
    (_, preamble), *dated = sections
    if dated:
        heading, span = dated[0]
        return [(heading, (preamble[0], span[1])), *dated[1:]]
    if headings:
        return [(headings[0], preamble)]
    raise BadJournal(
        f"{path}: neither a heading, nor front matter, nor the name gives a date",
        hint="write 2024-04-03 above the text, name the file 2024-04-03.md (--date-from name) or use --date-from mtime",
    )


def _front_matter(text: str, path: Path) -> tuple[int, Heading | None]:
    """Where the text after the front matter begins, and the date and title that it gives."""
    match = _FRONT_MATTER.match(text, _body(text))
    if match is None:
        return _body(text), None
    try:
        # Every value stays a string: a day that the calendar lacks is then no error of the YAML parser.
        about = yaml.load(match["yaml"], Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 1
        raise BadJournal(f"{path}: line {line} of the front matter is not YAML", hint="quote its value") from error
    if not isinstance(about, dict):  # a rule between two lines of dashes
        return _body(text), None
    written = next((str(about[key]) for key in _DATE_KEYS if about.get(key)), "")
    dates = find_headings(written)
    title = about.get("title")
    if not dates:
        return match.end(), None
    return match.end(), Heading(dates[0].date, dates[0].precision, title if isinstance(title, str) else "")


def _body(text: str) -> int:
    """Where the text begins: after the byte order mark, if there is one."""
    return int(text.startswith("\ufeff"))


def ink(text: str, start: int, end: int) -> Span | None:
    """text[start:end] without the white space around it; None if nothing is left."""
    part = text[start:end]
    stripped = part.strip()
    first = start + len(part) - len(part.lstrip())
    return (first, first + len(stripped)) if stripped else None
