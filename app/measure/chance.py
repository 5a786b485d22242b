"""Whether one way of reading beats another by more than the luck of which texts it was tried on.

Knows counts; knows no text. In: the counts of both on the same texts.  Out: a verdict.
"""

import random
from collections.abc import Sequence

from app.measure.score import Tally

SURE = 0.9  # of the draws
DRAWS = 1000


def f1_of(tallies: Sequence[Tally]) -> float:
    """Micro-averaged."""
    return sum(tallies, Tally()).f1


def is_surely_better(before: Sequence[Tally], after: Sequence[Tally]) -> bool:
    """Whether F1 rises in nine of ten draws of as many texts, with repetition, from the same texts.

    source  the paired bootstrap: Efron and Tibshirani 1993, chapter 16; Koehn 2004 for texts
    """
    if f1_of(after) <= f1_of(before):
        return False
    rng, places = random.Random(0), range(len(before))
    draws = (rng.choices(places, k=len(before)) for _ in range(DRAWS))
    rises = sum(f1_of([after[i] for i in drawn]) > f1_of([before[i] for i in drawn]) for drawn in draws)
    return rises >= SURE * DRAWS
