"""Words that nobody knows, in journals for training."""

import random
from datetime import date

from training.made.strange import with_strange_words

TODAY = date(2024, 4, 3)


def test_common_words_are_exchanged_and_what_is_labelled_stays() -> None:
    """Names, words of the facts, dates, denials and short words stay; an exchanged word keeps its ending."""
    told = ["Anna lodged with the baker van Dyck last week, and never thanked him."]
    (said,) = with_strange_words(random.Random(7), told, ["van Dyck", "Anna lives with the baker."], TODAY, 1.0)
    words, stood = said.split(), told[0].split()
    exchanged = {old for old, new in zip(stood, words, strict=True) if old != new}
    assert exchanged == {"lodged", "thanked"}
    assert all(new.endswith("ed") for old, new in zip(stood, words, strict=True) if old in exchanged)


def test_no_share_changes_nothing() -> None:
    """As in half of the journals for training."""
    told = ["The rain came down without pity."]
    assert with_strange_words(random.Random(7), told, [], TODAY, 0.0) == told
