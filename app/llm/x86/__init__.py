"""What MLX computes slowly on an x86 CPU, computed otherwise: attention, SiLU, rotary positions, RMS norm.

MLX 0.32 takes 25 ns there for an exponential and less than one for a product, and spends some twenty operations of
10 us each on what three can do (docs/measurements.md). Only for float32; anything else goes to MLX's own.

Knows arithmetic; knows no model. In: what mlx-lm's models hand to mx.fast and mlx.nn.  Out: the same numbers.
"""

import mlx.core as mx
import mlx.nn as nn

from app.llm.x86 import attention, norm, rotary, silu


def install() -> None:
    """From now on mlx-lm's models compute with these; twice is once."""
    mx.fast.scaled_dot_product_attention, nn.silu = attention.attention, silu.silu
    mx.fast.rope, mx.fast.rms_norm = rotary.rope, norm.rms_norm


def is_installed() -> bool:
    return mx.fast.scaled_dot_product_attention is attention.attention
