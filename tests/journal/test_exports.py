"""Day One and jrnl: unescaped text, and the way back to the file's characters."""

import json
import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BadJournal
from app.journal.exports import read_export
from app.journal.types import Entry

PATH = Path("Journal.json")
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def markdown_escaped(text: str) -> str:
    return "".join("\\" + c if c in PUNCTUATION else c for c in text)


def unescaped(literal: str) -> str:
    """The inner part of a JSON string literal of Day One, as the person wrote it."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", json.loads(f'"{literal}"'))


def day_one(text: str, **members: str) -> dict[str, object]:
    return {"uuid": "1", "creationDate": "2024-04-03T12:00:00Z", "timeZone": "Europe/Berlin", "text": text, **members}


def only_entry(file: str) -> Entry:
    (entry,), _ = read_export(file, PATH)
    return entry


_WORDS = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(PUNCTUATION + '\n\t"\\/ 😀')))


@given(_WORDS.filter(str.strip), st.booleans(), st.booleans(), st.data())
def test_a_slice_of_the_text_is_the_same_slice_of_the_file(
    words: str, ascii_only: bool, escape_markdown: bool, data: st.DataObject
) -> None:
    """The law of offsets: file_span of any slice, JSON- and Markdown-unescaped, gives the slice."""
    text = markdown_escaped("a" + words) if escape_markdown else "a" + re.sub(r"\\", "", words)
    file = json.dumps({"entries": [day_one(text)]}, ensure_ascii=ascii_only, indent=1)
    entry = only_entry(file)
    assert entry.text == unescaped(json.dumps(text)[1:-1]).strip()
    assert file[entry.start - 1] == '"'
    start = data.draw(st.integers(0, len(entry.text)))
    end = data.draw(st.integers(start, len(entry.text)))
    span = entry.file_span(start, end)
    assert unescaped(file[slice(*span)]) == entry.text[start:end]
    assert (entry.start, entry.end) == entry.file_span(0, len(entry.text))


def test_an_escape_belongs_to_the_character_it_stands_for() -> None:
    """Every character of the literal belongs to one character of the text: its backslashes stand before it."""
    file = json.dumps({"entries": [day_one("a\\.\n\\\\😀\\b")]})
    entry = only_entry(file)
    assert entry.text == "a.\n\\😀\\b"
    pieces = [file[slice(*entry.file_span(i, i + 1))] for i in range(len(entry.text))]
    assert pieces == ["a", r"\\.", r"\n", r"\\\\", r"\ud83d\ude00", r"\\", "b"]


@pytest.mark.parametrize(
    ("created", "zone", "day"),
    [
        ("2024-04-03T22:30:00Z", "Europe/Berlin", date(2024, 4, 4)),
        ("2024-04-03T03:30:00Z", "America/New_York", date(2024, 4, 2)),
        ("2024-04-03T12:00:00Z", "No/Such_Zone", date(2024, 4, 3)),
        ("0001-01-01T00:00:00Z", "America/New_York", date(1, 1, 1)),
    ],
)
def test_the_day_is_that_of_the_writers_clock(created: str, zone: str, day: date) -> None:
    """creationDate is UTC; the time zone moves it across midnight; an unknown zone leaves it."""
    assert only_entry(json.dumps({"entries": [day_one("x", creationDate=created, timeZone=zone)]})).date == day


def test_the_heading_that_repeats_the_date_is_furniture() -> None:
    """Other headings are words of the entry, and its title."""
    file = json.dumps({"entries": [day_one("# 3 April 2024\n\nWet\\."), day_one("# A walk\n\nWet\\.")]})
    entries, furniture = read_export(file, PATH)
    assert [(e.text, e.title) for e in entries] == [("Wet.", "3 April 2024"), ("# A walk\n\nWet.", "A walk")]
    assert [file[a:b] for (a, b), _ in furniture] == ["# 3 April 2024"]


def test_an_entry_without_text_gives_none_and_half_an_emoji_is_replaced() -> None:
    """A photo has no words; a lone surrogate cannot be stored, U+FFFD stands for it."""
    photo = day_one("")
    del photo["text"]
    file = json.dumps({"entries": [photo, day_one(" "), day_one("a\ud83d")]})
    assert [entry.text for entry in read_export(file, PATH)[0]] == ["a\ufffd"]


def test_a_jrnl_export_joins_title_and_body() -> None:
    """Both are the person's words, in the order of the file; each slices back to its own place."""
    file = json.dumps({"tags": {}, "entries": [{"title": 'A "walk".', "body": "Wet.\\.", "date": "2024-04-03"}]})
    entry = only_entry(file)
    assert (entry.text, entry.date) == ('A "walk".\nWet.\\.', date(2024, 4, 3))
    assert [json.loads(f'"{file[slice(*entry.file_span(*s))]}"') for s in ((0, 9), (10, 16))] == [
        'A "walk".',
        "Wet.\\.",
    ]


@pytest.mark.parametrize(
    "file",
    [
        "",
        "{",
        '{"entries": [}',
        "[]",
        '{"entries": 3}',
        '{"entries": [{"text": "x"}]}',
        '{"entries": [7]}',
        '{"entries": [{"creationDate": 7, "text": "x"}]}',
        '{"entries": [{"date": "2024-13-01", "body": "x"}]}',
        '{"entries": []} more',
        "[" * 100_000,
        "9" * 5_000,
    ],
)
def test_other_json_is_refused_in_one_line(file: str) -> None:
    """No JSON, another JSON, an entry without a date: BadJournal names the file."""
    with pytest.raises(BadJournal, match=r"^Journal\.json: [^\n]+$"):
        read_export(file, PATH)
