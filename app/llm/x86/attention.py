"""Attention in blocks of rows on two cores, with our own exponential.

In: queries, keys and values of some heads.  Out: what mx.fast.scaled_dot_product_attention gives, to 1e-5.
"""

import itertools
import math
import threading
from functools import lru_cache, partial
from typing import Any

import mlx.core as mx
import numpy as np

from app.budget.passes import SCORE_BYTES_AHEAD, SCORE_ROWS
from app.llm.x86.exponential import FURTHEST, SCALE, raised, root

STREAMS = 2  # cores that blocks of rows are computed on side by side
ROWS = SCORE_ROWS // STREAMS  # keys behind the last of a block are not looked at, and its scores fit a core's cache
# Added to the score of a key that must not be seen: finite, for of a row that may see nothing comes a mean and no NaN;
# and small enough for _root_below to be exact.
UNSEEN = -1.5e6
_theirs = mx.fast.scaled_dot_product_attention
_of_thread = threading.local()  # mlx's streams belong to the thread that made them


@partial(mx.compile, shapeless=True)
def _root_below(below: mx.array) -> mx.array:
    """Of scores below the highest: what is less than -24 is taken as that.

    max(x, -24) is (|x + 24| + x - 24) / 2, which a compiler vectorises and a maximum that minds NaN it does not. To
    float32 it is exact to 2^26, as 24 is whole eights, but for a hair at the powers of two.
    """
    return root((mx.abs(below + FURTHEST) + (below - FURTHEST)) * (SCALE / 2))


@partial(mx.compile, shapeless=True)
def _weights(root: mx.array) -> mx.array:
    return raised(root) - _NOTHING  # a key that must not be seen weighs nothing at all


with mx.stream(mx.cpu):
    _NOTHING = float(np.array(raised(_root_below(mx.array(UNSEEN)))))


def attention(q: mx.array, k: mx.array, v: mx.array, *, scale: float, mask: Any = None, **options: Any) -> mx.array:
    """mx.fast.scaled_dot_product_attention: q (B, H, L, D), k and v (B, G, S, D), out (B, H, L, D); v of any D.

    mask   "causal", or (..., L, S) booleans of what may be seen, or (..., L, S) numbers added to the scores
    """
    if q.dtype != mx.float32 or any(option is not None for option in options.values()):
        return _theirs(q, k, v, scale=scale, mask=mask, **options)
    rows, keys, is_causal = q.shape[2], k.shape[2], isinstance(mask, str)
    if isinstance(mask, mx.array) and mask.dtype == mx.bool_:
        mask = mx.where(mask, 0.0, UNSEEN)
    elif isinstance(mask, mx.array):
        mask = mx.maximum(mask, UNSEEN)
    q, k, parts = q * scale, k.swapaxes(-1, -2), list[mx.array]()
    for first, stream in zip(range(0, rows, ROWS), itertools.cycle(_streams())):
        last = min(first + ROWS, rows)
        seen = keys - rows + last if is_causal else keys
        with mx.stream(stream):
            added = _later(last - first, seen) if is_causal else None if mask is None else mask[..., first:last, :]
            parts.append(_weighted(q[:, :, first:last], k[..., :seen], v[:, :, :seen], added))
        if 4 * math.prod(q.shape[:3]) * keys > SCORE_BYTES_AHEAD and len(parts) % STREAMS == 0:
            mx.eval(parts)  # else all blocks have their memory before the first is done
    return mx.concatenate(parts, axis=2)


def _later(rows: int, keys: int) -> mx.array | None:
    """Keeps each of the last `rows` tokens from the keys behind it."""
    return mx.pad(_triangle(rows), [(0, 0), (keys - rows, 0)]) if rows > 1 else None


@lru_cache(ROWS)
def _triangle(rows: int) -> mx.array:
    return mx.array(np.triu(np.full((rows, rows), UNSEEN, dtype=np.float32), 1))


def _weighted(q: mx.array, k: mx.array, v: mx.array, added: mx.array | None) -> mx.array:
    """Rows q (B, H, R, D) over keys k (B, G, D, S), with (..., R, S) added to their scores."""
    b, h, r, d = q.shape
    g, s = k.shape[1], k.shape[3]
    scores = q.reshape(b, g, -1, d) @ k  # heads of one group share a product
    if added is not None:
        scores = (scores.reshape(b, h, r, s) + added).reshape(b, g, -1, s)
    weights = _weights(_root_below(scores - mx.max(scores, axis=-1, keepdims=True)))
    return ((weights @ v) / mx.sum(weights, axis=-1, keepdims=True)).reshape(b, h, r, -1)


def _streams() -> list[mx.Stream]:
    if not hasattr(_of_thread, "streams"):
        more = [mx.new_stream(mx.cpu) for _ in range(STREAMS - 1)]
        _of_thread.streams = [mx.default_stream(mx.cpu), *more]
    streams: list[mx.Stream] = _of_thread.streams
    return streams
