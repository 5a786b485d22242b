"""Names of months, weekdays and numbers in English, German, French and Chinese, and the shapes of a written date.

Knows words and the calendar; knows no files and no entries.
In: a match of one of DATE_SHAPES.  Out: WrittenDate, whose missing parts the caller fills from its own context.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import date

_MONTH_NAMES = """
january jan januar jänner jaenner jän janvier janv
february feb februar feber februari fév févr février fevrier
march mar märz maerz mär mars
april apr avril avr
may mai
june jun juni juin
july jul juli juillet juil
august aug août aout
september sept sep septembre
october oct oktober okt octobre
november nov novembre
december dec dezember dez décembre decembre déc
"""
MONTHS = {name: number for number, line in enumerate(_MONTH_NAMES.split("\n")) for name in line.split()}

_WEEKDAY_NAMES = """monday montag lundi mon mo lun
tuesday dienstag mardi tues tue di
wednesday mittwoch mercredi wed mi mer
thursday donnerstag jeudi thurs thur thu do jeu
friday freitag vendredi fri fr ven
saturday samstag sonnabend samedi sat sa sam
sunday sonntag dimanche sun so dim"""
WEEKDAYS = {name: number for number, line in enumerate(_WEEKDAY_NAMES.split("\n")) for name in line.split()}

_NUMBER_NAMES = """a an one ein eine einem einer einen un une
two zwei deux
three drei trois
four vier quatre
five fünf cinq
six sechs
seven sieben sept
eight acht huit
nine neun neuf
ten zehn dix
eleven elf onze
twelve zwölf douze"""
NUMBERS = {name: number for number, line in enumerate(_NUMBER_NAMES.split("\n"), 1) for name in line.split()}

_HAN_DIGITS = {
    **{c: i % 10 for i, c in enumerate("〇一二三四五六七八九")},
    **dict.fromkeys("零○", 0),
    **dict.fromkeys("正元", 1),
}


def fold(word: str) -> str:
    """Lower case as the regex engine sees it: it takes ſ for s, ı and İ for i."""
    return word.translate({0x130: "i", 0x131: "i"}).casefold()


def number(word: str) -> int:
    """Value of digits, of a number word, or of a Chinese numeral: 十二, 廿一, 卅; digit by digit 一九一八."""
    if word.isdecimal():
        return int(word)
    if fold(word) in NUMBERS:
        return NUMBERS[fold(word)]
    word = word.replace("廿", "二十").replace("卅", "三十")
    tens, ten, ones = word.rpartition("十")
    if ten:
        return (number(tens) if tens else 1) * 10 + (number(ones) if ones else 0)
    return int("".join(c if c.isdecimal() else str(_HAN_DIGITS[c]) for c in word))


def any_of(names: list[str]) -> str:
    """Regex alternation, the longest name first."""
    return "(?:" + "|".join(sorted(map(re.escape, names), key=len, reverse=True)) + ")"


# Names that are also English words count as months only when capitalised; "mars" only after a day or a preposition.
_WORDS_TOO = {"may", "march", "mar", "august", "mars"}
MONTH = (
    rf"(?:(?i:{any_of([m for m in MONTHS if m not in _WORDS_TOO])})"
    r"|May|MAY|March|MARCH|Mar(?=\.?\s*\d)|August|AUGUST)\b\.?"
)
MONTH_OR_MARS = rf"(?:{MONTH}|mars\b)"
WEEKDAY = rf"(?i:{any_of([w for w in WEEKDAYS if len(w) > 4])})\b"
YEAR = r"(?:1\d{3}|20\d{2})(?!\d)(?:[-–/]\d{2}(?!\d))?"  # 1660–61: before 1752 the year began in March
DAY = r"(?:0?[1-9]|[12]\d|3[01])"
HAN_DAY = (
    r"(?:三十一?|卅一?|二?十[一二三四五六七八九]?|廿[一二三四五六七八九]?|[一二三四五六七八九]|[12]\d|3[01]|0?[1-9])"
)
HAN_MONTH = r"(?:十[一二]?|[正元一二三四五六七八九]|1[0-2]|0?[1-9])"
HAN_YEAR = r"(?<![\d〇一二三四五六七八九])[12一二][\d〇零○一二三四五六七八九]{3}"
_GAP = r"[ \t\xa0]{0,2}\r?\n?[ \t\xa0]{0,2}"  # a hard-wrapped line may end inside a date

DATE_SHAPES = tuple(
    re.compile(shape)
    for shape in (
        # 2024-04-03, 2024/4/3, 2024.04.03
        r"(?<![\d./-])(?P<y>1\d{3}|20\d{2})(?P<s>[-/.])(?P<m>0?[1-9]|1[0-2])(?P=s)(?P<d>0?[1-9]|[12]\d|3[01])(?![\d/-])",
        # 03.04.2024, 3. 4. 1911
        rf"(?<![\d.])(?P<d>{DAY})\. ?(?P<m>0?[1-9]|1[0-2])\. ?(?P<y>{YEAR})",
        # 3 April, the 3rd of April 1911, Monday, 3. April 2024, le 1er avril
        rf"(?:\b(?i:the|le|am|den|vom|on){_GAP})?(?:{WEEKDAY},?{_GAP})?(?:\b(?i:the|le|den|dem){_GAP})?"
        rf"(?<![\d.:/])\b(?P<d>{DAY})(?:st|nd|rd|th|er|\.)?{_GAP}(?:(?:of|de){_GAP})?(?P<m>{MONTH_OR_MARS})"
        rf"(?:,?{_GAP}(?P<y>{YEAR}))?",
        # April 3, April 3rd, 1911, Wednesday, June 1st 1662
        rf"(?:\b(?i:on){_GAP})?(?:{WEEKDAY},?{_GAP})?\b(?P<m>{MONTH}){_GAP}(?:the{_GAP})?(?P<d>{DAY})(?:st|nd|rd|th)?"
        rf"(?![\d:]|[.,]\d|\w)(?:,?{_GAP}(?P<y>{YEAR}))?",
        # March 1911, in March 1911, März 1911, en mars 1911
        rf"(?:\b(?i:in|im|en){_GAP})?\b(?P<m>{MONTH_OR_MARS}),?{_GAP}(?:(?:of|de){_GAP})?(?P<y>{YEAR})",
        # 1918年1月2日, 一九一八年正月二日, 一月二日; 1918年1月
        rf"(?:(?P<y>{HAN_YEAR})年)?(?<![\d十])(?P<m>{HAN_MONTH})月(?P<d>{HAN_DAY})[日号號]",
        rf"(?P<y>{HAN_YEAR})年(?P<m>{HAN_MONTH})月",
    )
)


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """What a date says itself; None where it leaves the rest to its reader."""

    year: int | None
    month: int | None
    day: int | None


def written_date(match: re.Match[str]) -> WrittenDate:
    """The numbers of a match of a pattern with groups y, m and d (any of them may be missing)."""
    found = match.groupdict()
    year, month, day = found.get("y"), found.get("m"), found.get("d")
    return WrittenDate(
        year_number(year) if year else None,
        month_number(month) if month else None,
        number(day) if day else None,
    )


def month_number(word: str) -> int:
    """4 of "4", "April", "Apr." and "四"."""
    return MONTHS.get(fold(word).rstrip(".")) or number(word)


FIRST_NEW_STYLE_YEAR = 1752  # before it England's years began on 25 March, and January had two


def year_number(words: str) -> int:
    """1911 of "1911" and of "一九一一"; 1661 of "1660–61", the old style's double year; 2023 of "2023/24"."""
    year = number(words[:4])
    is_old_style = len(words) > 4 and year < FIRST_NEW_STYLE_YEAR
    return year + 1 if is_old_style and int(words[-2:]) == (year + 1) % 100 else year


def has_day(year: int, month: int, day: int) -> bool:
    """Whether the month has that day."""
    return day <= calendar.monthrange(year, month)[1]


def nearest_day(year: int, month: int, day: int) -> date:
    """The day, or the month's last one where the journal names a day the month does not have (31 November)."""
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))
