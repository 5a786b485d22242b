"""Bytes of a cache: predicted from a config, done by hand, and taken from live caches of every family."""

from typing import Any

import pytest

from app.budget.families import EVERY_LAYER
from app.budget.reading import Reading
from app.budget.spec import ModelCacheSpec, Precision
from app.errors import BadInput, UnknownShape
from app.llm.mlx_thread import run_mlx
from app.llm.room import probe_cache
from tests.budget.configs import DEEPSEEK_V2_LITE, QWEN3_4B, QWEN36_27B
from tests.budget.zoo import ZOO, config_of, live_bytes, model_of

KIB = 1024
LENGTHS = (1, 255, 256, 257, 4096)


@pytest.mark.parametrize("name", ZOO)
def test_predicted_bytes_are_those_of_the_live_cache(name: str) -> None:
    """Within 2 % at fp16, 8 and 4 bits and 1, 255, 256, 257 and 4,096 tokens; in fact equal, window or not."""
    config = config_of(name)
    spec = ModelCacheSpec.from_config(config)
    model = run_mlx(model_of, config)
    for bits in (None, 8, 4):
        reading = Reading(kv_bits=bits, quantized_kv_start=0)
        if bits is not None and any(not group.quantizes for group in spec.groups):
            continue
        for tokens in LENGTHS:
            live = run_mlx(live_bytes, model, tokens, reading)
            assert spec.bytes_at(tokens, reading.precision(prompt_tokens=tokens), step=reading.step) == live


@pytest.mark.parametrize("name", ZOO)
def test_a_probed_cache_says_what_its_config_says(name: str) -> None:
    """A forward pass that is never evaluated leads to the same bytes, so an unknown family can be probed instead."""
    config = config_of(name)
    spec, probed = ModelCacheSpec.from_config(config), run_mlx(lambda: probe_cache(model_of(config), "?"))
    assert [probed.bytes_at(n) for n in LENGTHS] == [spec.bytes_at(n) for n in LENGTHS]


def test_qwen3_4b_by_hand() -> None:
    """36 layers x 8 heads x 128 x 2 x 2 bytes = 147,456; 8 bits: 73,728 x (1 + 4/64) = 78,336; 4 bits: 41,472."""
    spec = ModelCacheSpec.from_config(QWEN3_4B)
    assert spec.bytes_per_token() == 144 * KIB == 147_456
    assert spec.bytes_per_token(Precision(2, 8)) == 78_336
    assert spec.bytes_per_token(Precision(2, 4)) == 41_472
    assert spec.bytes_at(131_072) == 18 * 1024**3  # 144 KiB x 128 Ki


def test_deepseek_v2_lite_by_hand() -> None:
    """27 layers x 16 heads x (192 + 128) x 2 bytes = 276,480: mlx-lm expands it; 100,000 tokens are 27.6 GB."""
    spec = ModelCacheSpec.from_config(DEEPSEEK_V2_LITE)
    assert spec.bytes_per_token() == 276_480 == 27 * 16 * (128 + 64 + 128) * 2
    assert spec.bytes_at(100_096) == 100_096 * 276_480  # 391 blocks
    latent = ModelCacheSpec.from_config({**DEEPSEEK_V2_LITE, "model_type": "deepseek_v3"})
    assert latent.bytes_per_token() == 31_104 == 27 * (512 + 64) * 2


def test_the_hybrid_of_sixty_four_layers_by_hand() -> None:
    """Qwen3.6-27B: 64 / 4 = 16 full layers x 4 heads x 256 x 2 x 2 bytes = 65,536 = 64 KiB a token.

    The other 48 keep (4 - 1) x (2 x 16 x 128 + 48 x 128) x 2 bytes and 48 x 128 x 128 x 4 bytes each, for any length.
    """
    spec = ModelCacheSpec.from_config(QWEN36_27B)
    assert spec.bytes_per_token() == 64 * KIB
    state = 48 * (3 * 10_240 * 2 + 786_432 * 4)
    assert spec.bytes_at(256) == 256 * 64 * KIB + state
    assert spec.bytes_at(131_072) == 8 * 1024**3 + state
    assert spec.layers == 64


def test_other_key_names_mean_the_same() -> None:
    """num_layers, n_layer, n_head, nested text_config: the spec is that of the usual names."""
    usual = {"model_type": "qwen3", "num_hidden_layers": 3, "num_attention_heads": 4, "hidden_size": 256}
    renamed = {"model_type": "qwen3", "n_layers": 3, "n_heads": 4, "d_model": 256}
    nested = {"model_type": "qwen3", "text_config": {**usual}}
    specs = [ModelCacheSpec.from_config(config) for config in (usual, renamed, nested)]
    assert specs[0] == specs[1] == specs[2]


@pytest.mark.parametrize(
    "config",
    [{"model_type": "qwen3", "num_hidden_layers": 3, "color": 1}, {"model_type": "nobody", "color": 1}, {"color": 1}],
)
def test_an_unknown_shape_lists_the_keys_found(config: dict[str, Any]) -> None:
    """No guess: a named error with the keys, so that a family can be added from it."""
    with pytest.raises(UnknownShape, match=r"keys found: .*color"):
        ModelCacheSpec.from_config(config)


def test_every_plain_family_needs_only_the_usual_keys() -> None:
    """Each family of EVERY_LAYER is computed as grouped-query attention over all its layers."""
    for family in EVERY_LAYER:
        config = {**QWEN3_4B, "model_type": family}
        assert ModelCacheSpec.from_config(config).bytes_per_token() == 147_456


def test_a_cache_that_cannot_be_quantised_says_so() -> None:
    """kv_bits is refused for a latent cache and for heads that the group does not divide."""
    latent = ModelCacheSpec.from_config(config_of("MLA, latent: deepseek_v3"))
    with pytest.raises(BadInput, match="cannot be quantised"):
        Reading(kv_bits=8).check(latent)
    odd = ModelCacheSpec.from_config({**QWEN3_4B, "head_dim": 80})
    with pytest.raises(BadInput, match="does not divide this model's heads of 80"):
        Reading(kv_bits=4).check(odd)
    Reading(kv_bits=4, kv_group_size=32).check(ModelCacheSpec.from_config({**QWEN3_4B, "head_dim": 96}))
