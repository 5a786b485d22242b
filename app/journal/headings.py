"""Lines of a journal that give the date of what follows them.

Knows how people write a date above a day's text; knows no files.
In: text, and the year where the text itself never names one.  Out: Headings in order.

A heading is a line that is a date and nothing else, or a line that begins with one: after "#", in "[ ]" (jrnl), as
2024-04-03, before ":" or a dash. Unless "#", "[" or a full date speaks for it, the line above is blank or a heading.
Year and month carry forward: "3 March" is read in the light of "1911" above, and January after December begins a year.
A day its month does not have (31 November) is read as the month's last day; a month 13 makes no heading, nor do other
words for the date of the heading above (a letter's date inside an entry).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from app.journal.almanac import (
    DATE_SHAPES,
    DAY,
    HAN_DAY,
    HAN_MONTH,
    HAN_YEAR,
    MONTHS,
    WEEKDAYS,
    WrittenDate,
    any_of,
    nearest_day,
    written_date,
)
from app.journal.types import Precision


@dataclass(frozen=True, slots=True)
class Heading:
    """A date over a text: `text[start:end]` is furniture; the prose it dates begins at `end`, maybe in its line."""

    date: date
    precision: Precision
    title: str = ""
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that begins with a date: text[start:end] is furniture."""

    said: WrittenDate
    start: int
    end: int
    title: str
    needs_gap: bool  # it counts only after a blank line or another heading


_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)?")
_INK = re.compile(r"\S")
_MAX_HEADING_CHARS = 160  # a date that ends later in its line heads nothing
_WEEKDAY = rf"(?:(?i:{any_of(list(WEEKDAYS))})\b\.?|(?:星期|周|週|礼拜|禮拜)[一二三四五六日天])"
_OPENING = re.compile(
    rf"[ \t　]*(?:(?P<mark>#{{1,6}})[ \t]+)?(?:\*\*|__)?(?P<bracket>\[)?(?P<weekday>{_WEEKDAY},?[ \t]+)?"
)
_TIME = (
    r"(?:(?:T|,?[ \t]+(?:(?:at|um|à|@)[ \t]+)?)\d{1,2}(?:[:.h]\d{2}){1,2}(?:\.\d+)?"
    r"(?:[ \t]?(?i:am|pm|uhr|h)\b)?(?:Z|[+-]\d\d:?\d\d)?)?"
)
# What may follow the date: nothing but a weekday, a time and marks; or the day's first words.
_WHOLE = re.compile(
    rf"(?:[ \t,　]*[(（]?{_WEEKDAY}[)）]?)?{_TIME}[ \t]*\]?(?:\*\*|__)?[ \t]*[:：.,–—-]?(?:\*\*|__)?[ \t#　]*$"
)
_INLINE = re.compile(
    rf"{_TIME}[ \t]*(?P<bracket>\])?(?:\*\*|__)?(?:[ \t]*(?P<colon>[:：–—|]|-(?=[ \t])))?(?:\*\*|__)?[ \t　]*"
)
_TO_END = r"(?=[^\w]*$)"
_SHAPES = (
    *DATE_SHAPES,
    re.compile(rf"(?P<y>\d{{4}})[-/](?P<m>0[1-9]|1[0-2]){_TO_END}"),  # 2024-04
    re.compile(rf"(?P<y>1\d{{3}}|20\d{{2}}){_TO_END}"),
    re.compile(rf"(?P<y>{HAN_YEAR})年(?:(?P<m>{HAN_MONTH})月)?{_TO_END}"),
    re.compile(rf"(?:(?P<m>{HAN_MONTH})月|(?P<d>{HAN_DAY})[日号號]){_TO_END}"),
)
_MARKED_SHAPES = (  # "## March", "## 3", "Tuesday 3rd"
    re.compile(rf"(?P<m>(?i:{any_of(list(MONTHS))})\b)\.?{_TO_END}"),
    re.compile(rf"(?P<d>{DAY})(?:st|nd|rd|th|\.)?{_TO_END}"),
)
_SLASHED = r"(?P<a>0?[1-9]|[12]\d|3[01])/(?P<b>0?[1-9]|[12]\d|3[01])/(?P<y>1\d{3}|20\d{2})(?!\d)"
_SLASHED_DATE = re.compile(_SLASHED)
_SLASHED_LINE = re.compile(rf"(?:(?m:^)|(?<=\ufeff)){_OPENING.pattern}{_SLASHED}")


