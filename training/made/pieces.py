"""Names made of the pieces that the tokenizer has, and of alphabets that it spells in bytes.

Knows the bundled tokenizer's vocabulary as text. In: a random source.  Out: names.

A model copies only tokens that it has met. Of 2,048 tokens 372 never occurred in 600 made journals, and one name in
thirteen of those for testing holds a token that occurred less than ten times.
"""

import random
from functools import cache
from pathlib import Path

from tokenizers import Tokenizer

_VOCABULARY = Path(__file__).parents[2] / "models" / "daybook-nano" / "tokenizer.json"
_LONGEST = 13
# First and last small letter of alphabets that diaries name people in; a capital begins the name where there is one.
_ALPHABETS = ("àÿ", "āž", "ạỹ", "ая", "αω", "את", "ءي", "ぁん", "一鿿")
_OFTEN = (4, 4, 3, 2, 1, 1, 1, 1, 1)
_LATIN = 3  # so many of them are mixed with plain letters


def pieced_name(rng: random.Random) -> str:
    """A name that nobody bears: mostly of whole tokens, else of letters of one alphabet."""
    starts, middles = _pieces()
    if not starts or rng.random() < 0.2:
        return _lettered(rng)
    name = rng.choice(starts) + rng.choice(middles)  # never one alone: that may be a name for testing
    while len(name) < 3 or rng.random() < 0.3:
        name += rng.choice(middles)
    return name[:_LONGEST]


def _lettered(rng: random.Random) -> str:
    (place,) = rng.choices(range(len(_ALPHABETS)), _OFTEN)
    first, last = map(ord, _ALPHABETS[place])
    letters = [chr(code) for code in range(first, last + 1) if chr(code).isalpha() and not chr(code).isupper()]
    name = "".join(
        rng.choice(letters) if place >= _LATIN or rng.random() < 0.4 else rng.choice("abdeghiklmnoprstuvz")
        for _ in range(rng.randint(2, 3) if place == len(_ALPHABETS) - 1 else rng.randint(3, 8))
    )
    return name[0].upper() + name[1:]


@cache
def _pieces() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tokens that can begin a name, and those that can go on with it; none before there is a tokenizer."""
    if not _VOCABULARY.exists():
        return (), ()
    tokenizer = Tokenizer.from_file(str(_VOCABULARY))
    letters = [text for i in range(tokenizer.get_vocab_size()) if (text := tokenizer.decode([i])).isalpha()]
    starts = tuple(text for text in letters if text[0].isupper() and not text[1:].isupper())
    return starts, tuple(text for text in letters if text.islower())
