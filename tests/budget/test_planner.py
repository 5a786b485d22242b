"""The forecast: scaled from what was seen, honest about how sure it is, and better after each run."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.budget.planner import LEAST_SPREAD, MOST_GROWTH, TYPICAL, Costs, Pace, Work, forecast, growth_of

SEEN = Costs(10, 2000, 50, 40_000, 20_000, 5000, 2500, 20.0, 5.0)
amounts = st.integers(1, 10_000)


@given(amounts, amounts, st.integers(2, 9))
def test_twice_the_work_takes_twice_the_time(chunks: int, tokens: int, times: int) -> None:
    """Calls, tokens and seconds grow with the work; the interval holds the forecast."""
    pace = Pace(SEEN, runs=1)
    one, many = (forecast(Work(1, chunks * n, tokens * n), pace) for n in (1, times))
    assert many.seconds == pytest.approx(times * one.seconds)
    assert many.calls == pytest.approx(times * one.calls, abs=times)
    assert one.low < one.seconds < one.high


def test_the_same_work_again_is_foretold_as_it_was() -> None:
    """What was seen is the forecast of the same: 50 calls, 25 seconds and the start."""
    told = forecast(Work(3, 10, 2000), Pace(SEEN, runs=1, start_seconds=3.0))
    assert (told.calls, told.prompt_tokens, told.answer_tokens) == (50, 40_000, 5000)
    assert told.seconds == pytest.approx(28.0)
    assert told.error(28.0) == 0
    assert told.error(14.0) == pytest.approx(1.0)


def test_a_right_forecast_narrows_the_next_interval_and_a_wrong_one_widens_it() -> None:
    """The spread follows the errors; it never claims to be steadier than a machine is."""
    pace, work = Pace(SEEN, spread=0.3, runs=1), Work(3, 10, 2000)
    told = forecast(work, pace)
    right = pace.after(SEEN, told, 0.0, 0)
    wrong = pace.after(replace(SEEN, model_seconds=200.0), told, 0.0, 0)
    assert right.spread < pace.spread < wrong.spread
    for _ in range(20):
        right = right.after(SEEN, forecast(work, right), 0.0, 0)
    sure = forecast(work, right)
    assert sure.high / sure.seconds == pytest.approx(2.718281828**LEAST_SPREAD)


def test_a_first_run_replaces_the_typical_costs_and_later_ones_are_averaged() -> None:
    """The guess of a probe leaves no trace once a run was seen; two runs of one speed keep it."""
    guess = Pace.of_probe(0.001, 0.01, 0)
    assert not forecast(Work(1, 222, 42_000), guess).is_measured
    first = guess.after(SEEN, forecast(Work(3, 10, 2000), guess), 1.0, 7)
    assert (first.costs, first.peak_bytes, first.runs) == (SEEN, 7, 1)
    second = first.after(SEEN, forecast(Work(3, 10, 2000), first), 1.0, 0)
    assert forecast(Work(3, 10, 2000), second).seconds == pytest.approx(26.0)
    assert second.peak_bytes == 7
    read = TYPICAL.prompt_tokens - TYPICAL.cached_tokens + TYPICAL.answer_tokens
    assert guess.costs.model_seconds == pytest.approx(TYPICAL.forward_passes * 0.01 + read * 0.001)


def test_a_pace_survives_the_ledger() -> None:
    """to_json and from_json are inverse; damage is no pace."""
    pace = Pace(SEEN, 0.2, 5, 1.5, 3)
    assert Pace.from_json(pace.to_json()) == pace
    assert Pace.from_json(None) is Pace.from_json("{}") is Pace.from_json("x") is None


def test_a_slower_machine_is_foretold_more() -> None:
    """A probe that takes twice as long as before the last run doubles the seconds, and no call or token."""
    known = Pace(SEEN, runs=1, probe_seconds=2.0)
    now = known.at(Pace(TYPICAL, probe_seconds=4.0))
    before, after = (forecast(Work(3, 10, 2000), pace) for pace in (known, now))
    assert after.seconds == pytest.approx(2 * before.seconds)
    assert after.calls == before.calls
    assert now.at(Pace(TYPICAL, probe_seconds=2.0)).costs == known.costs
    assert Pace(SEEN, runs=1).at(Pace(TYPICAL, probe_seconds=4.0)) == Pace(SEEN, runs=1, probe_seconds=4.0)


def test_a_fuller_graph_is_foretold_more() -> None:
    """What was learnt in an empty graph costs more in a full one, by the growth that was seen."""
    pace = Pace(replace(SEEN, places=50.0), runs=1, growth=0.01)  # ten chunks, five held before one on average
    same, later = (forecast(Work(3, 10, 2000, held), pace) for held in (0, 105))
    assert same.seconds == pytest.approx(25.0)
    assert later.seconds == pytest.approx(25.0 * 2.1 / 1.05)


def test_growth_is_the_slope_of_a_run() -> None:
    """Found where it is, from any start; none in a steady run; half believed after fifty chunks; bounded."""
    tokens = [100, 150] * 100
    rising = [count * (1 + 0.005 * (30 + place)) for place, count in enumerate(tokens)]
    assert growth_of(tokens, rising, 30) == pytest.approx(0.005 * 200 / 250)
    assert growth_of(tokens, [2.0 * count for count in tokens], 0) == pytest.approx(0)
    assert growth_of(tokens, rising[::-1], 0) == 0
    assert (
        growth_of(tokens[:50], [count * (1 + place) for place, count in enumerate(tokens[:50])], 0) <= MOST_GROWTH / 2
    )
    assert growth_of([1, 2], [1.0, 9.0], 0) == growth_of([], [], 5) == 0
