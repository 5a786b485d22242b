"""Full text in memory: which of many short texts share the words of a question, and how much that says.

Knows words and their counts; knows no graph and no model. In: texts and a question.  Out: a score for each text.
"""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]  # (texts,)

# Robertson and Zaragoza: The Probabilistic Relevance Framework: BM25 and Beyond, 2009, section 3.5
_K1, _B = 1.2, 0.75
_WORD = re.compile(r"[^\W\d_]+|\d+")
_HAN = re.compile(r"[\u3400-\u9fff\u3040-\u30ff\uac00-\ud7af]")
_ENDINGS = ("ingly", "edly", "ings", "ing", "ies", "ern", "ed", "es", "en", "er", "em", "ly", "s", "e", "n")
_SHORTEST = 4  # letters that a stem keeps: shorter words differ by their endings


class FullText:
    """BM25 over texts that do not change; words count by their stems, so that "lives" finds "lived"."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._size = len(texts)
        stem_of: dict[str, str] = {}  # a journal has few different words
        found = [stems(text, stem_of) for text in texts]
        lengths = np.fromiter(map(len, found), np.int64, self._size)
        self._numbers: dict[str, int] = {}
        numbers = (self._numbers.setdefault(stem, len(self._numbers)) for each in found for stem in each)
        said = np.fromiter(numbers, np.int64, int(lengths.sum()))
        # A stem in a text is one number, so that sorting brings together what stands together: the postings, in order.
        both, self._times = np.unique(said * self._size + np.repeat(np.arange(self._size), lengths), return_counts=True)
        self._places = both % max(self._size, 1)
        self._starts = np.searchsorted(both, np.arange(len(self._numbers) + 1) * self._size)
        mean = float(lengths.mean()) if self._size else 1.0
        self._norm = (_K1 * (1 - _B + _B * lengths / max(mean, 1e-9))).astype(np.float32)

    def scores(self, question: str) -> Scores:
        """BM25 of every text; zero where no word is shared. A word that most texts have counts for almost nothing."""
        scores = np.zeros(self._size, np.float32)
        for stem in set(stems(question)):
            if stem not in self._numbers:
                continue
            number = self._numbers[stem]
            part = slice(self._starts[number], self._starts[number + 1])
            places, times = self._places[part], self._times[part]
            rarity = np.log1p((self._size - len(places) + 0.5) / (len(places) + 0.5))
            scores[places] += rarity * times * (_K1 + 1) / (times + self._norm[places])
        return scores

    def has(self, word: str) -> bool:
        """Whether the stems of a word stand in the texts."""
        return all(stem in self._numbers for stem in stems(word))


def stems(text: str, known: dict[str, str] | None = None) -> list[str]:
    """Words without accents, case and common endings; scripts without spaces as pairs of signs.

    known   stems by word, filled for the next call; a caller with many texts keeps one

    Example: "She lived in Zürich." -> ["she", "liv", "in", "zurich"]
    """
    folded = text.lower()
    if not folded.isascii():
        folded = "".join(c for c in unicodedata.normalize("NFD", folded) if not unicodedata.combining(c))
    known = {} if known is None else known
    found: list[str] = []
    for word in _WORD.findall(folded):
        if word in known:
            found.append(known[word])
        elif _HAN.search(word):
            found += [word[i : i + 2] for i in range(max(len(word) - 1, 1))]
        else:
            known[word] = _stem(word)
            found.append(known[word])
    return found


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST - (ending in ("s", "e", "es", "ed")):
            return word[: -len(ending)]
    return word
