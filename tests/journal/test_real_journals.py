"""Real diaries, read as their owners would have them, against twins with known dates and texts."""

import gzip
from pathlib import Path

import pytest

from app.errors import BadJournal
from app.journal.chunks import chunk_entry
from app.journal.reader import find_files, read_journal
from app.journal.types import Entry
from tests.journal.shared import DATA, RAW, assert_partition, needs_data, records

pytestmark = needs_data

PEPYS = "diaries/pepys_1660-1664.jsonl.gz"
BARBELLION = "diaries/barbellion_1903-1912.jsonl"
LU_XUN = "diaries/luxun_1912-1923.jsonl.gz"
SCHNITZLER = "gold/schnitzler_de/dev_year1908"


def dated(entries: tuple[Entry, ...] | list[Entry]) -> list[tuple[str, str]]:
    return [(entry.date.isoformat(), entry.text) for entry in entries]


def twins(name: str, prefix: str = "") -> list[tuple[str, str]]:
    return [(row["date"], row["text"]) for row in records(name, prefix)]


def test_pepys_1664_in_one_file_loses_no_character() -> None:
    """366 days; the file's title line, which no heading dates, is kept in the first entry."""
    reading = read_journal(RAW / "pepys_1664_one_file.txt")
    assert_partition(reading)
    (first_date, first_text), *others = dated(reading.entries)
    (twin_date, twin_text), *twin_others = twins(PEPYS, "1664")
    assert (first_date, first_text) == (twin_date, f"MY JOURNAL 1664\n\n1 January 1664\n\n{twin_text}")
    assert others == twin_others


def test_pepys_june_and_july_1662_are_61_markdown_files() -> None:
    """Front matter dates each file; it and the heading that repeats the date are furniture, not text."""
    readings = [read_journal(path) for path in find_files([RAW / "pepys_1662_06-07_markdown"])]
    for reading in readings:
        assert_partition(reading)
        assert {kind for _, kind in reading.furniture} == {"front matter", "heading", "blank"}
    entries = [entry for reading in readings for entry in reading.entries]
    assert len(entries) == 61
    assert dated(entries) == [(d, t) for d, t in twins(PEPYS, "1662") if "1662-06" <= d < "1662-08"]


def test_pepys_early_1663_as_a_day_one_export() -> None:
    """The texts come out unescaped, and each heading that repeats the date stays out of them."""
    reading = read_journal(RAW / "pepys_1663_01-03_dayone.json")
    assert_partition(reading)
    assert dated(reading.entries) == [(d, t) for d, t in twins(PEPYS, "1663") if d < "1663-04"]


def test_barbellion_in_utf8_and_in_cp1252_with_crlf() -> None:
    """Both files give the dates of the twin; line ends and the letters that cp1252 lacks stay as the file has them."""
    assert dated(read_journal(RAW / "barbellion_1903-1912_one_file.txt").entries) == twins(BARBELLION)
    reading = read_journal(RAW / "barbellion_1911_cp1252_crlf.txt")
    assert_partition(reading)
    assert reading.encoding == "cp1252"
    expected = [(day, text.encode("cp1252", "replace").decode("cp1252")) for day, text in twins(BARBELLION, "1911")]
    assert [(day, text.replace("\r\n", "\n")) for day, text in dated(reading.entries)] == expected


def test_schnitzler_1908_has_355_days() -> None:
    """German headings with weekdays and Austrian months."""
    assert dated(read_journal(DATA / f"{SCHNITZLER}_one_file.txt").entries) == twins(f"{SCHNITZLER}.jsonl")


def test_lu_xun_1918_is_the_same_in_gb18030_and_utf8() -> None:
    """The encoding leaves no trace in the entries."""
    in_gb, in_utf8 = read_journal(RAW / "luxun_1918_gb18030.txt"), read_journal(RAW / "luxun_1918_utf8.txt")
    assert (in_gb.encoding, in_utf8.encoding) == ("gb18030", "utf-8")
    assert [e.entry_id for e in in_gb.entries] == [e.entry_id for e in in_utf8.entries]
    assert_partition(in_gb)


def test_lu_xun_1912_to_1923_keeps_the_sources_own_errors(tmp_path: Path) -> None:
    """Two entries on one day stay two; 31 November is dated as the month's last day; the heading's day is the date."""
    path = tmp_path / "luxun.txt"
    path.write_bytes(gzip.decompress((RAW / "luxun_1912-1923_one_file.txt.gz").read_bytes()))
    reading = read_journal(path)
    assert_partition(reading)
    rows = records(LU_XUN)
    assert [(e.title, e.text) for e in reading.entries] == [(row["title"], row["text"]) for row in rows]
    pairs = [(entry.date.isoformat(), row) for entry, row in zip(reading.entries, rows, strict=True)]
    assert all(day == row["date"] for day, row in pairs if row["date_check"] in ("ok", "duplicate_date"))
    assert [day for day, row in pairs if row["date_check"] == "invalid_date"] == ["1917-11-30"]


def test_bad_input_is_read_or_refused_in_one_line() -> None:
    """Whatever a file holds, the reader reads it or raises BadJournal naming it."""
    paths = [path for path in sorted((DATA / "bad_input").rglob("*")) if path.is_file()]
    assert paths
    for path in paths:
        refusal = ""
        try:
            assert_partition(read_journal(path))
        except BadJournal as error:
            refusal = str(error)
        assert not refusal or (str(path) in refusal and "\n" not in refusal)


@pytest.mark.parametrize("max_tokens", [64, 8192])
def test_a_year_as_one_entry_is_chunked_with_few_counts(max_tokens: int) -> None:
    """600,000 characters: chunks fill the limit, and the tokens counted in all are few times those of the entry."""
    text = (RAW / "pepys_1664_one_file.txt").read_text(encoding="utf-8")
    entry = Entry(Path("year.txt"), read_journal(RAW / "pepys_1664_one_file.txt").entries[0].date, text, 0, len(text))
    counted = 0

    def count(piece: str) -> int:
        nonlocal counted
        counted += len(piece)
        return -(-len(piece) // 4)

    chunks = chunk_entry(entry, max_tokens=max_tokens, count_tokens=count)
    assert "".join(chunk.text for chunk in chunks) == text
    assert all(-(-len(chunk.text) // 4) <= max_tokens for chunk in chunks)
    assert len(chunks) <= 2 * len(text) / 4 / max_tokens + 1
    assert counted < 4 * len(text)
