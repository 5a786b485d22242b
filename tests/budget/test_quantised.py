"""A long prompt's cache in fewer bits, through the whole engine."""

import pytest

from app.budget.reading import Reading
from app.llm.engine import Engine
from app.llm.loader import load_generator
from app.llm.request import Request, Turn
from app.settings import BUNDLED_MODEL


@pytest.mark.parametrize("bits", [8, 4])
def test_a_quantised_cache_answers_also_behind_kept_rules(bits: int) -> None:
    """Long prompts of one template answer twice, the second time from the kept KV; short ones stay exact."""
    loaded = load_generator(BUNDLED_MODEL, reading=Reading(kv_bits=bits, quantized_kv_start=200))  # type: ignore[arg-type]
    engine, exact = Engine(loaded), Engine(load_generator(BUNDLED_MODEL))

    def ask(words: str) -> Request:
        return Request(messages=[Turn("system", "Rules."), Turn("user", words)], max_tokens=6)

    long = ask("We walked to the market and it rained again. " * 40)
    first, second = engine.complete(long), engine.complete(long)
    assert (second.text, second.cached_tokens > 0) == (first.text, True)
    short = ask("Rain.")
    assert engine.complete(short).token_ids == exact.complete(short).token_ids
