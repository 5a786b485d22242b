"""Every row of the ledger proves itself, and damage never gets a checksum of its own."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import StorageFailed
from app.ledger.checksums import row_checksum
from app.ledger.schema import CHECKED_AT_OPENING, TABLES
from app.ledger.store import LEDGER_NAME, Ledger
from benchmarks.fuzz import ANSWERS, GROUP, VECTORS, Decoder

DECODER = Decoder()
KEY = list(ANSWERS)[1]


def lay(home: Path, held: bytes, nth: int = 0) -> None:
    """Put the ledger there, the eighth byte flipped of the n-th place where something stands in its file."""
    content, place = bytearray(DECODER.whole), -1
    for _ in range(nth + 1):
        place = content.index(held, place + 1)
    content[place + 7] ^= 0xFF
    (home / LEDGER_NAME).write_bytes(content)


def answers(ledger: Ledger) -> dict[str, str | None]:
    return {key: ledger.calls.get(key) for key in ANSWERS}


def test_every_column_of_every_table_is_in_its_checksum(tmp_path: Path) -> None:
    """A column that is added is not left out, and no table of the file is unknown to the schema."""
    with Ledger.open(tmp_path) as ledger:
        made = ledger._database.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        assert {name for (name,) in made} == {table.name for table in TABLES}
        for table in TABLES:
            names = [name for _, name, *_ in ledger._database.rows(f"PRAGMA table_info({table.name})")]
            assert names
            assert all(f".{name!s}" in table.whole() or f'."{name!s}"' in table.whole() for name in names), table.name


_values = st.none() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats(allow_nan=False) | st.binary(max_size=40)


@given(row=st.lists(_values, min_size=1, max_size=6), place=st.integers(0, 1 << 30), flip=st.integers(1, 255))
def test_a_flipped_byte_changes_the_checksum_of_its_row(
    row: list[bytes | int | float | None], place: int, flip: int
) -> None:
    """Wherever it is; and bytes that move to their neighbour are another row."""
    before = row_checksum(*row, b"words", b"")
    assert before != row_checksum(*row, b"word", b"s")
    changed = bytearray(b"words")
    changed[place % 5] ^= flip
    assert before != row_checksum(*row, bytes(changed), b"")


def test_nothing_and_nought_and_no_bytes_are_three_things() -> None:
    """NULL, 0, 0.0, an empty text and the bytes that spell them."""
    assert len({row_checksum(value) for value in (None, 0, 0.0, b"", b"0", b"None", 1)}) == 7


@pytest.mark.parametrize(
    ("held", "table"), [(b"Day 1", "entries"), (b"nano/256", "meta"), (b'{"name": "Mara', "labels")]
)
def test_a_damaged_row_that_cannot_be_had_again_is_named(tmp_path: Path, held: bytes, table: str) -> None:
    """One line with the table and how many rows, not with what stands in them."""
    assert table in {one.name for one in CHECKED_AT_OPENING}
    lay(tmp_path, b"day" + held if table == "entries" else held)
    with pytest.raises(StorageFailed, match=f"is damaged: rows that fail their checksum: 1 in {table} ") as caught:
        Ledger.open(tmp_path)
    assert caught.value.exit_code == 3
    assert held.decode() not in str(caught.value)


def test_a_damaged_answer_and_a_damaged_vector_are_as_if_never_asked(tmp_path: Path) -> None:
    """Those alone; what is put then stays."""
    lay(tmp_path, ANSWERS[KEY].encode())
    with Ledger.open(tmp_path) as ledger:
        assert answers(ledger) == {**ANSWERS, KEY: None}
    vector = next(iter(VECTORS))
    lay(tmp_path, VECTORS[vector])
    with Ledger.open(tmp_path) as ledger:
        assert ledger.vectors.get_all(list(VECTORS)) == {k: v for k, v in VECTORS.items() if k != vector}
        ledger.vectors.put(vector, VECTORS[vector])
    with Ledger.open(tmp_path) as ledger:
        assert ledger.vectors.get(vector) == VECTORS[vector]


def test_damaged_indexes_are_made_anew(tmp_path: Path) -> None:
    """A key stands in its row and in an index: damaged there, nothing is lost; damaged here, one answer."""
    told = []
    for nth in range(4):
        lay(tmp_path, KEY.encode(), nth)
        with Ledger.open(tmp_path) as ledger:
            told.append(sum(answer is None for answer in answers(ledger).values()))
        with Ledger.open(tmp_path) as ledger:
            assert ledger._database.rows("PRAGMA integrity_check") == [("ok",)]
    assert sorted(told) == [0, 0, 0, 1]  # of calls and of uses: row and index


def test_no_write_makes_damage_good(tmp_path: Path) -> None:
    """A damaged row cannot be changed, and the file written anew keeps its checksums."""
    lay(tmp_path, ANSWERS[KEY].encode())
    with Ledger.open(tmp_path) as ledger:
        with pytest.raises(StorageFailed, match="a row of calls fails its checksum"):
            ledger._database.rows("UPDATE calls SET seconds = 0")
        ledger.past.scrub()
    with Ledger.open(tmp_path) as ledger:
        assert ledger.calls.get(KEY) is None


def test_words_of_a_damaged_key_do_not_stay_for_ever(tmp_path: Path) -> None:
    """Words under a key of no chunk go when the ledger is opened: nothing would forget them. Their chunk is named."""
    with Ledger.open(tmp_path) as ledger:
        pass
    (tmp_path / LEDGER_NAME).write_bytes(DECODER.whole)
    with Ledger.open(tmp_path) as ledger:
        ((row,),) = ledger._database.rows("SELECT episode_uuid || text FROM texts WHERE text LIKE 'Nadia met%'")
    lay(tmp_path, str(row).encode())
    with Ledger.open(tmp_path) as ledger:
        assert ledger._database.rows("SELECT count(*) FROM texts WHERE text LIKE 'Nadia met%'") == [(0,)]
        with pytest.raises(StorageFailed, match="the words of 1 entry"):
            ledger.past.start_replay()
        assert ledger.pending_chunks(GROUP)


def test_what_another_program_counted_is_no_damage(tmp_path: Path) -> None:
    """ANALYZE, by whoever looks into the file, adds tables with samples of its rows: they go, and nothing else."""
    (tmp_path / LEDGER_NAME).write_bytes(DECODER.whole)
    with closing(sqlite3.connect(tmp_path / LEDGER_NAME)) as other:
        other.execute("ANALYZE")
    with Ledger.open(tmp_path) as ledger:
        assert answers(ledger) == ANSWERS
        assert ledger._database.rows("SELECT name FROM sqlite_master WHERE name LIKE 'sqlite_stat%'") == []


def test_a_changed_schema_is_refused(tmp_path: Path) -> None:
    """What the tables are stands in the file, too, and SQLite takes whatever it can read there."""
    assert DECODER.whole.count(b"DEFAULT 0") == 1
    (tmp_path / LEDGER_NAME).write_bytes(DECODER.whole.replace(b"DEFAULT 0", b"DEFAULT 8"))
    with pytest.raises(StorageFailed, match="its tables are not those of a ledger"):
        Ledger.open(tmp_path)
