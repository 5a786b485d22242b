"""Turn tokens into text as it becomes certain: half a character waits for its other half.

Knows a tokenizer; knows neither the model nor who listens.
In: tokens, a few at a time.  Out: pieces of text whose join is the text of all tokens.
"""

from collections.abc import Callable, Sequence
from typing import Any

UNFINISHED = "\ufffd"  # what a decoder shows for bytes that are not yet a character


class TextStream:
    """The text of an answer while it is being said.

    tokenizer   mlx-lm's TokenizerWrapper (untyped)
    stop        the text ends before the first of these that is complete, and nothing that may become one is handed out
    hear        called with each new piece
    """

    def __init__(self, tokenizer: Any, stop: Sequence[str] = (), hear: Callable[[str], None] | None = None) -> None:
        self._tokenizer = tokenizer
        self._stop = stop
        self._hear = hear
        self._ids: list[int] = []
        self._start, self._seen = 0, 0  # ids[start:seen] were decoded last; what follows is read beside them
        self._heard = 0
        self.text = ""
        self.stopped_by: str | None = None

    def add(self, tokens: Sequence[int]) -> None:
        self._ids += tokens
        # Decoded beside what came before: some tokenizers drop a space at the start of what they are given.
        before, now = self._decode(self._ids[self._start : self._seen]), self._decode(self._ids[self._start :])
        if now.endswith(UNFINISHED):
            return
        self._start, self._seen = self._seen, len(self._ids)
        self._append(now[len(before) :])

    def close(self) -> str:
        """Hand out what was held back; the whole text."""
        before, now = self._decode(self._ids[self._start : self._seen]), self._decode(self._ids[self._start :])
        self._append(now[len(before) :])
        self._say(len(self.text))
        return self.text

    def _append(self, piece: str) -> None:
        if self.stopped_by is not None:
            return
        self.text += piece
        found = [(at + len(text), at, text) for text in self._stop if (at := self.text.find(text, self._heard)) >= 0]
        if found:
            _, at, self.stopped_by = min(found)
            self.text = self.text[:at]
            self._say(at)
        else:
            self._say(len(self.text) - self._possible_stop())

    def _possible_stop(self) -> int:
        """Characters at the end of the text with which a stop text may begin."""
        longest = max((len(text) for text in self._stop), default=1) - 1
        return next((n for n in range(longest, 0, -1) if self.text.endswith(tuple(s[:n] for s in self._stop))), 0)

    def _say(self, end: int) -> None:
        if end > self._heard:
            if self._hear is not None:
                self._hear(self.text[self._heard : end])
            self._heard = end

    def _decode(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text
