"""Whatever bytes come, whoever reads them takes them or refuses them in one line; `benchmarks.fuzz` tries more."""

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.settings import ROOT
from benchmarks.fuzz import mutate, targets

SEEDS = [path.read_bytes() for path in sorted((ROOT / "data" / "journals").rglob("*")) if path.is_file()]
TARGETS = targets()


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60, deadline=None)
@given(raw=st.binary(max_size=200) | st.integers(0, 1 << 32).map(lambda seed: mutate(SEEDS, random.Random(seed))))
@example(raw=b"\r")
@example(raw=b"")
@example(raw=bytes.fromhex("0000006fe6"))
def test_any_bytes_are_taken_or_refused(name: str, raw: bytes) -> None:
    """No crash, and what is taken keeps the target's own law."""
    TARGETS[name](raw)


def test_a_flipped_byte_of_the_ledger_is_noticed() -> None:
    """It opens with its values whole or missing, or is refused: one byte in a thousand of the file is tried."""
    decoder = TARGETS["ledger"]
    for place in range(0, 60_000, 997):
        decoder(place.to_bytes(4, "big") + b"\xe6")
