"""What a new name or a new fact could have to do with known ones: what a grammar lets a model choose from.

Knows words, initials, titles and words of kinship in three languages; knows no model and no graph.
In: names, kinds, sentences and facts.  Out: yes or no.

Only what plainly cannot be is ruled out: a person is no place, "Clara" is no "Bob", and a fact that shares no name
with another does not end it. "Mum", "my sister" and "the Captain" may be anyone. What is left over is the model's to
judge; large models make fewer mistakes so, small ones far fewer, and most answers are known without asking.
"""

import re

from app.prompts.names import ELIDED, POSSESSIVES, UNSPACED
from app.prompts.titles import TITLES, folded

SHARED_LETTERS = 3  # Lotte and Charlotte, Bertie and Albert
NAME_LETTERS = 3  # of a name in a fact: Anna and Annas, Will and Willy
NICKNAME_LETTERS = 6  # so short a name may stand for any first name with its initial: Meg, Peg, Harry

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_SMALL_WORDS = frozenset(
    "a an and the of in at on de du des la le les l d van von der den das die el al y et und zu".split()  # noqa: SIM905
)


def could_be(new: str, new_kind: str, known: str, known_kind: str) -> bool:
    """Whether two names can belong to one entity."""
    if new_kind != known_kind and "Person" in (new_kind, known_kind) and "Thing" not in (new_kind, known_kind):
        return False
    ours, theirs = telling_words(new), telling_words(known)
    if not ours or not theirs:
        return True
    if any(_resemble(one, other) for one in ours for other in theirs):
        return True
    if _initials(ours) == "".join(theirs) or _initials(theirs) == "".join(ours):
        return True
    people = "Person" in (new_kind, known_kind)
    return people and (_could_be_nickname(ours, theirs) or _could_be_nickname(theirs, ours))


def could_end(new_fact: str, known_fact: str) -> bool:
    """Whether a new fact can end a known one: they speak of some same name, or one of them of a role."""
    ours, theirs = _names_of(new_fact), _names_of(known_fact)
    return not ours or not theirs or bool(ours & theirs)


def words_of(text: str) -> list[str]:
    """Its words, with hyphens and apostrophes inside them, without what French hangs before them."""
    return [ELIDED.sub("", word) for word in _WORD.findall(text)]


def telling_words(name: str) -> list[str]:
    """Its words without titles and articles; none where anyone may be meant: my sister, Mum, the Captain."""
    words = words_of(name)
    if words and (words[0].lower() in POSSESSIVES or all(word[:1].islower() for word in words)):
        return []
    if UNSPACED.search(name):  # 小张 may be 张伟
        return []
    return [word for word in map(folded, words) if word not in TITLES and word not in _SMALL_WORDS]


def _resemble(one: str, other: str) -> bool:
    """The same word, one's initial, or a run of letters in common."""
    if min(len(one), len(other)) == 1:
        return one[0] == other[0]
    if min(len(one), len(other)) < SHARED_LETTERS:
        return one == other
    runs = {one[i : i + SHARED_LETTERS] for i in range(len(one) - SHARED_LETTERS + 1)}
    return any(run in other for run in runs)


def _could_be_nickname(short: list[str], long: list[str]) -> bool:
    return len(short) == 1 and len(short[0]) <= NICKNAME_LETTERS and any(short[0][0] == word[0] for word in long)


def _initials(words: list[str]) -> str:
    return "".join(word[0] for word in words) if len(words) > 1 else ""


def _names_of(fact: str) -> set[str]:
    """Its capitalised words, of each the first letters, since grammar bends the ends; none where it speaks of a role.

    The fact is one of ours: it begins with its source.
    """
    words = words_of(fact)
    if any(word.lower() in POSSESSIVES for word in words):
        return set()
    names = {folded(word) for word in words if not word[:1].islower()} - _SMALL_WORDS
    return {name[:NAME_LETTERS] for name in names}
