"""Which of the listed entities each sentence can speak of: what a grammar lets the ends of its facts be.

Knows names and the pronouns of three languages; knows no model. In: sentences and named kinds.  Out: names a sentence.

A sentence speaks of the writer, of whom it names, of the people of the sentence before (diarists leave out subjects:
"Saw Marta. Has a new job at Siemens."), and with a pronoun of whom the sentences before named. One that names nobody
and points to nobody tells no fact between two entities, and is not asked about.
"""

from collections.abc import Sequence

from app.prompts.alike import words_of
from app.prompts.names import FUNCTION_WORDS, POSSESSIVES, UNSPACED
from app.prompts.titles import folded

CARRIED_SENTENCES = 3  # how far back a pronoun reaches
ENDING_LETTERS = 2  # what grammar hangs onto a name: Annas, Clärchens
SHORTEST_STEM = 3

PRONOUNS = frozenset(
    """
    he she they him her them his hers their theirs we us our ours both himself herself themselves
    it its there here one ones each other others former latter everyone
    er sie ihm ihn ihr ihnen sein seine seinem seinen seiner ihre ihrem ihren ihrer wir uns unser unsere beide beiden es
    dort dorthin da dahin daher hier hierher davon damit darin darauf alle andere anderen
    il elle ils elles lui leur leurs eux son sa ses nous notre nos y en là ici on cela ça celui celle ceux celles tous
    toutes deux autre autres
    """.split()  # noqa: SIM905  a list of words is read best as words
)
LEAST_FUNCTION_WORDS = 0.15  # of a text in one of them; in a language we know little of, every sentence may point
_ALSO_SPANISH = frozenset("a de en la le me no que se te tu un y".split())  # noqa: SIM905  tell no language


def meant_by(sentences: Sequence[str], kinds: dict[str, str], writer: str) -> list[list[str]]:
    """For each sentence the names it can speak of, in the order of `kinds`; fewer than two: it tells no fact.

    kinds   the listed entities and their kinds; `writer` is one of them
    """
    stems = {name: _stems(name) for name in kinds}
    points_always = not _is_of_known_language(" ".join(sentences))
    before: list[set[str]] = []
    found = []
    for sentence in sentences:
        words = {folded(word) for word in words_of(sentence)}
        named = {name for name in kinds if _is_named(name, stems[name], sentence, words)}
        meant = set(named)
        if named and before:
            meant |= {name for name in before[-1] if kinds[name] == "Person"}
        points = points_always or bool(words & PRONOUNS)
        if points:
            meant |= {name for names in before[-CARRIED_SENTENCES:] for name in names}
        if meant:
            meant.add(writer)
        found.append([name for name in kinds if name in meant])
        before.append(named or (before[-1] if before and points else set()))
    return found


def _is_of_known_language(text: str) -> bool:
    words = [word.lower() for word in words_of(text)]
    return sum(word in FUNCTION_WORDS - _ALSO_SPANISH for word in words) >= LEAST_FUNCTION_WORDS * len(words)


def _stems(name: str) -> list[str]:
    """The words that bring a name to mind, without articles and possessives: any of them will do."""
    words = [folded(word) for word in words_of(name)]
    return [word for word in words if len(word) > 1 and word not in POSSESSIVES and word not in PRONOUNS] or words


def _is_named(name: str, stems: list[str], sentence: str, words: set[str]) -> bool:
    if UNSPACED.search(name) or not stems:
        return name in sentence
    return any(_is_form(word, stem) for stem in stems for word in words)


def _is_form(word: str, stem: str) -> bool:
    """The same word, or one with a grammatical ending more or less."""
    if word == stem:
        return True
    short, long = sorted((word, stem), key=len)
    return len(short) >= SHORTEST_STEM and long.startswith(short) and len(long) - len(short) <= ENDING_LETTERS
