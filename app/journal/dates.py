"""The dates an entry's prose names, resolved against the entry's own date.

Knows words of four languages (English, German, French, Chinese); knows no files.
In: text and the day it was written.  Out: FoundDates in order, non-overlapping; the longest expression wins.

Choices where the words leave one: a weekday or a month without a year is the most recent one before the entry, unless
the words say "next"; a week is its Monday; a season is its first month; "three months ago" knows only the month.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from app.journal.almanac import (
    DATE_SHAPES,
    HAN_YEAR,
    MONTH_OR_MARS,
    NUMBERS,
    WEEKDAY,
    WEEKDAYS,
    YEAR,
    any_of,
    fold,
    has_day,
    month_number,
    number,
    written_date,
    year_number,
)
from app.journal.types import Precision

Value = TypeVar("Value", int, str)
Resolved = tuple[date, Precision]
Resolve = Callable[[re.Match[str], date], Resolved | None]


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date expression: `text[start:end] == words`; `date` is ISO, the first day of a month or year."""

    start: int
    end: int
    date: str
    precision: Precision
    words: str


def find_dates(text: str, today: date) -> list[FoundDate]:
    """Every date expression of `text`, in order; `today` is the date of the entry."""
    candidates: list[tuple[int, int, Resolved]] = []
    for pattern, resolve in _RULES + (_FRENCH_RULES if _is_french(text) else []):
        for match in pattern.finditer(text):
            try:
                resolved = resolve(match, today)
            except (OverflowError, ValueError):  # "999 years ago" in an entry of 1663: no calendar has it
                continue
            if resolved:
                candidates.append((match.start(), match.end(), resolved))
    taken = bytearray(len(text))
    found = []
    for start, end, (day, precision) in sorted(candidates, key=lambda c: (c[0] - c[1], c[0])):
        if not any(taken[start:end]):
            taken[start:end] = b"\1" * (end - start)
            found.append(FoundDate(start, end, day.isoformat(), precision, text[start:end]))
    return sorted(found, key=lambda f: f.start)


# --- what the words mean ---------------------------------------------------------------------------------------------


def _absolute(match: re.Match[str], today: date) -> Resolved | None:
    """A written date; the year it leaves out is that of the most recent such day or month."""
    said = written_date(match)
    assert said.month is not None  # every shape names the month
    if said.day is None:
        return _month(said.month, said.year, today)
    if said.year is not None:
        return (date(said.year, said.month, said.day), "day") if has_day(said.year, said.month, said.day) else None
    for year in range(today.year, max(today.year - 9, 0), -1):  # 29 February can be eight years back
        if has_day(year, said.month, said.day) and date(year, said.month, said.day) <= today:
            return date(year, said.month, said.day), "day"
    return None


def _month(month: int, year: int | None, today: date, step: int | None = None) -> Resolved:
    """First day of the month; without a year the most recent one, or the one of last, this or next (step -1, 0, 1)."""
    if year is None:
        later = month > today.month or (step == -1 and month == today.month)
        year = today.year + {None: -later, -1: -later, 0: 0, 1: month <= today.month}[step]
    return date(year, month, 1), "month"


def _bare_month(match: re.Match[str], today: date) -> Resolved:
    return _month(month_number(match["m"]), None, today, _STEPS.get(fold(match["step"] or "")))


def _year(match: re.Match[str], _: date) -> Resolved:
    return date(year_number(match["y"]), 1, 1), "year"


def _feast(match: re.Match[str], today: date) -> Resolved:
    """A fixed feast: of the year named, else the most recent one."""
    month, day = next(md for word, md in _FEASTS.items() if re.fullmatch(word, fold(match["feast"])))
    year = year_number(match["y"]) if match["y"] else today.year - (date(today.year, month, day) > today)
    return date(year, month, day), "day"


def _season(match: re.Match[str], today: date) -> Resolved:
    found = match.groupdict()
    year = year_number(found["y"]) if found.get("y") else None
    return _month(_SEASONS[fold(match["season"])], year, today, _STEPS.get(fold(found.get("step") or "")))


def _days_from(days: int) -> Resolve:
    return lambda _, today: (today + timedelta(days=days), "day")


