"""Lines of a journal that give the date of what follows them.

Knows how people write a date above a day's text; knows no files.
In: text, and the year and order of day and month where the text itself leaves them open.  Out: Headings in order.

A heading is a line that is a date and nothing else, or a line that begins with one: after "#", in "[ ]" (jrnl), as
2024-04-03, or followed by ":" or a dash. The line before it is blank or a heading too, unless "#", "[" or a full date
says enough. Year and month carry forward: "1911", "March", "3 March" are read in the light of the lines above.
A day its month does not have (31 November) is read as the month's last day; a month 13 makes no heading.
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
    YEAR,
    WrittenDate,
    any_of,
    nearest_day,
    written_date,
)
from app.journal.types import Precision


@dataclass(frozen=True, slots=True)
class Dated:
    """A day, month or year, and the words that name it."""

    date: date
    precision: Precision
    title: str = ""


@dataclass(frozen=True, slots=True)
class Heading(Dated):
    """A date over a text: `text[start:end]` is furniture, the dated prose follows (on the same line, if `is_inline`)."""

    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int  # without the line break
    mark: str  # "#", "[", "**" or nothing
    found: WrittenDate
    date_end: int
    is_whole: bool
    has_separator: bool
    is_numeric: bool


_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)?")
_LONGEST_HEADING = 160  # characters of a line in which its date must end
_ANY_WEEKDAY = rf"(?:(?i:{any_of(list(WEEKDAYS))})\b\.?|(?:星期|周|週|礼拜|禮拜)[一二三四五六日天])"
_OPENING = re.compile(rf"[ \t　\ufeff]*(?P<mark>#{{1,6}}[ \t]+|\[|\*\*|__)?(?:\*\*|__|\[)?(?:(?P<weekday>{_ANY_WEEKDAY}),?[ \t]+)?")
_TIME = (
    r"(?:(?:T|,?[ \t]+(?:(?:at|um|à|@)[ \t]+)?)\d{1,2}(?:[:.h]\d{2}){1,2}(?:\.\d+)?[ \t]?(?i:am|pm|uhr|h)?(?:Z|[+-]\d\d:?\d\d)?)?"
)
_WHOLE = re.compile(
    rf"(?:[ \t,]*[(（]?{_ANY_WEEKDAY}[)）]?)?{_TIME}[ \t]*[\])]?(?:\*\*|__)?[ \t]*[:：.,–—-]*(?:\*\*|__)?[ \t#=]*$"
)
_INLINE = re.compile(rf"{_TIME}[ \t]*(?P<close>\]|\*\*|__)?[ \t]*(?P<separator>[:：–—|]|-(?=[ \t]))?(?P<gap>[ \t]*)")
_NUMERIC = re.compile(r"\d{4}[-/.]|\d{1,2}\. ?\d")
_HEADING_SHAPES = (
    *DATE_SHAPES,
    re.compile(rf"(?P<y>{YEAR})(?![\d./-])(?=[^\w]*$)"),
    re.compile(rf"(?P<m>(?i:{any_of(list(MONTHS))})\b)\.?(?=[^\w]*$)"),
    re.compile(rf"(?P<y>{HAN_YEAR})年(?:(?P<m>{HAN_MONTH})月)?(?=[^\w]*$)"),
    re.compile(rf"(?:(?P<m>{HAN_MONTH})月|(?P<d>{HAN_DAY})[日号號])(?=[^\w]*$)"),
)
_DAY_ALONE = re.compile(rf"(?P<d>{DAY})(?:st|nd|rd|th|\.)?(?=[^\w]*$)")  # "# 3", "Tuesday 3rd" under a month
_SLASHED = re.compile(r"(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>1\d{3}|20\d{2})(?!\d)")


def find_headings(text: str, start: int = 0, year: int | None = None) -> list[Heading]:
    """The date headings of `text[start:]`; `year` is that of headings before any year is named.

    raises   ValueError naming the line where 03/04/2024 may be March or April and no other line of the text tells
    """
    headings: list[Heading] = []
    month: int | None = None
    for line in _dated_lines(text, start, _day_comes_first(text, start)):
        found = line.found
        if found.year is None and year is not None and month is not None and month >= 11 and (found.month or 12) <= 2:
            year += 1  # December, then January, and no new year in between
        year, month = found.year or year, found.month or (None if found.year else month)
        if year is None or (found.day and month is None):
            continue
        title = text[line.start : line.end if line.is_whole or line.mark.startswith("#") else line.date_end]
        headings.append(
            Heading(
                nearest_day(year, month or 1, found.day or 1),
                "day" if found.day else "month" if month else "year",
                title.strip(" \t　\ufeff#*_[]:"),
                line.start,
                line.date_end,
            )
        )
    return headings


def _dated_lines(text: str, start: int, day_first: bool | None) -> Iterator[_Line]:
    """Lines that begin with a date and stand where a heading may stand."""
    after_gap = True  # the line before is blank, or a heading
    for span in _LINE.finditer(text, start):
        line = _dated_line(text, span.start(), day_first)
        is_heading = line is not None and _stands_as_heading(line, after_gap, text[span.end() : span.end() + 80])
        if line is not None and is_heading:
            yield line
        after_gap = is_heading or not span[0].strip("\ufeff \t\r\n　")


def _dated_line(text: str, start: int, day_first: bool | None) -> _Line | None:
    """The line at `start` read as a date with or without more words behind it."""
    break_at = re.compile(r"[\r\n]|$").search(text, start)
    assert break_at
    end = break_at.start()
    line = text[start : min(end, start + _LONGEST_HEADING)]
    opening = _OPENING.match(line)
    assert opening
    at, mark = opening.end(), opening["mark"] or ""
    matches = [m for shape in _HEADING_SHAPES if (m := shape.match(line, at))]
    if mark.startswith("#") or opening["weekday"]:
        matches += [m for m in [_DAY_ALONE.match(line, at)] if m]
    if slashed := _SLASHED.match(line, at):
        found, match = _slashed_date(slashed, day_first), slashed
    elif matches:
        match = max(matches, key=lambda m: m.end())
        found = written_date(match)
    else:
        return None
    if found is None:
        return None
    whole = _WHOLE.match(line, match.end()) if len(line) == end - start else None
    tail = whole or _INLINE.match(line, match.end())
    assert tail
    return _Line(
        start=start,
        end=end,
        mark=mark,
        found=found,
        date_end=start + tail.end(),
        is_whole=whole is not None,
        has_separator=whole is None and bool(tail["separator"] or tail["close"]),
        is_numeric=bool(_NUMERIC.match(match[0])) or match is slashed,
    )
