"""A made journal: entries of an invented diarist, with every entity, fact and question labelled.

Knows no model and no prompt.
In: a seed.  Out: MadeJournal, the same for the same seed on every machine.
"""

from training.made.diarist import Diarist
from training.made.labels import MadeJournal


def make_journal(seed: int, *, held_out: bool = False, entries: int = 8) -> MadeJournal:
    """A journal of `entries` days. `held_out` draws from names and sentence forms that training never sees."""
    return Diarist(seed, held_out, entries).journal()