def _weekday(match: re.Match[str], today: date) -> Resolved:
    """ "on Friday" and "last Friday" are before today, "next Friday" after; "this Friday" is of today's week."""
    ahead = (WEEKDAYS[fold(match["w"])] - today.weekday() - 1) % 7 + 1  # 1..7
    days = {-1: ahead - 7 or -7, 0: WEEKDAYS[fold(match["w"])] - today.weekday(), 1: ahead}
    return today + timedelta(days=days[_STEPS.get(fold(match["step"]), -1)]), "day"


def _period(match: re.Match[str], today: date) -> Resolved:
    return _shift(today, _UNITS[fold(match["unit"])], _STEPS[fold(match["step"])], whole_weeks=True)


def _count(match: re.Match[str], today: date) -> Resolved:
    """ "three days ago", "in two weeks", "vor drei Tagen", "il y a trois jours", "三天前"."""
    sign = 1 if re.match(r"(?i)in\b|dans\b", match[0]) or match[0][-1] in "后後" else -1
    return _shift(today, _UNITS[fold(match["unit"])], sign * number(match["n"]))


def _shift(today: date, unit: str, count: int, *, whole_weeks: bool = False) -> Resolved:
    if unit == "day":
        return today + timedelta(days=count), "day"
    if unit in ("week", "fortnight"):
        day = today + timedelta(weeks=count * (2 if unit == "fortnight" else 1))
        return day - timedelta(days=day.weekday() if whole_weeks else 0), "day"
    if unit == "month":
        months = today.year * 12 + today.month - 1 + count
        return date(months // 12, months % 12 + 1, 1), "month"
    return date(today.year + count, 1, 1), "year"


def _is_french(text: str) -> bool:
    """German has "hier" (here) too: more French small words than German ones decide."""
    return len(_FRENCH.findall(text)) > len(_GERMAN.findall(text))


# --- the words -------------------------------------------------------------------------------------------------------

_FRENCH = re.compile(
    r"(?i)\b(?:le|la|les|une|et|je|nous|avec|dans|est|il|elle|du|au|aux|chez|mon|ma|mes|pas|ai|suis|qui|que|ne|y|à"
    r"|pour|par|sur|mais|était|sont|ses|ce|cette|lui)\b|\b[jldmsn]['’]"
)
_GERMAN = re.compile(r"(?i)\b(?:der|die|das|und|ich|nicht|ist|mit|ein|eine|zu|im|wir|war|sie|er|es|auf)\b")


def _by_word(words: dict[Value, str]) -> dict[str, Value]:
    return {word: value for value, names in words.items() for word in names.split()}


_NEAR_DAYS = {
    -2: (r"the day before yesterday|vorgestern|avant-hier", "前[日天]"),
    -1: (r"yesterday|last night|gestern(?: (?:früh|morgen|mittag|abend|nacht))?|hier soir", "昨[日天夜晚]"),
    0: (
        r"to-?day|to-?night|this (?:day|morning|afternoon|evening)|heute(?: (?:früh|morgen|mittag|abend|nacht))?"
        r"|aujourd['’]hui",
        "今[日天夜晚]",
    ),
    1: (r"to-?morrow|(?-i:morgen)(?: (?:früh|mittag|abend|nacht))?|demain", "明[日天]"),
    2: (r"the day after to-?morrow|übermorgen|après-demain", "[后後]天"),
}
_STEPS = _by_word(
    {
        -1: "last letzten letzte letztes letzter vorigen vorige voriges vergangenen vergangene vergangenes"
        " dernier dernière passé passée 上 去",
        0: "this diesen diese dieses 今",
        1: "next nächsten nächste nächstes kommenden kommende kommendes prochain prochaine 下 明",
    }
)
_UNITS = _by_word(
    {
        "day": "day days tag tage tagen jour jours 天 日",
        "week": "week weeks woche wochen semaine semaines 周 週 星期",
        "fortnight": "fortnight fortnights",
        "month": "month months monat monate monaten mois 月",
        "year": "year years jahr jahre jahren an ans année 年",
    }
)
_SEASONS = _by_word(
    {
        3: "spring frühling frühjahr printemps",
        6: "summer sommer été",
        9: "autumn fall herbst automne",
        12: "winter hiver",
    }
)
_FEASTS = {
    r"christmas eve|heilig(?:er )?abend": (12, 24),
    r"christmas(?: day)?|xmas(?: day)?|weihnachten|noël": (12, 25),
    r"boxing day": (12, 26),
    r"new year['’]s eve|s[iy]lvester": (12, 31),
    r"new year['’]s day|neujahr": (1, 1),
}

_S = r"\s{1,2}"
_STEP = any_of([s for s in _STEPS if s[0] < "一"])
_UNIT = any_of([u for u in _UNITS if u[0] < "一"])
_PERIOD = any_of([u for u, unit in _UNITS.items() if u[0] < "一" and unit != "day"])  # "next day" follows another day
_N = rf"(?P<n>\d{{1,3}}|{any_of(list(NUMBERS))})"
_SEASON = rf"(?P<season>{any_of(list(_SEASONS))})"
_BEFORE_MONTH = (
    r"(?:in|since|until|till|during|im|seit|bis|en|depuis)(?:\s(?:early|late|mid))?|anfang|mitte|ende|early|late"
)
_BEFORE_YEAR = rf"in|since|until|till|by|during|from|before|after|seit|im{_S}jahre?|bis|en|depuis|the{_S}year"
_FRENCH_WEEKDAY = "lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche"

_SHAPES: list[tuple[str, Resolve]] = [
    *(
        (rf"(?i)(?<![\w-])(?:{latin.replace(' ', _S)})(?![\w-])|{han}", _days_from(days))
        for days, (latin, han) in _NEAR_DAYS.items()
    ),
    (rf"\b(?i:(?P<step>{_STEP}|on|am){_S}(?P<w>{WEEKDAY}))", _weekday),
    (rf"(?i)\b(?P<w>{_FRENCH_WEEKDAY}){_S}(?P<step>dernier|passé|prochain)\b", _weekday),
    (rf"(?i)\b(?P<step>{_STEP}){_S}(?P<unit>{_PERIOD})\b", _period),
    (
        rf"(?i)\b(?:la\s|le\s|l['’])(?P<unit>semaine|mois|an|année){_S}(?P<step>dernière?|passée?|prochaine?)\b",
        _period,
    ),
    (r"(?P<step>[上下去今明])[个個]?(?P<unit>[年月周週])", _period),
    (rf"(?i)\b{_N}{_S}(?P<unit>{_UNIT}){_S}ago\b", _count),
    (rf"(?i)\b(?:in|vor|dans|il{_S}y{_S}a){_S}{_N}{_S}(?P<unit>{_UNIT})\b", _count),
    (r"(?P<n>\d{1,3}|[一二三四五六七八九十]{1,2})(?P<unit>[天日年])[前后後]", _count),
    (rf"\b(?i:{_BEFORE_MONTH}|(?P<step>{_STEP})){_S}(?P<m>{MONTH_OR_MARS})(?!\s?\d)", _bare_month),
    (rf"(?i)\b(?:{_BEFORE_YEAR}){_S}(?P<y>{YEAR})(?![\w-]|[.,:/]\d)", _year),
    (rf"(?P<y>{HAN_YEAR})年(?!\w{{1,2}}月)", _year),
    (rf"(?i)\b(?:(?:in|im|the|en|au){_S}){{0,2}}{_SEASON}{_S}(?:(?:of|de|in){_S})?(?P<y>{YEAR})", _season),
    (rf"(?i)\b(?P<step>{_STEP}){_S}{_SEASON}\b", _season),
    (rf"(?i)\b(?P<feast>{'|'.join(_FEASTS)})(?:,?{_S}(?:of{_S})?(?P<y>{YEAR}))?(?!\w)", _feast),
]
_RULES: list[tuple[re.Pattern[str], Resolve]] = [
    *((shape, _absolute) for shape in DATE_SHAPES),
    *((re.compile(shape), resolve) for shape, resolve in _SHAPES),
]
_FRENCH_RULES: list[tuple[re.Pattern[str], Resolve]] = [(re.compile(r"(?i)(?<![\w-])hier\b(?!-)"), _days_from(-1))]
