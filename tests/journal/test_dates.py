"""Dates in prose: what the words mean on the day they were written."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.journal.almanac import MONTHS
from app.journal.dates import find_dates

WEDNESDAY = date(1912, 4, 3)

MEANINGS = {
    "3 April 1912": "1912-04-03 day",
    "April 3rd": "1912-04-03 day",
    "April 4th": "1911-04-04 day",
    "in March 1911": "1911-03-01 month",
    "in May": "1911-05-01 month",
    "next May": "1912-05-01 month",
    "last April": "1911-04-01 month",
    "in 1910": "1910-01-01 year",
    "spring of 1912": "1912-03-01 month",
    "Christmas 1911": "1911-12-25 day",
    "New Year’s Eve": "1911-12-31 day",
    "January 1st 1660–61": "1661-01-01 day",
    "in 1910/11": "1910-01-01 year",
    "the 3rd of\nMay, 1911": "1911-05-03 day",
    "29 February": "1912-02-29 day",
    "yesterday": "1912-04-02 day",
    "To-day": "1912-04-03 day",
    "tomorrow": "1912-04-04 day",
    "last night": "1912-04-02 day",
    "the day before yesterday": "1912-04-01 day",
    "last week": "1912-03-25 day",
    "last Monday": "1912-04-01 day",
    "next Wednesday": "1912-04-10 day",
    "on Wednesday": "1912-03-27 day",
    "two days ago": "1912-04-01 day",
    "3 weeks ago": "1912-03-13 day",
    "in two weeks": "1912-04-17 day",
    "a month ago": "1912-03-01 month",
    "ten years ago": "1902-01-01 year",
    "last month": "1912-03-01 month",
    "last year": "1911-01-01 year",
    "12.3.1911": "1911-03-12 day",
    "am 3. April": "1912-04-03 day",
    "Donnerstag, 2. Jänner 1908": "1908-01-02 day",
    "gestern": "1912-04-02 day",
    "vorgestern": "1912-04-01 day",
    "heute": "1912-04-03 day",
    "morgen": "1912-04-04 day",
    "vor drei Tagen": "1912-03-31 day",
    "letzten Montag": "1912-04-01 day",
    "letzte Woche": "1912-03-25 day",
    "im März": "1912-03-01 month",
    "seit 1908": "1908-01-01 year",
    "le 3 mars": "1912-03-03 day",
    "avant-hier": "1912-04-01 day",
    "aujourd’hui": "1912-04-03 day",
    "demain": "1912-04-04 day",
    "il y a trois jours": "1912-03-31 day",
    "lundi dernier": "1912-04-01 day",
    "la semaine dernière": "1912-03-25 day",
    "en mars 1911": "1911-03-01 month",
    "昨日": "1912-04-02 day",
    "今日": "1912-04-03 day",
    "明日": "1912-04-04 day",
    "前日": "1912-04-01 day",
    "十二月卅日": "1911-12-30 day",
    "一九一一年三月": "1911-03-01 month",
    "一九一〇年": "1910-01-01 year",
}


@pytest.mark.parametrize("words", MEANINGS)
def test_words_mean_their_day(words: str) -> None:
    """An expression, alone or inside a sentence, is found whole and resolved against the entry's date."""
    for text in (words, f"({words})", f"… {words}, …"):
        (found,) = find_dates(text, WEDNESDAY)
        assert (found.words, f"{found.date} {found.precision}") == (words, MEANINGS[words])


@pytest.mark.parametrize(
    "text",
    [
        "We may march for a second in the sun, an august crowd under Mars.",
        "Am Morgen war hier ein Mann und ich nicht.",
        "On Mondays and the next day; May 3:30, 192.168.1.10.",
        "April is my sister, June my aunt.",
        "999999 years ago, in 31 pieces",
    ],
)
def test_ordinary_words_are_no_dates(text: str) -> None:
    """Words that only look like months or days are left alone."""
    assert find_dates(text, WEDNESDAY) == []


def test_hier_is_yesterday_only_in_french() -> None:
    """German "hier" means "here"; the language of the text decides."""
    assert [f.words for f in find_dates("Je suis venu hier avec elle.", WEDNESDAY)] == ["hier"]
    assert [f.words for f in find_dates("Mamie ne reçoit plus, sauf Paul, qui y était hier.", WEDNESDAY)] == ["hier"]
    assert find_dates("Hier las Karl de Vries.", WEDNESDAY) == []
    assert find_dates("Der Mann ist hier und nicht dort.", WEDNESDAY) == []


def test_a_day_its_month_lacks_is_no_day() -> None:
    """31 November is not turned into a day; the month it names stays."""
    assert [(f.words, f.precision) for f in find_dates("31 November 1911", WEDNESDAY)] == [("November 1911", "month")]


_WORDS = st.sampled_from(
    [*MEANINGS, *MONTHS, "on", "last", "ſunday", "İn", "1st", "31", "1911", "\n", "年", "月", "日", "十", "Maı", "ago"]
)


@given(st.lists(st.one_of(_WORDS, st.text(max_size=5)), max_size=20).map(" ".join), st.dates())
def test_found_dates_lie_in_the_text_in_order(text: str, today: date) -> None:
    """Any text on any day: no crash, the words stand where the span says, spans do not overlap, dates are ISO."""
    end = 0
    for found in find_dates(text, today):
        assert end <= found.start < found.end
        assert text[found.start : found.end] == found.words
        day = date.fromisoformat(found.date)
        assert found.precision == "day" or day.day == 1
        assert found.precision != "year" or day.month == 1
        end = found.end
