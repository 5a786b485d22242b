"""Cut one journal entry into chunks that fit a model call.

Knows text and a counting function; knows nothing of models or graphs.
In: an Entry.  Out: Chunks in order; "".join(chunk.text for chunk in chunks) == entry.text.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable

from app.journal.sentences import split_sentences
from app.journal.types import Chunk, Entry

_PARAGRAPH_START = re.compile(r"\n[ \t\r]*\n[ \t]*(?=\S)")
_WORD_START = re.compile(r"(?<=\s)(?=\S)")
_CAUTION = 0.95  # of the estimated characters, so that the second try nearly always fits


def chunk_entry(entry: Entry, *, max_tokens: int, count_tokens: Callable[[str], int]) -> list[Chunk]:
    """Chunks of at most `max_tokens`, cut between paragraphs, else sentences, else words, else anywhere.

    count_tokens   may be slow: it is called once for the whole entry and about twice per chunk
    returns        one chunk if the entry fits, none if it is blank; a single character may exceed the limit
    """
    if not entry.text.strip():
        return []
    tokens = count_tokens(entry.text)
    ends = [len(entry.text)] if tokens <= max_tokens else _cuts(entry.text, tokens, max_tokens, count_tokens)
    starts = [0, *ends[:-1]]
    return [Chunk(entry, i, len(ends), *span) for i, span in enumerate(zip(starts, ends, strict=True))]


def _cuts(text: str, tokens: int, max_tokens: int, count_tokens: Callable[[str], int]) -> list[int]:
    """Where the chunks end: each is guessed from the characters per token so far, counted, shortened until it fits."""
    places = (
        [match.end() for match in _PARAGRAPH_START.finditer(text)],
        [start for start, _ in split_sentences(text)],
    )
    ends: list[int] = []
    start = 0
    chars_per_token = len(text) / tokens
    while start < len(text):
        room = max(1, int(max_tokens * chars_per_token))
        while True:
            end = _best_cut(text, start, start + room, places)
            count = count_tokens(text[start:end])
            if count <= max_tokens or end - start == 1:
                break
            room = max(1, min(int((end - start) * max_tokens / count * _CAUTION), end - start - 1))
        chars_per_token = (end - start) / max(count, 1)
        ends.append(end)
        start = end
    return ends


def _best_cut(text: str, start: int, limit: int, places: tuple[list[int], ...]) -> int:
    """The last good place to end text[start:limit]; one in its second half is worth more than a better one before."""
    if limit >= len(text):
        return len(text)
    half = start + (limit - start) // 2
    for least in (half, start):
        for cuts in places:
            last = bisect_right(cuts, limit) - 1
            if last >= bisect_left(cuts, least + 1):
                return cuts[last]
    words = [match.end() for match in _WORD_START.finditer(text, half, limit + 1)]
    return next((end for end in reversed(words) if start < end <= limit), limit)
