"""The time a question asks about: "in spring 1912", "since May", "from March 1911 to June 1912".

Knows the dates that words name, and the words before them that leave one side open; knows no facts.
In: a question and the day it is asked on.  Out: the first and the last day, or None.
"""

import re
from datetime import date, timedelta

from app.journal.almanac import fold
from app.journal.dates import FoundDate, find_dates

Days = tuple[date, date]  # the first and the last

_WORDS_BEFORE = {
    "since": r"since|from|seit|von|depuis",
    "after": r"after|nach|après",
    "before": r"before|vor|avant",
    "until": r"until|till|by|to|bis(?: zum)?|jusqu['’](?:en|au|à)?",
}
_BEFORE = re.compile(
    rf"\b(?:{'|'.join(f'(?P<{name}>{words})' for name, words in _WORDS_BEFORE.items())})"
    r"(?:\s(?:the(?: year)?|dem|der|den|le|la))?\s?$"
)
# What an expression begins with. Of "vor drei Tagen" the first word opens nothing; nor does "to" of "write to in May".
_OPENS = re.compile(r"(?:since|from|after|before|until|till|by|seit|bis|depuis)\b")
_CLOSES = re.compile(r"(?:in|on|during|im|am)\b")
_WEEK = re.compile(r"\b(?:week|woche|semaine)\b|[周週]")
_SEASON = re.compile(
    r"\b(?:spring|summer|autumn|fall|winter|früh(?:ling|jahr)|sommer|herbst|printemps|été|automne|hiver)\b"
)


def asked_time(question: str, today: date) -> Days | None:
    """The days a question names, from the first to the last; a side that its words leave open has no end.

    Example: "since 3 May 1912, before August 1912" -> 3 May to 31 July 1912
    """
    wholes, bounds = [], []
    for found in find_dates(question, today):
        whole = days_of(found)
        wholes.append(whole)
        bounds.append(_bound(question, found, *whole))
    if not wholes:
        return None
    first, last = max(first for first, _ in bounds), min(last for _, last in bounds)
    if first <= last:
        return first, last
    return min(first for first, _ in wholes), max(last for _, last in wholes)


def days_of(found: FoundDate) -> Days:
    """The days that an expression means: of a month, a year or a season all, of a week seven.

    Example: "in spring 1912" -> 1 March to 31 May 1912
    """
    first, words = date.fromisoformat(found.date), fold(found.words)
    try:
        if found.precision == "day":
            return first, first + timedelta(days=6 if _WEEK.search(words) else 0)
        months = 12 if found.precision == "year" else 3 if _SEASON.search(words) else 1
        after = first.year * 12 + first.month - 1 + months
        return first, date(after // 12, after % 12 + 1, 1) - timedelta(days=1)
    except (OverflowError, ValueError):  # the calendar ends there
        return first, date.max


def _bound(question: str, found: FoundDate, first: date, last: date) -> Days:
    words = fold(found.words)
    opens = _OPENS.match(words)
    match = _BEFORE.search(opens[0] if opens else fold(question[: found.start]))
    if match is None or _CLOSES.match(words):
        return first, last
    if match["since"]:
        return first, date.max
    if match["until"]:
        return date.min, last
    if match["after"]:
        return min(last, date.max - timedelta(days=1)) + timedelta(days=1), date.max
    return date.min, max(first, date.min + timedelta(days=1)) - timedelta(days=1)
