"""Bytes to text: a convincing encoding, or a refusal that names the byte."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.errors import BadJournal
from app.journal.encoding import decode

FRENCH = "2024-04-03\r\nJ’ai été à l’Opéra — « quelle soirée ! », dit-elle."
CHINESE = "一九一八年正月一日\n一日 晴，风。休假。上午范云台、许诗荃来。"


@pytest.mark.parametrize(
    ("raw", "encoding", "text"),
    [
        (FRENCH.encode(), "utf-8", FRENCH),
        (FRENCH.encode("utf-8-sig"), "utf-8", "\ufeff" + FRENCH),
        (b"\xff\xfe" + CHINESE.encode("utf-16-le"), "utf-16-le", "\ufeff" + CHINESE),
        (b"\xfe\xff" + CHINESE.encode("utf-16-be"), "utf-16-be", "\ufeff" + CHINESE),
        (FRENCH.encode("cp1252"), "cp1252", FRENCH),
        (b"caf\xe9", "cp1252", "café"),
        (CHINESE.encode("gb18030"), "gb18030", CHINESE),
        (b"", "utf-8", ""),
    ],
)
def test_each_encoding_keeps_every_character(raw: bytes, encoding: str, text: str) -> None:
    """Byte order mark and line ends stay in the text."""
    assert decode(raw, "a.txt") == (text, encoding)


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        ("été à l’Opéra".encode() + b"\xff" + "été".encode(), "byte 19 "),
        ("a café, a café, a ".encode() + b"caf\xe9", "byte 23 "),
        (b"\xff\xfe\x00\xd8", "byte 2 "),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "byte 8 "),
        ("Привет, как дела? Сегодня хорошо".encode("cp1251"), "byte 0 "),
        ("今日は晴れ".encode("shift-jis"), "byte 0 "),
        (b"\x81\x8d\x8f\x90", "byte 0 "),
        (b"\1\2\3\4 text", "4 control"),
    ],
)
def test_a_doubtful_file_is_refused_at_its_byte(raw: bytes, place: str) -> None:
    """Damaged UTF-8, binary files and other encodings: one line with the name and the place."""
    with pytest.raises(BadJournal) as caught:
        decode(raw, "a.txt")
    assert str(caught.value).startswith(f"a.txt: {place}")


@given(st.binary(max_size=200))
@example(b"\x80")
def test_any_bytes_are_decoded_whole_or_refused(raw: bytes) -> None:
    """What is decoded encodes back to the same bytes."""
    try:
        text, encoding = decode(raw, "a.txt")
    except BadJournal:
        return
    assert text.encode(encoding) == raw
