"""A model copies only tokens that it has met: names for training hold all that names can hold."""

import random
from pathlib import Path

from tokenizers import Tokenizer

from training.made.names import _culture
from training.made.pieces import pieced_name

VOCABULARY = Path(__file__).parents[2] / "models" / "daybook-nano" / "tokenizer.json"


def test_names_of_pieces_hold_every_token_that_spells_letters() -> None:
    """Of the bundled tokenizer's tokens of letters, without a blank, nearly all occur in ten thousand such names."""
    rng = random.Random(0)
    tokenizer = Tokenizer.from_file(str(VOCABULARY))
    met = {token for _ in range(10_000) for token in tokenizer.encode(pieced_name(rng), add_special_tokens=False).ids}
    texts = {token: tokenizer.decode([token]) for token in range(tokenizer.get_vocab_size())}
    names = {token for token, text in texts.items() if text.isalpha() and (text.islower() or text.istitle())}
    assert len(names) > 1000
    assert len(names - met) < 0.05 * len(names), sorted(texts[token] for token in names - met)


def test_names_of_pieces_are_none_of_those_for_testing() -> None:
    """Ten thousand of them, and no first name or surname that the lists keep for testing."""
    rng = random.Random(1)
    kept = {name for kind in "mfs" for names in _culture(kind, held_out=True) for name in names}
    assert not kept & {pieced_name(rng) for _ in range(10_000)}
