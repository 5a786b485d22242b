"""Chunks: joined they are the entry, none over the limit."""

from datetime import date
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from app.journal.chunks import chunk_entry
from app.journal.types import Chunk, Entry

DAY = date(2024, 4, 3)


def cut(text: str, max_tokens: int, chars_per_token: int = 1) -> list[Chunk]:
    """Chunks under a tokenizer whose tokens have so many characters, the last one maybe fewer."""
    entry = Entry(Path("a.txt"), DAY, text, 0, len(text))
    return chunk_entry(entry, max_tokens=max_tokens, count_tokens=lambda piece: -(-len(piece) // chars_per_token))


_TEXTS = st.lists(
    st.one_of(
        st.text(max_size=30), st.sampled_from(["\n\n", "A sentence. ", "word ", "晴。风。", "x" * 50, " \n\n\n "])
    )
).map("".join)


@given(_TEXTS, st.integers(1, 40), st.integers(1, 5))
def test_joined_chunks_restore_the_entry_and_none_is_too_long(text: str, max_tokens: int, chars_per_token: int) -> None:
    """Whatever the text and the limit: nothing lost, nothing twice, no chunk over the limit, spans slice back."""
    chunks = cut(text, max_tokens, chars_per_token)
    if not text.strip():
        assert chunks == []
        return
    assert "".join(chunk.text for chunk in chunks) == text
    assert all(-(-len(chunk.text) // chars_per_token) <= max_tokens for chunk in chunks)
    assert [(chunk.index, chunk.count) for chunk in chunks] == [(i, len(chunks)) for i in range(len(chunks))]
    assert all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks)
    assert len({chunk.chunk_id for chunk in chunks}) == len(chunks)
    if -(-len(text) // chars_per_token) <= max_tokens:
        assert len(chunks) == 1


def test_cuts_fall_between_paragraphs_then_sentences_then_words() -> None:
    """The better cut wins: a paragraph's end, else a sentence's, else a word's, else the limit."""
    assert [c.text for c in cut("One one. Two.\n\nThree. Four.", 18)] == ["One one. Two.\n\n", "Three. Four."]
    assert [c.text for c in cut("One one two. Three four.", 18)] == ["One one two. ", "Three four."]
    assert [c.text for c in cut("one two three four", 10)] == ["one two ", "three four"]
    assert [c.text for c in cut("abcdefgh", 3)] == ["abc", "def", "gh"]


def test_a_character_over_the_limit_is_a_chunk_of_its_own() -> None:
    """A tokenizer that needs three tokens for one character cannot make the cutting endless."""
    entry = Entry(Path("a.txt"), DAY, "𓀀𓀁", 0, 2)
    chunks = chunk_entry(entry, max_tokens=2, count_tokens=lambda piece: 3 * len(piece))
    assert [chunk.text for chunk in chunks] == ["𓀀", "𓀁"]
