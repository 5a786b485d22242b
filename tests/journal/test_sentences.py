"""Sentences: every character kept, cuts where a reader would cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.journal.sentences import MAX_SENTENCE_CHARS, split_sentences


@pytest.mark.parametrize(
    "sentences",
    [
        [
            "Up by four.",
            "Sir W. B. came to Mr. Coventry at St. James’s, e.g. in Dec. 24.",
            "“Oh, no!” he said.",
            "Bed.",
        ],
        ["Am 3. April kam Dr. Kaufmann z.B. mit Fr. Sikora.", "Dann Spaziergang?", "Abends zu Haus."],
        ["Hier, j’ai vu M. Dupont et Mme. Roche à 8 h.", "« Quelle journée ! »", "Je rentre."],
    ],
)
def test_sentences_end_where_a_reader_ends_them(sentences: list[str]) -> None:
    """Abbreviations, initials, ordinals and quotations do not cut a sentence, also in hard-wrapped text."""
    for gap in (" ", "\n", "\r\n"):
        text = gap.join(sentences)
        assert [text[a:b] for a, b in split_sentences(text)] == sentences


def test_chinese_sentences_need_no_space() -> None:
    """。！？ end a sentence, a closing quotation mark stays with it."""
    text = "晴，风。休假。上午范云台来！“好。”他说。"
    assert [text[a:b] for a, b in split_sentences(text)] == ["晴，风。", "休假。", "上午范云台来！", "“好。”", "他说。"]


def test_blank_lines_list_items_and_headings_end_a_sentence() -> None:
    """A line break alone does not end a sentence, a blank line, a list item and a Markdown heading do."""
    text = "a line\nwrapped\n\nnext paragraph\n- one\n- two\n1. three\n# Head\nprose"
    parts = ["a line\nwrapped", "next paragraph", "- one", "- two", "1. three", "# Head", "prose"]
    assert [text[a:b] for a, b in split_sentences(text)] == parts


def test_long_sentences_are_cut_at_punctuation() -> None:
    """A sentence over the limit is cut after ; or : before it is cut at a space, and anywhere if it has neither."""
    clause = "word " * 60
    text = f"{clause.strip()}; {clause.strip()}: {clause.strip()}"
    assert [text[b - 1] for _, b in split_sentences(text)] == [";", ":", "d"]
    assert split_sentences("x" * 1000) == [(0, 400), (400, 800), (800, 1000)]


_PIECES = st.sampled_from(["Mr. ", "W. ", "3. ", "A.", "…", "!”", "。", "\n\n", "\n- ", " # ", ";", "word ", "x" * 300])


@given(st.one_of(st.text(), st.lists(_PIECES, max_size=40).map("".join)))
def test_spans_partition_the_text_without_its_white_space(text: str) -> None:
    """Spans are in order, hold every non-space character, neither begin nor end with a space, and keep the limit."""
    end = 0
    for a, b in split_sentences(text):
        assert not text[end:a].strip()
        assert 0 < b - a <= MAX_SENTENCE_CHARS
        assert text[a:b] == text[a:b].strip()
        end = b
    assert not text[end:].strip()
