"""Turn journal text into the variable part of a prompt: numbered sentences, dates, names.

Knows text only. In: an entry's text and date.  Out: strings for the signatures' input fields, and the
closed lists (names, dates, sentence numbers) that a grammar may choose from.
"""

from dataclasses import dataclass
from datetime import date

from app.journal.dates import find_dates
from app.journal.sentences import split_sentences
from app.journal.types import Span
from app.prompts.meant import meant_by
from app.prompts.names import candidate_names, one_line


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
        head = [f"{self.day.isoformat()}, {self.day.strftime('%A')}"] if self.day else []
        return "\n".join([*head, *self.lines()])

    def lines(self) -> list[str]:
        """Every sentence with its number: `2. She works at Siemens now.`"""
        return [f"{i}. {one_line(self.text[a:b])}" for i, (a, b) in enumerate(self.spans, 1)]

    def date_lines(self) -> str:
        """`2024-04-02: yesterday`, a line a date; empty when the text names none but its own."""
        if len(self.dates) < 2:
            return ""
        return "\n".join(f"{day}: {words}" for day, words in self.dates.items())

    def sentence_with(self, name: str) -> str:
        """The first sentence that names it, or an empty string."""
        sentences = (one_line(self.text[a:b]) for a, b in self.spans)
        return next((sentence for sentence in sentences if name in sentence), "")

    def names(self) -> dict[str, list[str]]:
        """Numbered sentence -> the runs of its words that could be names, each once; only sentences that have any."""
        found = (list(dict.fromkeys(candidate_names(self.text[a:b]))) for a, b in self.spans)
        return {line: runs for line, runs in zip(self.lines(), found, strict=True) if runs}

    def meant(self, kinds: dict[str, str], writer: str) -> dict[str, list[str]]:
        """Numbered sentence -> the listed entities it can speak of; only sentences that can tell a fact between two."""
        found = meant_by([self.text[a:b] for a, b in self.spans], kinds, writer)
        return {line: names for line, names in zip(self.lines(), found, strict=True) if len(names) > 1}


def number_text(text: str, day: date | None) -> NumberedText:
    """Number the sentences of an entry and resolve the dates that it names; without a day only the sentences."""
    dates = {day.isoformat(): "this entry"} if day else {}
    for found in find_dates(text, day) if day else ():
        dates.setdefault(found.date, one_line(text[found.start : found.end]).strip(" .,;"))
    return NumberedText(text, day, tuple(split_sentences(text)), dates)


def dated(words: str, since: str | None, until: str | None = None) -> str:
    """A fact as it is shown and quoted: `Eva lived in Bonn. (1912-03-01 to 1913-05-01)`.

    Its days stand behind it: what follows a mark is found more easily than what precedes it.
    """
    return f"{one_line(words)} ({since or 'undated'}{f' to {until}' if until else ''})"
