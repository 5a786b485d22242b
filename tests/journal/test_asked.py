"""The time a question asks about, from its words and the day it is asked on."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.journal.asked import asked_time
from app.journal.dates import find_dates

TODAY = date(1913, 2, 5)  # a Wednesday
FIRST, LAST = str(date.min), str(date.max)

ASKED = {
    "Where did Anna live in spring 1912?": ("1912-03-01", "1912-05-31"),
    "Where was I last winter?": ("1912-12-01", "1913-02-28"),
    "Was geschah letzte Woche?": ("1913-01-27", "1913-02-02"),
    "Qui est venu en février 1912 ?": ("1912-02-01", "1912-02-29"),
    "Wen traf ich am 3. Mai 1912?": ("1912-05-03", "1912-05-03"),
    "What did I read in 1911?": ("1911-01-01", "1911-12-31"),
    "What happened between 3 May 1912 and 6 June 1912?": ("1912-05-03", "1912-06-06"),
    "What happened from March 1911 to June 1912?": ("1911-03-01", "1912-06-30"),
    "Who came since 3 May 1912, before August 1912?": ("1912-05-03", "1912-07-31"),
    "Was ist seit Mai passiert?": ("1912-05-01", LAST),
    "What came after 1911?": ("1912-01-01", LAST),
    "Wer kam nach dem 3. Mai 1912?": ("1912-05-04", LAST),
    "Where did Anna live before 1912?": (FIRST, "1911-12-31"),
    "Who was ill until June 1912?": (FIRST, "1912-06-30"),
    "Whom did I write to in May 1912?": ("1912-05-01", "1912-05-31"),
    "Wer kam vor drei Tagen?": ("1913-02-02", "1913-02-02"),
}


@pytest.mark.parametrize("question", ASKED)
def test_words_mean_their_days(question: str) -> None:
    """Months, seasons and weeks are whole; two dates reach from one to the other; some words leave a side open."""
    assert tuple(map(str, asked_time(question, TODAY) or ())) == ASKED[question]


_WORDS = st.sampled_from(
    [
        "since",
        "from",
        "to",
        "before",
        "after",
        "until",
        "seit",
        "vor",
        "bis",
        "in",
        "1911",
        "May",
        "week",
        "spring",
        "last",
        "3",
        "days",
        "ago",
    ]
)


@given(st.lists(st.one_of(_WORDS, st.text(max_size=4)), max_size=12).map(" ".join), st.dates())
def test_a_question_asks_for_days_in_order_exactly_where_it_names_dates(question: str, today: date) -> None:
    """Any words on any day: no crash, the first day is not after the last, and no dates, no time."""
    days = asked_time(question, today)
    assert (days is None) == (not find_dates(question, today))
    assert days is None or days[0] <= days[1]
