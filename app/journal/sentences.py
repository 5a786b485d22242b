"""Cut text into sentences by rule: English, German, French, Chinese.

Knows punctuation and a few abbreviations; knows no entries and no models.
In: text.  Out: half-open spans in order that hold every non-space character, none longer than MAX_SENTENCE_CHARS.
"""

import re
from collections.abc import Iterator

from app.journal.almanac import MONTHS, fold
from app.journal.types import Span

MAX_SENTENCE_CHARS = 400  # a longer one is cut at ; : , or a space, so that a span stays a quotable line

_TITLES = (
    "mr mrs ms messrs dr st ste prof rev revd hon col coll capt lt lieut gen maj sgt hr hrn fr frl mme mlle mm mgr m"
)
_SHORT_WORDS = "sr jr vs cf viz esq e.g i.e z.b d.h u.a z.t bzw ca vgl approx"
_ABBREVIATIONS = {*_TITLES.split(), *_SHORT_WORDS.split()}
_BEFORE_NUMBERS = {*MONTHS, "no", "nr", "vol", "p", "pp", "fig", "bd", "abb"}
_END = re.compile(
    r"""(?<![.!?…])[.!?…]++(?:["'”’)\]]|[ \xa0\u202f]?»)*+(?=\s)"""  # the end of a sentence, if the words around agree
    r"|[。！？]+[…」』”’）]*"  # Chinese needs no space after it
    r"|\n[ \t\r　]*(?=\n)"  # a blank line
    r"|\n(?=[ \t]*(?:[-*+•–—]|\d{1,3}[.)]|\#{1,6})[ \t])"  # before a list item or a Markdown heading
    r"|(?m:^[ \t]*\#{1,6}[ \t].*$)"  # after a Markdown heading
)
_INK = re.compile(r"\S")
_NEXT_WORD = re.compile(r"""[\s"'“‘„»«(\[]*(\w*)""")
_LAST_WORD = re.compile(r"[^\s(\[“‘„\"'’—–]*$")
_LOOK_BACK_CHARS = 24  # longer than any abbreviation
_CUTS = (re.compile(r"[;:；：](?=\s)|[；：]"), re.compile(r"[,，、](?=\s)|[，、]"), re.compile(r"\s"))


def split_sentences(text: str) -> list[Span]:
    """Spans of the sentences: no white space at their ends, every other character in exactly one of them.

    A line break inside hard-wrapped prose ends nothing; a blank line, a list item and a Markdown heading do.
    """
    writes_capitals = text != text.lower()
    spans: list[Span] = []
    start = 0
    for match in _END.finditer(text):
        if match[0][0] not in ".!?…" or _ends_sentence(text, match, writes_capitals):
            spans.extend(_cut(text, start, match.end()))
            start = match.end()
    spans.extend(_cut(text, start, len(text)))
    return spans


def _ends_sentence(text: str, match: re.Match[str], writes_capitals: bool) -> bool:
    """Whether this point, "!", "?" or "…" followed by white space ends a sentence."""
    after = _NEXT_WORD.match(text, match.end(), match.end() + 40)
    following = after[1] if after else ""
    if following[:1].islower() and writes_capitals:  # “Oh, no!” he said
        return False
    if match[0] != ".":
        return True
    before = _LAST_WORD.search(text, max(0, match.start() - _LOOK_BACK_CHARS), match.start())
    word = before[0] if before else ""
    if word.isdecimal() and len(word) < 3:  # the German ordinal: am 3. April, zum 31. Dez.
        return fold(following) not in MONTHS
    if len(word) == 1 and word.isupper() and word != "I" and word.isascii():  # Sir W. B.
        return False
    if fold(word) in _BEFORE_NUMBERS and following[:1].isdecimal():  # Dec. 24
        return False
    return fold(word) not in _ABBREVIATIONS


def _cut(text: str, start: int, end: int) -> Iterator[Span]:
    """The part between `start` and `end` without the white space around it, in pieces of at most MAX_SENTENCE_CHARS."""
    end = start + len(text[start:end].rstrip())
    while first := _INK.search(text, start, end):
        start = first.start()
        window = text[start : min(start + MAX_SENTENCE_CHARS, end)]
        if end - start > MAX_SENTENCE_CHARS:
            window = window[: _cut_point(window)].rstrip()
        yield start, start + len(window)
        start += len(window)


def _cut_point(window: str) -> int:
    """Where to cut: after the last ; or : of the window's second half, else after a comma, a space, anywhere."""
    for pattern in _CUTS:
        cuts = [match.end() for match in pattern.finditer(window, len(window) // 2)]
        if cuts:
            return cuts[-1]
    return len(window)
