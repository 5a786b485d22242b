"""Dates over a day's text, in the forms people write them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.journal.headings import find_headings

THIRD_OF_APRIL = """2024-04-03
2024/04/03
3 April 2024
April 3, 2024
3rd April 2024
April 3rd 2024
Monday, 3 April 2024:
Wed 3 April 2024
3. April 2024
03.04.2024
Mittwoch, 3. April 2024
3 avril 2024
mercredi 3 avril 2024
2024年4月3日
二〇二四年四月三日
2024年4月3日 星期三
# 2024-04-03
## Wednesday, April 3, 2024
**2024-04-03**
2024-04-03 10:00
2024-04-03T10:00:00Z
[2024-04-03 10:00:00 PM]
2024-04-03 (Wednesday)
# 2024-04-03 A walk
[2024-04-03 10:00] A walk.
2024-04-03 A walk
2024-04-03: a walk
3 April 2024 – a walk"""


@pytest.mark.parametrize("line", THIRD_OF_APRIL.splitlines())
def test_a_date_at_the_head_of_a_line_dates_what_follows(line: str) -> None:
    """The heading ends where the day's own words begin."""
    for text in (line, f"{line}\r\nWet all day.", f"Before.\n\n{line}\nWet all day."):
        (heading,) = find_headings(text)
        assert (heading.date, heading.precision) == (date(2024, 4, 3), "day")
        assert text[heading.end :].lstrip().lower().startswith(("a walk", "wet")) or heading.end == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "We met on\nApril 3, 1911, at sea.",
        "prose\nApril 3\nprose",
        "3 April",
        "2024-13-01",
        "2024-04-03th",
        "In 1911\n\nwe left",
        "May\n\nwe hope",
        "a/b/2024",
    ],
)
def test_prose_is_no_heading(text: str) -> None:
    """A date inside a sentence, a day without any year, and a month 13 head nothing."""
    assert find_headings(text) == []


def test_year_and_month_carry_forward() -> None:
    """Each date is read in the light of those above it; January after December begins a year."""
    text = "1911\n\nJanuary 3\n\nx\n\n31 December\n\nx\n\n1 January\n\nx\n\n# March\n\n## 4th\n\n一九一八年\n\n二月三日"
    found = [(h.date.isoformat(), h.precision) for h in find_headings(text)]
    assert found == [
        ("1911-01-01", "year"),
        ("1911-01-03", "day"),
        ("1911-12-31", "day"),
        ("1912-01-01", "day"),
        ("1912-03-01", "month"),
        ("1912-03-04", "day"),
        ("1918-01-01", "year"),
        ("1918-02-03", "day"),
    ]
    assert [h.date for h in find_headings("3 April\nx", year=1911)] == [date(1911, 4, 3)]


def test_a_day_its_month_lacks_is_the_months_last() -> None:
    """The journal's own slip is kept as an entry of its own."""
    found = [
        h.date.isoformat() for h in find_headings("30 November 1917\nx\n\n31 November 1917\ny\n\n29 February 1911\nz")
    ]
    assert found == ["1917-11-30", "1917-11-30", "1911-02-28"]


def test_the_same_date_in_other_words_is_prose() -> None:
    """A letter copied into the day's entry carries its date; the day's second entry repeats the heading's form."""
    assert len(find_headings("31 December 1664\nx\n\nDecember 31, 1664\ny")) == 1
    assert len(find_headings("31 December 1664\nx\n\n31 December 1664\ny")) == 2


def test_slashed_dates_need_one_that_tells() -> None:
    """13/04/2024 shows that the day leads, 04/13/2024 that the month does; without either nothing is guessed."""
    assert [h.date.month for h in find_headings("04/05/2024\nx\n13/04/2024\ny")] == [5, 4]
    assert [h.date.month for h in find_headings("04/05/2024\nx\n04/13/2024\ny")] == [4, 4]
    assert find_headings("04/05/2024\nx") == []


_LINES = st.sampled_from(
    [*THIRD_OF_APRIL.splitlines(), "1911", "January 3", "4/5/2024", "", "\r", "Wet all day.", "二月"]
)


@given(st.lists(st.one_of(_LINES, st.text(max_size=12))).map("\n".join), st.one_of(st.none(), st.integers(1000, 2099)))
def test_headings_are_in_order_and_apart(text: str, year: int | None) -> None:
    """Any text: no crash; headings lie in it in order and begin where a line begins."""
    end = 0
    for heading in find_headings(text, year=year):
        assert end <= heading.start <= heading.end <= len(text)
        assert heading.start == 0 or text[heading.start - 1] in "\r\n"
        end = heading.end
