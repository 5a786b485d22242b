"""What an x86 CPU computes otherwise, against MLX's own."""

from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

from app.budget.passes import SCORE_BYTES_AHEAD
from app.llm import x86
from app.llm.blas import runs_on_cpu
from app.llm.x86 import attention, norm, rotary, silu

OWN_ATTENTION, OWN_SILU, OWN_ROPE, OWN_NORM = attention._theirs, silu._theirs, rotary._theirs, norm._theirs
SCALE = 0.125
HEADS, GROUPS, DIM = 4, 2, 64


def queries_keys_values(rows: int, keys: int, dtype: mx.Dtype = mx.float32) -> tuple[mx.array, mx.array, mx.array]:
    """Queries larger than in any model, so that some weights are nearly one and others nearly nothing."""
    mx.random.seed(rows + keys)
    q = mx.random.normal((1, HEADS, rows, DIM)) * 4
    k, v = mx.random.normal((2, 1, GROUPS, keys, DIM))
    return q.astype(dtype), k.astype(dtype), v.astype(dtype)


def furthest(one: mx.array, other: mx.array) -> float:
    """Largest difference of two arrays of one shape."""
    assert one.shape == other.shape
    return float(np.abs(np.array(one - other)).max())


@pytest.mark.parametrize("mask", ["causal", None])
@pytest.mark.parametrize(("rows", "keys"), [(1, 2000), (2, 1500), (31, 31), (32, 64), (33, 90), (200, 200), (65, 777)])
def test_attention_is_that_of_mlx(rows: int, keys: int, mask: str | None) -> None:
    """Whole blocks and parts of one, rows alone and rows behind others, all keys seen or only earlier ones."""
    q, k, v = queries_keys_values(rows, keys)
    theirs = OWN_ATTENTION(q, k, v, scale=SCALE, mask=mask)
    assert furthest(attention.attention(q, k, v, scale=SCALE, mask=mask), theirs) < 1e-5


def test_no_row_sees_a_later_key() -> None:
    """Whatever stands behind a token, what the token sees stays the same."""
    q, k, v = queries_keys_values(96, 160)
    before = attention.attention(q, k, v, scale=SCALE, mask="causal")
    k[:, :, 100:], v[:, :, 100:] = 50.0, 1000.0
    after = attention.attention(q, k, v, scale=SCALE, mask="causal")
    assert mx.array_equal(before[:, :, :36], after[:, :, :36])  # row 36 is the first that sees key 100
    assert furthest(before[:, :, 36:], after[:, :, 36:]) > 1


@pytest.mark.parametrize("shape", [(40, 80), (1, 40, 80), (2, 1, 40, 80)])
def test_masks_of_ones_own_are_those_of_mlx(shape: tuple[int, ...]) -> None:
    """Windows and padding, as booleans and as numbers; two texts at once; values of another width than keys."""
    mx.random.seed(5)
    q = mx.random.normal((2, HEADS, 40, DIM))
    k, v = mx.random.normal((2, GROUPS, 80, DIM)), mx.random.normal((2, GROUPS, 80, 48))
    may_see = mx.random.uniform(shape=shape) > 0.3
    for mask in (may_see, mx.where(may_see, 0.5, -1e9), mx.where(may_see, 0.5, -mx.inf)):
        theirs = OWN_ATTENTION(q, k, v, scale=SCALE, mask=mask)
        assert furthest(attention.attention(q, k, v, scale=SCALE, mask=mask), theirs) < 1e-5


def test_a_row_that_may_see_nothing_is_a_number() -> None:
    """Padding in front of a short text: nobody reads it, and a NaN would spread from it."""
    q, k, v = queries_keys_values(4, 8)
    out = attention.attention(q, k, v, scale=SCALE, mask=mx.zeros((4, 8), dtype=mx.bool_))
    assert not mx.any(mx.isnan(out)).item()


@pytest.mark.parametrize("scale", [1.0, 1e3, 1e5])
def test_scores_may_be_as_large_as_they_like(scale: float) -> None:
    """Some models add so much to every key that scores are in the thousands; the highest still takes all."""
    q, k, v = queries_keys_values(3, 600)
    theirs = OWN_ATTENTION(q, k, v, scale=scale)
    assert furthest(attention.attention(q, k, v, scale=scale), theirs) < 1e-4


def test_other_numbers_and_sinks_are_left_to_mlx() -> None:
    """16 bits, and what our attention does not know, give bit for bit what MLX gives."""
    q, k, v = queries_keys_values(40, 80)
    sinks = mx.random.normal((HEADS,))
    theirs = OWN_ATTENTION(q, k, v, scale=SCALE, mask="causal", sinks=sinks)
    assert mx.array_equal(attention.attention(q, k, v, scale=SCALE, mask="causal", sinks=sinks), theirs)
    q, k, v = queries_keys_values(40, 80, mx.float16)
    theirs = OWN_ATTENTION(q, k, v, scale=SCALE, mask="causal")
    assert mx.array_equal(attention.attention(q, k, v, scale=SCALE, mask="causal"), theirs)
    x = mx.linspace(-9, 9, 100).astype(mx.bfloat16)
    assert mx.array_equal(silu.silu(x), OWN_SILU(x))


