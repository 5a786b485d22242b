"""Whom a question names that the journal never does.

Knows capital letters, titles and function words; knows no graph. In: a question and which words a journal has.
Out: names, as the question writes them.
"""

import re
from collections.abc import Callable

from app.journal.almanac import MONTHS, WEEKDAYS
from app.prompts.alike import telling_words, words_of
from app.prompts.names import ELIDED, FUNCTION_WORDS

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*\.?")
_POSSESSIVE = re.compile(r"['’]s?$")
_DAYS = WEEKDAYS.keys() | MONTHS.keys()


def names_in(question: str) -> list[str]:
    """Runs of capitalised words; the first word of a question has its capital for another reason.

    Example: "Did Anna Keller meet Mr. Brown's wife in May?" -> ["Anna Keller", "Mr. Brown"]
    """
    if question.isupper():
        return []
    names: list[str] = []
    end = -2  # of the last name
    for number, match in enumerate(_WORD.finditer(question)):
        word = ELIDED.sub("", match.group())
        bare = word.rstrip(".").lower()
        if number == 0 or not word[0].isupper() or bare in FUNCTION_WORDS or bare in _DAYS:
            continue
        name = _POSSESSIVE.sub("", word)
        if question[end : match.start()].isspace() and match.group() == word:
            names[-1] += f" {name}"
        else:
            names.append(name)
        end = match.end() if name == word else -2
    return [name.rstrip(".") for name in names]


def all_strangers(question: str, is_known: Callable[[str], bool]) -> list[str]:
    """The names of a question if the journal has no word of any of them; else none.

    Where one name is known the others may be what only the reader knows: Iceland, where the journal says Reykjavik.
    Who is called by a title alone may be anyone.

    is_known   whether a word stands in the journal, whatever its case and ending
    """
    names = names_in(question)
    for name in names:
        telling = [word for word in words_of(name) if telling_words(word)]
        if not telling or any(map(is_known, telling)):
            return []
    return names
