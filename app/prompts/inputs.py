"""Turn journal text into the variable part of a prompt: numbered sentences, dates, names.

Knows text only. In: an entry's text and date.  Out: strings for the signatures' input fields, and the
closed lists (names, dates, sentence numbers) that a grammar may choose from.
"""

import re
from dataclasses import dataclass
from datetime import date

from app.journal.dates import find_dates
from app.journal.sentences import split_sentences
from app.journal.types import Span

MAX_NAME_WORDS = 6  # "the Prince of Wales's Own Regiment"; longer names are rare and cost grammar time
MAX_NAME_SIGNS = 8  # the same for scripts written without spaces

_WORD = re.compile(r"[^\W_]+(?:['’&.-][^\W_]+)*(?:——|--)?")
_ABBREVIATED = re.compile(
    r"(?:[^\W\d_]{1,3}|[^\W\d_](?:\.[^\W\d_])+)$"
)  # "B", "St", "J.K": a full stop may belong to it
_POSSESSIVE = re.compile(r"['’]s?$")  # "Clara's" names Clara, "Hals'" names Hals
_ELIDED = re.compile(r"^(?:[cdjlmnst]|qu)['’](?=\w)", re.IGNORECASE)  # "d'Hal" names Hal
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+")


@dataclass(frozen=True, slots=True)
class NumberedText:
    """An entry as the model sees it, and where each numbered sentence stands in the entry.

    spans[i]   half-open span of sentence i + 1 in the entry's text
    dates      ISO date -> the words that name it; the entry's own date comes first
    """

    text: str
    day: date | None
    spans: tuple[Span, ...]
    dates: dict[str, str]

    def entry(self) -> str:
        """`2024-04-03, Wednesday` where the day matters, and one numbered sentence a line."""
        lines = [f"{self.day.isoformat()}, {self.day.strftime('%A')}"] if self.day else []
        lines += [f"{i}. {_one_line(self.text[a:b])}" for i, (a, b) in enumerate(self.spans, 1)]
        return "\n".join(lines)

    def date_lines(self) -> str:
        """`2024-04-02: yesterday`, a line a date; empty when the text names none but its own."""
        if len(self.dates) < 2:
            return ""
        return "\n".join(f"{day}: {words}" for day, words in self.dates.items())

    def sentence_with(self, name: str) -> str:
        """The first sentence that names it, or an empty string."""
        sentences = (_one_line(self.text[a:b]) for a, b in self.spans)
        return next((sentence for sentence in sentences if name in sentence), "")

    def names(self) -> list[str]:
        """Every run of words of one sentence that could be a name, in order of appearance, each once."""
        found: dict[str, None] = {}
        for start, end in self.spans:
            for name in _runs(self.text[start:end]):
                found.setdefault(name)
        return list(found)


def number_text(text: str, day: date | None) -> NumberedText:
    """Number the sentences of an entry and resolve the dates that it names; without a day only the sentences."""
    dates = {day.isoformat(): "this entry"} if day else {}
    for found in find_dates(text, day) if day else ():
        dates.setdefault(found.date, _one_line(text[found.start : found.end]).strip(" .,;"))
    return NumberedText(text, day, tuple(split_sentences(text)), dates)


def find_mentions(text: str, name: str) -> list[Span]:
    """Half-open spans of a name in a text, whole words only, across the line breaks of hard-wrapped text."""
    words = r"\s+".join(re.escape(word) for word in name.split())
    edges = (r"(?<!\w)" if name[:1].isalnum() else "", r"(?!\w)" if name[-1:].isalnum() else "")
    if not words or _UNSPACED.search(name):
        edges = ("", "")
    return [match.span() for match in re.finditer(edges[0] + words + edges[1], text)] if words else []


def _runs(sentence: str) -> list[str]:
    words = [match.span() for match in _WORD.finditer(sentence)]
    runs = []
    for first, (start, _) in enumerate(words):
        for _, end in words[first : first + MAX_NAME_WORDS]:
            run = sentence[start:end]
            if "\n\n" in run:
                break
            runs.append(_one_line(run))
            if bare := _POSSESSIVE.sub("", run):
                runs.append(_one_line(bare))
            if bare := _ELIDED.sub("", run):
                runs.append(_one_line(bare))
            if sentence[end : end + 1] == "." and _ABBREVIATED.search(run):
                runs.append(_one_line(sentence[start : end + 1]))
    for match in _UNSPACED.finditer(sentence):
        signs = match.group()
        runs += [signs[i:j] for i in range(len(signs)) for j in range(i + 1, min(i + MAX_NAME_SIGNS, len(signs)) + 1)]
    return runs


def _one_line(text: str) -> str:
    """Hard-wrapped lines of a sentence joined by a space, as a reader joins them."""
    return " ".join(text.split())
