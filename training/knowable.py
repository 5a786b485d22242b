"""What a reader can know of two names: that they are one, that they are two, or neither.

Knows titles and roles as the app does; knows no journal. In: names and the sentences shown with them.  Out: yes or no.

The maker of a journal knows that my aunt is Hélène. A reader knows it where a sentence says "my aunt Hélène"; and
whether Tini is the Tini Moreau of last week or another one, nobody can tell. Such a pair is not shown. A role and a
name that nothing joins are taken for two, as an unsure reader is told to.
"""

import re

from app.prompts.alike import could_be, telling_words, words_of
from app.prompts.names import POSSESSIVES
from app.prompts.titles import TITLES, folded

_OF_THE_WRITER = rf"\b(?:{'|'.join(sorted(POSSESSIVES))})\s+"


def are_plainly_one(name: str, sentence: str, other: str, other_sentence: str) -> bool:
    """Whether two names of one being show it: by a word in common, or by "my aunt Hélène" in a sentence."""
    ours, theirs = telling_words(name), telling_words(other)
    if ours and theirs:
        return could_be(name, "Person", other, "Person")
    if not ours and not theirs:
        return words_of(name)[-1].lower() == words_of(other)[-1].lower()
    role, called = (name, other) if theirs else (other, name)
    beside = rf"{_OF_THE_WRITER}{re.escape(words_of(role)[-1])}\s+{re.escape(called)}\b"
    return any(re.search(beside, text, re.IGNORECASE) for text in (sentence, other_sentence))


def are_plainly_two(name: str, other: str) -> bool:
    """Whether names of two beings show it: none could be short for the other, titles differ, or one is a role."""
    ours, theirs = set(telling_words(name)), set(telling_words(other))
    if not ours and not theirs:
        return words_of(name)[-1].lower() != words_of(other)[-1].lower()
    if not ours or not theirs or not (ours <= theirs or theirs <= ours):
        return True
    titles = [TITLES & {folded(word) for word in words_of(one)} for one in (name, other)]
    return all(titles) and not titles[0] & titles[1]
