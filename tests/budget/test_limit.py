"""The laws of the limit: what is allowed, what binds, and what is refused before the device knows of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.budget.clock import PrefillClock
from app.budget.limit import MIN_FREE_BYTES, Budget
from app.budget.memory import GIB, MIB, Memory
from app.budget.passes import PassShape
from app.budget.reading import Reading
from app.budget.spec import ModelCacheSpec
from app.errors import NoRoom, PromptTooLong
from tests.budget.configs import QWEN3_4B

SPEC = ModelCacheSpec.from_config(QWEN3_4B)
SHAPE = PassShape.from_config(QWEN3_4B)


def a_clock(seconds_per_token: float) -> PrefillClock:
    clock = PrefillClock()
    clock.record(0, 1000, 1000 * seconds_per_token)
    return clock


def a_budget(free: int = 64 * GIB, total: int = 64 * GIB, **changes: object) -> Budget:
    plain = Budget(SPEC, SHAPE, model_tokens=40_960, output_reserve=4096, memory=lambda: Memory(total, free))
    return replace(plain, **changes)  # type: ignore[arg-type]


budgets = st.builds(
    lambda free, model, output, bits, start, own, speed, wait: a_budget(
        free,
        model_tokens=model,
        output_reserve=output,
        reading=Reading(kv_bits=bits, quantized_kv_start=start),
        max_context=own,
        clock=a_clock(speed) if speed else PrefillClock(),
        prefill_seconds=wait,
    ),
    free=st.integers(0, 48 * GIB),
    model=st.integers(1, 300_000),
    output=st.integers(64, 32_768),
    bits=st.sampled_from([None, 8, 4]),
    start=st.sampled_from([0, 300, 5000]),
    own=st.none() | st.integers(1, 200_000),
    speed=st.none() | st.floats(1e-6, 0.5),
    wait=st.floats(1, 3600),
)


@given(budgets)
def test_the_context_is_the_least_ceiling_and_splits_into_input_and_output(budget: Budget) -> None:
    """context <= each ceiling and equals the one that binds; input + output = context."""
    limit = budget.limit()
    ceilings = {
        "model": limit.model_ceiling,
        "setting": limit.setting_ceiling,
        "memory": limit.memory_ceiling,
        "time": limit.time_ceiling,
    }
    assert limit.input + limit.output == limit.context == ceilings[limit.binding]
    assert all(limit.context <= ceiling for ceiling in ceilings.values() if ceiling is not None)
    assert 0 <= limit.output <= budget.output_reserve


@given(budgets, st.integers(0, 48 * GIB))
def test_fewer_bits_and_more_memory_never_give_less_context(budget: Budget, more: int) -> None:
    """The context grows or stays from fp16 to 8 to 4 bits, and when memory frees."""
    readings = [Reading(kv_bits=bits, quantized_kv_start=0) for bits in (None, 8, 4)]
    by_bits = [replace(budget, reading=reading).limit().context for reading in readings]
    assert by_bits == sorted(by_bits)
    free = budget.memory().free
    assert replace(budget, memory=lambda: Memory(64 * GIB, free + more)).limit().context >= budget.limit().context


@given(budgets)
def test_a_prompt_of_the_limit_passes_and_one_token_more_is_refused(budget: Budget) -> None:
    """`input` tokens are never refused; `input + 1` always are, and `idle_input + 1` at once."""
    limit = budget.limit()
    budget.refuse_for_now(limit.input)
    with pytest.raises((PromptTooLong, NoRoom)):
        budget.refuse_for_now(limit.input + 1)
    budget.refuse_too_long(limit.idle_input)
    with pytest.raises(PromptTooLong):
        budget.refuse_too_long(limit.idle_input + 1)


def test_a_refusal_names_both_numbers() -> None:
    """context_length_exceeded tells the prompt's tokens and the allowed ones."""
    budget = a_budget()
    with pytest.raises(PromptTooLong, match=r"99,999 tokens, 36,864 are allowed \(bound by the model\)") as refused:
        budget.refuse_for_now(99_999)
    assert refused.value.code == "context_length_exceeded"


def test_a_prompt_that_would_fit_when_idle_is_asked_to_come_again() -> None:
    """insufficient_memory names needed and free bytes and a time to retry; the prompt passes when memory frees."""
    free = [3 * GIB]
    budget = a_budget(memory=lambda: Memory(32 * GIB, free[0]))
    with pytest.raises(NoRoom, match=r"30,000 tokens needs \d+\.\d GiB of memory, 3\.0 GiB are free") as refused:
        budget.refuse_for_now(30_000)
    assert refused.value.code == "insufficient_memory"
    assert refused.value.retry_seconds > 0
    free[0] = 32 * GIB
    budget.refuse_for_now(30_000)


def test_memory_warns_before_it_binds() -> None:
    """A prompt close to the memory that is free passes with a word; a small one passes silently."""
    said: list[str] = []
    budget = a_budget(6 * GIB, 6 * GIB, say=said.append)
    budget.refuse_for_now(100)
    assert said == []
    budget.refuse_for_now(budget.limit().input)
    assert len(said) == 1
    assert "free memory" in said[0]


def test_what_is_predicted_for_the_limit_fits_into_free_memory() -> None:
    """Caches, passes and the floor of the memory ceiling are within the free bytes; a block more is not."""
    budget = a_budget(4 * GIB)
    ceiling = budget.limit().memory_ceiling
    assert budget.run_bytes(ceiling) + MIN_FREE_BYTES <= 4 * GIB < budget.run_bytes(ceiling + 256) + MIN_FREE_BYTES
    assert 4 * GIB - budget.needed_bytes(ceiling) < 64 * MIB


@given(
    st.floats(1e-5, 1e-2), st.floats(0, 1e-6), st.lists(st.integers(64, 30_000), min_size=2, max_size=9, unique=True)
)
def test_a_clock_finds_the_rates_that_made_its_measurements(a: float, b: float, lengths: list[int]) -> None:
    """From exact prefills a*L + b*L*L it tells the seconds of any length among them, with and without a cache."""
    clock = PrefillClock()
    for n in lengths:
        clock.record(0, n, a * n + b * n * n)
    for n in lengths:
        assert clock.seconds(n) == pytest.approx(a * n + b * n * n, rel=1e-3)
    assert PrefillClock.from_json(clock.to_json()) == clock


def test_a_clock_forgets_a_slow_day() -> None:
    """After two hundred fast prefills a slow past weighs nothing; a damaged note in the ledger is no note."""
    clock = a_clock(0.01)
    for _ in range(200):
        clock.record(0, 1000, 1.0)
    assert clock.seconds(1000) == pytest.approx(1.0, rel=0.05)
    assert PrefillClock.from_json("{") == PrefillClock.from_json(None) == PrefillClock()
