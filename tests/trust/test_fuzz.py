"""Whatever bytes come, whoever reads them takes them or refuses them in one line; `benchmarks.fuzz` tries more."""

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.settings import ROOT
from benchmarks.fuzz import Decoder, Target, mutate, targets

SEEDS = [path.read_bytes() for path in sorted((ROOT / "data" / "journals").rglob("*")) if path.is_file()]
DECODER = Decoder()
TARGETS: dict[str, Target] = {**targets(), "ledger": DECODER}


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
    """Two bytes of every page, one at a time: it holds what it held, or is refused in one line; both happen."""
    chance = random.Random(6)
    taken = 0
    flips = [page + chance.randrange(512) for page in range(0, len(DECODER.whole), 512) for _ in range(2)]
    for place in flips:
        broken = bytearray(DECODER.whole)
        broken[place] ^= chance.randint(1, 255)
        taken += DECODER.holds(bytes(broken))
    assert 0 < taken < len(flips)
