"""Words for dates, and the dates they mean by the rules of `app.journal.dates`.

Knows calendars and three languages; knows no events. In: the entry's day.  Out: a phrase and the ISO date it names.
"""

import random
from dataclasses import dataclass
from datetime import date, timedelta

_MONTHS = """en January February March April May June July August September October November December
de Januar Februar März April Mai Juni Juli August September Oktober November Dezember
fr janvier février mars avril mai juin juillet août septembre octobre novembre décembre"""
_WEEKDAYS = """en Monday Tuesday Wednesday Thursday Friday Saturday Sunday
de Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag
fr lundi mardi mercredi jeudi vendredi samedi dimanche"""
MONTHS = {line.split()[0]: line.split()[1:] for line in _MONTHS.split("\n")}
WEEKDAYS = {line.split()[0]: line.split()[1:] for line in _WEEKDAYS.split("\n")}
NUMBERS = {
    "en": ["two", "three", "four", "five", "six"],
    "de": ["zwei", "drei", "vier", "fünf", "sechs"],
    "fr": ["deux", "trois", "quatre", "cinq", "six"],
}
# days back -> the words for it
NEAR = {
    1: {
        "en": ["yesterday", "yesterday", "last night"],
        "de": ["gestern", "gestern", "gestern Abend"],
        "fr": ["hier", "hier", "hier soir"],
    },
    2: {"en": ["the day before yesterday"], "de": ["vorgestern"], "fr": ["avant-hier"]},
}
LAST_WEEK = {"en": "last week", "de": "letzte Woche", "fr": "la semaine dernière"}
AGO = {"en": "@ days ago", "de": "vor @ Tagen", "fr": "il y a @ jours"}


@dataclass(frozen=True, slots=True)
class Said:
    """A date in words, and the date it names."""

    words: str
    day: date


def recent(rng: random.Random, today: date, language: str) -> Said:
    """A day of the last weeks: yesterday, on Friday, three days ago, on 3 April."""
    kind = rng.random()
    if kind < 0.42:
        back = 1 if kind < 0.36 else 2
        return Said(rng.choice(NEAR[back][language]), today - timedelta(days=back))
    if kind < 0.62:
        return _weekday(rng, today, language)
    if kind < 0.74:
        n = rng.randint(2, 6)
        number = NUMBERS[language][n - 2] if rng.random() < 0.7 else str(n)
        return Said(AGO[language].replace("@", number), today - timedelta(days=n))
    if kind < 0.82:
        return Said(LAST_WEEK[language], today - timedelta(days=today.weekday() + 7))
    if kind < 0.94:
        return dated(rng, today - timedelta(days=rng.randint(3, 60)), today, language)
    return _month(rng, today, language)


def old(rng: random.Random, today: date, language: str) -> Said:
    """A year or a month of some years ago: in 1908, in March 1911."""
    year = today.year - rng.randint(1, 30)
    if rng.random() < 0.7:
        words = {"en": f"in {year}", "de": f"im Jahr {year}", "fr": f"en {year}"}[language]
        return Said(words, date(year, 1, 1))
    month = rng.randint(1, 12)
    into = {"en": "in", "de": "im", "fr": "en"}[language]
    return Said(f"{into} {MONTHS[language][month - 1]} {year}", date(year, month, 1))


def since(rng: random.Random, today: date, language: str) -> Said:
    """Since a year, a month or a year's month."""
    word = {"en": "since", "de": "seit", "fr": "depuis"}[language]
    kind = rng.random()
    if kind < 0.55:
        year = today.year - rng.randint(1, 25)
        return Said(f"{word} {year}", date(year, 1, 1))
    back = rng.randint(1, 11)
    months = today.year * 12 + today.month - 1 - back
    day = date(months // 12, months % 12 + 1, 1)
    name = MONTHS[language][day.month - 1]
    if kind < 0.85:
        return Said(f"{word} {name}", day)
    return Said(f"{word} {name} {day.year - 1}", day.replace(year=day.year - 1))


def span(rng: random.Random, today: date, language: str) -> tuple[Said, Said]:
    """From a year to a year."""
    last = today.year - rng.randint(1, 20)
    start, end = date(last - rng.randint(1, 12), 1, 1), date(last, 1, 1)
    before = {"en": ("from", rng.choice(("to", "until", "till"))), "de": ("von", "bis"), "fr": ("de", "à")}[language]
    if language == "en" and rng.random() < 0.5:  # years alone are found after "until", not after "to"
        return Said(f"from {start.year}", start), Said(f"{rng.choice(('until', 'till'))} {end.year}", end)
    start, end = start.replace(month=rng.randint(1, 12)), end.replace(month=rng.randint(1, 12))
    names = MONTHS[language]
    of = "d'" if language == "fr" and names[start.month - 1][0] in "ao" else f"{before[0]} "
    return (
        Said(f"{of}{names[start.month - 1]} {start.year}", start),
        Said(f"{before[1]} {names[end.month - 1]} {end.year}", end),
    )


def dated(rng: random.Random, day: date, today: date, language: str) -> Said:
    """A day and a month, with the year where it is not the most recent one."""
    name = MONTHS[language][day.month - 1]
    year = "" if day <= today and (today - day).days < 360 and rng.random() < 0.85 else f" {day.year}"
    if language == "en":
        forms = (f"on {day.day} {name}{year}", f"on the {_ordinal(day.day)} of {name}{year}", f"on {name} {day.day}")
        return Said(forms[rng.randrange(3 if not year else 2)], day)
    if language == "de":
        return Said(f"am {day.day}. {name}{year}", day)
    return Said(f"le {'1er' if day.day == 1 else day.day} {name}{year}", day)


def plain(day: date, language: str, *, bare: bool = False) -> str:
    """A date as a question or an answer says it; bare without its preposition."""
    name = MONTHS[language][day.month - 1]
    number = {"en": f"{day.day}", "de": f"{day.day}.", "fr": "1er" if day.day == 1 else f"{day.day}"}[language]
    before = "" if bare else {"en": "on ", "de": "am ", "fr": "le "}[language]
    return f"{before}{number} {name} {day.year}"


def _weekday(rng: random.Random, today: date, language: str) -> Said:
    day = today - timedelta(days=rng.randint(1, 7))
    name = WEEKDAYS[language][day.weekday()]
    words = {"en": (f"on {name}", f"last {name}"), "de": (f"am {name}", f"letzten {name}"),
             "fr": (f"{name} dernier",)}[language]  # fmt: skip
    return Said(rng.choice(words), day)


def _month(rng: random.Random, today: date, language: str) -> Said:
    months = today.year * 12 + today.month - 1 - rng.randint(1, 9)
    day = date(months // 12, months % 12 + 1, 1)
    into = {"en": "in", "de": "im", "fr": "en"}[language]
    return Said(f"{into} {MONTHS[language][day.month - 1]}", day)


def _ordinal(n: int) -> str:
    return f"{n}{'th' if 10 < n % 100 < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"
