"""Attention and SiLU for an x86 CPU: the same numbers, with exponentials made of products and sums.

MLX 0.32 takes 25 ns there for an exponential and less than one for a product, so that softmax and SiLU took most of a
prompt's time (docs/measurements.md). Here e^x is (e^(x/32))^32: a polynomial and five squarings, which `mx.compile`
fuses into two loops that a C++ compiler vectorises. Only for float32; anything else goes to MLX's own.

Knows arithmetic; knows no model. In: what mlx-lm's models hand to mx.fast and mlx.nn.  Out: the same to 1e-5.
"""

import itertools
import math
import threading
from functools import partial
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from numpy.polynomial import Chebyshev, Polynomial

from app.budget.passes import SCORE_BYTES_AHEAD, SCORE_ROWS

FURTHEST = 24.0  # |x| beyond is taken as that: e^-24 beside 1 is nothing in float32
SQUARINGS = 5
NEAR = FURTHEST / 2**SQUARINGS
TERMS = [float(c) for c in Chebyshev.interpolate(np.exp, 7, domain=[-NEAR, NEAR]).convert(kind=Polynomial).coef]
STREAMS = 2  # cores that blocks of rows are computed on side by side
ROWS = SCORE_ROWS // STREAMS  # keys behind the last of a block are not looked at, and its scores fit a core's cache
UNSEEN = -1e30  # finite: of a row that may see nothing comes a mean and no NaN
_attention, _silu = mx.fast.scaled_dot_product_attention, nn.silu
_of_thread = threading.local()  # mlx's streams belong to the thread that made them


def _root(x: mx.array) -> mx.array:
    """e^(x/32), by pairs of terms: mx.compile takes no more than eleven operations one upon another into a loop."""
    x = mx.clip(x, -FURTHEST, FURTHEST) * 0.5**SQUARINGS
    terms: list[Any] = list(TERMS)  # eight numbers, then four arrays, two, one
    while len(terms) > 1:
        terms = [low + high * x for low, high in zip(terms[::2], terms[1::2], strict=True)]
        x = x * x
    root: mx.array = terms[0]
    return root


def _raised(root: mx.array) -> mx.array:
    for _ in range(SQUARINGS):
        root = root * root
    return root


@partial(mx.compile, shapeless=True)
def _gated(x: mx.array) -> mx.array:
    return x / (1.0 + _raised(_root(-x)))


@partial(mx.compile, shapeless=True)
def _root_below(scores: mx.array, most: mx.array) -> mx.array:
    return _root(scores - most)


@partial(mx.compile, shapeless=True)
def _weights(root: mx.array, nothing: mx.array) -> mx.array:
    return _raised(root) - nothing  # a key that must not be seen weighs nothing at all


def silu(x: mx.array) -> mx.array:
    """x * sigmoid(x)."""
    return _gated(x) if x.dtype == mx.float32 else _silu(x)


def attention(q: mx.array, k: mx.array, v: mx.array, *, scale: float, mask: Any = None, **options: Any) -> mx.array:
    """mx.fast.scaled_dot_product_attention: q (B, H, L, D), k and v (B, G, S, D), out (B, H, L, D); v of any D.

    mask   "causal", or (..., L, S) booleans of what may be seen, or (..., L, S) numbers added to the scores
    """
    if q.dtype != mx.float32 or any(option is not None for option in options.values()):
        return _attention(q, k, v, scale=scale, mask=mask, **options)
    rows, keys, is_causal = q.shape[2], k.shape[2], isinstance(mask, str)
    if isinstance(mask, mx.array) and mask.dtype == mx.bool_:
        mask = mx.where(mask, 0.0, UNSEEN)
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
    return mx.triu(mx.full((rows, keys), UNSEEN), keys - rows + 1) if rows > 1 else None


def _weighted(q: mx.array, k: mx.array, v: mx.array, added: mx.array | None) -> mx.array:
    """Rows q (B, H, R, D) over keys k (B, G, D, S), with (..., R, S) added to their scores."""
    b, h, r, d = q.shape
    g, s = k.shape[1], k.shape[3]
    scores = q.reshape(b, g, -1, d) @ k  # heads of one group share a product
    if added is not None:
        scores = (scores.reshape(b, h, r, s) + added).reshape(b, g, -1, s)
    root = _root_below(scores, mx.max(scores, axis=-1, keepdims=True))
    weights = _weights(root, _raised(_root(mx.array(-math.inf))))
    return ((weights @ v) / mx.sum(weights, axis=-1, keepdims=True)).reshape(b, h, r, -1)


def _streams() -> list[mx.Stream]:
    if not hasattr(_of_thread, "streams"):
        more = [mx.new_stream(mx.cpu) for _ in range(STREAMS - 1)]
        _of_thread.streams = [mx.default_stream(mx.cpu), *more]
    streams: list[mx.Stream] = _of_thread.streams
    return streams


def install() -> None:
    """From now on mlx-lm's models compute with these; twice is once."""
    mx.fast.scaled_dot_product_attention, nn.silu = attention, silu


def is_installed() -> bool:
    return mx.fast.scaled_dot_product_attention is attention
