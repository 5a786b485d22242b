"""What a pass takes beside weights and cache, where attention is computed in blocks and where it is not."""

from dataclasses import replace
from itertools import pairwise

from app.budget.passes import PassShape
from app.budget.spec import Precision

FLOAT32 = Precision(4)
QWEN3_06B = {"hidden_size": 1024, "intermediate_size": 3072, "num_attention_heads": 16}
STEP = 512
LAYER_BYTES = 1


def test_blocks_take_less_for_long_prompts_and_never_less_for_more_tokens() -> None:
    """The largest prompt that fits is searched by halving: a forecast that falls would hide it."""
    whole = PassShape.from_config(QWEN3_06B)
    blocks = PassShape.from_config(QWEN3_06B, has_blocks=True)
    needs = [blocks.peak_bytes(tokens, STEP, FLOAT32, LAYER_BYTES) for tokens in range(64, 40_000, 64)]
    assert all(earlier <= later for earlier, later in pairwise(needs))
    assert needs[-1] < 0.6 * whole.peak_bytes(40_000, STEP, FLOAT32, LAYER_BYTES)


def test_quantised_attention_knows_no_blocks() -> None:
    """mlx-lm computes it with matrices of its own."""
    blocks = PassShape.from_config(QWEN3_06B, has_blocks=True)
    eight_bits = Precision(4, 8)
    whole = replace(blocks, has_blocks=False).peak_bytes(9_000, STEP, eight_bits, LAYER_BYTES)
    assert blocks.peak_bytes(9_000, STEP, eight_bits, LAYER_BYTES) == whole
