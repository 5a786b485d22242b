"""Rotary positions from tables that all layers of a pass share: MLX makes sines and cosines anew for each of them.

In: queries or keys (B, H, L, D).  Out: the same, each pair of a head turned by its position (arxiv.org/abs/2104.09864).
"""

from functools import lru_cache, partial
from typing import Any

import mlx.core as mx
import numpy as np

KEPT = 2  # tables: those of the pass, and of a model that turns some layers otherwise
_theirs = mx.fast.rope


def rope(
    a: mx.array, dims: int, *, traditional: bool, base: float | None, scale: float, offset: Any, **options: Any
) -> mx.array:
    """mx.fast.rope: half-and-half pairs over the whole width, at `offset` and on; anything else is left to MLX.

    MLX rounds angles to float32 before it multiplies them by the position, we afterwards: far into a long text these
    are the more exact ones.
    """
    is_plain = type(offset) is int and not traditional and base is not None and a.shape[-1] == dims
    if not is_plain or a.dtype != mx.float32 or any(option is not None for option in options.values()):
        return _theirs(a, dims, traditional=traditional, base=base, scale=scale, offset=offset, **options)
    cosines, sines = _table(dims, base, scale, offset, a.shape[-2])
    first, second = mx.split(a, 2, axis=-1)
    return _turned(a, mx.concatenate([second, first], axis=-1), cosines, sines)


@partial(mx.compile, shapeless=True)
def _turned(x: mx.array, swapped: mx.array, cosines: mx.array, sines: mx.array) -> mx.array:
    return x * cosines + swapped * sines


@lru_cache(KEPT)
def _table(dims: int, base: float, scale: float, offset: int, rows: int) -> tuple[mx.array, mx.array]:
    """cos and sin (rows, dims) of the positions offset, offset + 1, ...; the first half of the sines is negative."""
    positions = np.arange(offset, offset + rows) * scale
    angles = np.outer(positions, base ** (-np.arange(dims // 2) / (dims // 2)))
    cosines, sines = np.cos(angles), np.sin(angles)
    return (
        mx.array(np.hstack([cosines, cosines]).astype(np.float32)),
        mx.array(np.hstack([-sines, sines]).astype(np.float32)),
    )
