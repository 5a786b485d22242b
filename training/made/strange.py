"""Words nobody has taught: in an entry for training an odd word here and there is exchanged for an invented one.

Knows spelling and dates; knows no forms. In: sentences and the words that must stay.  Out: sentences.

Forms are few beside what people write. Who has met words that mean nothing has learnt to read a sentence by the rest of
it, and holds them for no names. An ending stays, since it tells a verb from a noun: "lodged" may become "brearged".
"""

import random
import re
from collections.abc import Iterable
from datetime import date

from app.journal.dates import find_dates
from app.prompts.meant import PRONOUNS
from app.prompts.names import FUNCTION_WORDS
from training.made.names import SOUNDS, syllables

_WORD = re.compile(r"(?<![\w'’-])[^\W\d_]{4,}(?![\w'’-])")
_ENDING_LETTERS = 2
# what decides between a fact, its end, its denial and a wish, and is no function word
_HINGES = frozenset(
    """
    nothing nobody none hardly longer wish wished hoped dreamt dreamed want wanted plan planned almost nearly perhaps
    maybe failed refused instead
    nichts niemand keinem keiner mehr hätte hätten würde würden könnte könnten wäre wären vielleicht beinahe fast
    wollten möchte möchten
    rien personne aucun aucune aurait serait voudrais voulais voulait presque
    """.split()  # noqa: SIM905  a list of words is read best as words
)


def with_strange_words(
    rng: random.Random, sentences: Iterable[str], kept: Iterable[str], today: date, share: float
) -> list[str]:
    """`share` of the common words of four letters and more are exchanged, but none of `kept` or of a date."""
    stay = _HINGES | FUNCTION_WORDS | PRONOUNS | {word for text in kept for word in re.findall(r"\w+", text.lower())}

    def exchanged(sentence: str) -> str:
        dates = [(found.start, found.end) for found in find_dates(sentence, today)]

        def exchange(match: re.Match[str]) -> str:
            word = match[0]
            if (
                not word.islower()
                or word in stay
                or rng.random() >= share
                or any(a < match.end() and match.start() < b for a, b in dates)
            ):
                return word
            return syllables(rng, SOUNDS[0], False, ("",), 1).lower() + word[-_ENDING_LETTERS:]

        return _WORD.sub(exchange, sentence)

    return [exchanged(sentence) for sentence in sentences]