def test_silu_is_that_of_mlx() -> None:
    """Near nothing, in the middle, and where e^x has no number."""
    x = mx.linspace(-30, 30, 6001)
    ours, theirs = silu.silu(x), OWN_SILU(x)
    assert mx.all(mx.abs(ours - theirs) <= 1e-5 * mx.abs(theirs) + 2e-9).item()
    far = silu.silu(mx.array([-200.0, 200.0, 1e30]))
    assert abs(far[0].item()) < 1e-8
    assert far[1:].tolist() == mx.array([200.0, 1e30]).tolist()


@pytest.mark.parametrize(("offset", "base", "scale"), [(0, 1e6, 1.0), (7, 1e4, 1.0), (1500, 1e6, 0.25)])
def test_positions_turn_as_in_mlx(offset: int, base: float, scale: float) -> None:
    """One row and many, of a view whose heads lie apart, as a model hands them over."""
    for rows in (1, 5, 90):
        x = mx.random.normal((1, rows, HEADS, DIM)).transpose(0, 2, 1, 3)
        how: dict[str, Any] = {"traditional": False, "base": base, "scale": scale, "offset": offset}
        assert furthest(rotary.rope(x, DIM, **how), OWN_ROPE(x, DIM, **how)) < 1e-5 * (10 + offset)


def test_far_positions_are_exact() -> None:
    """At the end of a long text the angle of the fastest pair is right to float32's own rounding."""
    x, far = mx.ones((1, 1, 1, 2)), 131_071
    turned = rotary.rope(x, 2, traditional=False, base=1e6, scale=1.0, offset=far)
    assert np.allclose(turned.tolist(), np.cos(far) + np.sin(far) * np.array([-1, 1]), atol=1e-6)


def test_other_positions_are_left_to_mlx() -> None:
    """Part of the width, pairs side by side, frequencies of one's own, an offset for each text, 16 bits."""
    x = mx.random.normal((2, HEADS, 9, DIM))
    usual: dict[str, Any] = {"traditional": False, "base": 1e4, "scale": 1.0, "offset": 3}
    others: list[dict[str, Any]] = [
        {"dims": 32},
        {"traditional": True},
        {"base": None, "freqs": mx.arange(1, 33).astype(mx.float32)},
        {"offset": mx.array([3, 5])},
        {"a": x.astype(mx.bfloat16)},
    ]
    for other in others:
        how = {"a": x, "dims": DIM, **usual, **other}
        assert mx.array_equal(rotary.rope(**how), OWN_ROPE(**how))


def test_the_norm_is_that_of_mlx() -> None:
    """Bit for bit, for each small number that keeps from dividing by nothing, and without weights."""
    weight = mx.random.normal((DIM,))
    for x in (mx.random.normal((1, 7, 4, DIM)) * 30, mx.random.normal((1, 3, DIM)) / 50, mx.zeros((1, 1, DIM))):
        for eps in (1e-6, 1e-3):
            assert mx.array_equal(norm.rms_norm(x, weight, eps), OWN_NORM(x, weight, eps))
    assert mx.array_equal(norm.rms_norm(x, None, 1e-6), OWN_NORM(x, None, 1e-6))
    x = (mx.random.normal((1, 99, DIM)) * 300).astype(mx.float16)
    for narrow in (weight, weight.astype(mx.float16)):
        assert mx.array_equal(norm.rms_norm(x, narrow, 1e-6), OWN_NORM(x, narrow, 1e-6))


def test_models_compute_with_them_on_an_x86_cpu() -> None:
    """mlx-lm asks mx.fast and mlx.nn by name at every call."""
    if not (runs_on_cpu() and x86.is_installed()):
        pytest.skip("MLX's own kernels serve on this device")
    from mlx_lm.models.activations import swiglu

    installed: list[Any] = [nn.silu, mx.fast.rope, mx.fast.rms_norm]
    assert installed == [silu.silu, rotary.rope, norm.rms_norm]
    x = mx.random.normal((1, 40, 768))
    assert furthest(swiglu(x, x), OWN_SILU(x) * x) < 1e-4
    assert furthest(swiglu(x[:, :3], x[:, :3]), OWN_SILU(x[:, :3]) * x[:, :3]) < 1e-4  # compiled once for all shapes


def test_a_long_context_needs_no_room_for_all_scores() -> None:
    """A pass over many keys holds the scores of a few blocks."""
    q, k, v = queries_keys_values(256, 20_000)
    mx.eval(q, k, v)
    whole = 4 * HEADS * 256 * 20_000
    assert whole > 4 * SCORE_BYTES_AHEAD
    mx.clear_cache()
    mx.reset_peak_memory()
    before = mx.get_active_memory()
    mx.eval(attention.attention(q, k, v, scale=SCALE, mask="causal"))
    assert mx.get_peak_memory() - before < whole