def find_headings(text: str, start: int = 0, year: int | None = None) -> list[Heading]:
    """The date headings of `text[start:]`, in order; `year` is that of headings before any year is named."""
    headings: list[Heading] = []
    month: int | None = None
    last: tuple[tuple[int | None, ...], str] = (), ""
    for line in _heading_lines(text, start):
        said = line.said
        if year is not None and said.year is None and (month or 0) >= 11 and (said.month or 12) <= 2:
            year += 1  # January after December
        month = said.month or (None if said.year else month)
        year = said.year or year
        if year is None or (said.day and month is None):
            continue
        words = (year, month, said.day), line.title
        if words[0] != last[0] or words[1] == last[1]:
            precision: Precision = "day" if said.day else "month" if month else "year"
            day = nearest_day(year, month or 1, said.day or 1)
            headings.append(Heading(day, precision, line.title, line.start, line.end))
        last = words
    return headings


def _heading_lines(text: str, start: int) -> Iterator[_Line]:
    """Lines that begin with a date and stand where a heading may stand."""
    day_first = _day_comes_first(text, start)
    after_gap = True  # the line before is blank or a heading
    for span in _LINE.finditer(text, start):
        ink = _INK.search(text, *span.span())
        line = _dated_line(text, *span.span(), day_first) if ink else None
        is_heading = line is not None and (after_gap or line.needs_gap is False)
        if line is not None and is_heading:
            yield line
        after_gap = is_heading or not ink


def ambiguous_date(text: str, start: int = 0) -> str:
    """The first date like 03/04/2024 at a line's head, if no such line tells whether the day or the month leads."""
    match = _SLASHED_LINE.search(text, start) if "/" in text else None
    return (
        "" if match is None or _day_comes_first(text, start) is not None else f"{match['a']}/{match['b']}/{match['y']}"
    )


def _day_comes_first(text: str, start: int) -> bool | None:
    """Whether 03/04/2024 is a 3 April in this text; None if 13/04/2024 or 04/13/2024 never or both occur."""
    slashed = list(_SLASHED_LINE.finditer(text, start)) if "/" in text else []
    day_first, month_first = (any(int(match[part]) > 12 for match in slashed) for part in "ab")
    return None if day_first == month_first else day_first


def _dated_line(text: str, start: int, end: int, day_first: bool | None) -> _Line | None:
    """The line text[start:end] read as a date, with or without more words behind it."""
    end = start + len(text[start:end].rstrip("\r\n"))
    limit = min(end, start + _MAX_HEADING_CHARS)
    opening = _OPENING.match(text, start, limit)
    assert opening  # every part of it may be missing
    is_marked = bool(opening["mark"])
    shapes = _SHAPES + (_MARKED_SHAPES if is_marked or opening["weekday"] else ())
    match = max(
        (m for shape in shapes if (m := shape.match(text, opening.end(), limit))), key=re.Match.end, default=None
    )
    slashed = _SLASHED_DATE.match(text, opening.end(), limit)
    if slashed and day_first is not None:
        day, month = (slashed["a"], slashed["b"]) if day_first else (slashed["b"], slashed["a"])
        match, said = slashed, WrittenDate(int(slashed["y"]), int(month), int(day))
    elif match:
        said = written_date(match)
    if match is None or (said.month or 1) > 12:
        return None
    is_full = said.year is not None and said.day is not None
    title = text[opening.end() - len(opening["weekday"] or "") : match.end()]
    whole = _WHOLE.match(text, match.end(), end) if end == limit else None
    if whole:
        return _Line(said, start, whole.end(), title, not (is_full or is_marked))
    inline = _INLINE.match(text, match.end(), limit)
    assert inline  # every part of it may be missing
    in_brackets = bool(opening["bracket"] and inline["bracket"])
    has_gap = inline[0][-1:].isspace() and (is_marked or match[0][:4].isdecimal())
    if is_full and (in_brackets or has_gap or inline["colon"]):
        return _Line(said, start, inline.end(), title, not (is_marked or in_brackets))
    return None
