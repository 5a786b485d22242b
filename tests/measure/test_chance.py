"""Better is what is better by more than the luck of the texts."""

from hypothesis import given
from hypothesis import strategies as st

from app.measure.chance import is_surely_better
from app.measure.score import Tally

WRONG, RIGHT = Tally(0, 1, 1), Tally(1, 1, 1)
TALLIES = st.lists(st.sampled_from([WRONG, RIGHT, Tally(1, 3, 2), Tally(0, 0, 1)]), min_size=1, max_size=12)


def test_one_text_of_many_is_luck_and_half_of_them_is_none() -> None:
    """One text more in twelve could be any; six more, and none less, could not."""
    assert not is_surely_better([WRONG] * 12, [RIGHT] + [WRONG] * 11)
    assert is_surely_better([WRONG] * 12, [RIGHT] * 6 + [WRONG] * 6)


@given(TALLIES)
def test_nothing_is_better_than_itself(tallies: list[Tally]) -> None:
    """Nor than what finds everything."""
    assert not is_surely_better(tallies, tallies)
    assert not is_surely_better([RIGHT] * len(tallies), tallies)
