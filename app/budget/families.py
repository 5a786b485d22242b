"""How each family of models fills its cache, as mlx-lm runs it: which layers keep what, from the config's keys.

Knows the key names of config.json; knows no bytes and no device. To add a family: a line here, and a row in
tests/budget/zoo.py that builds a tiny model of it. In: a flattened config.  Out: LayerGroups.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from app.budget.config_keys import first_of, needed, unknown
from app.budget.layer_group import LayerGroup

Config = Mapping[str, Any]

LAYERS = ("num_hidden_layers", "num_layers", "n_layers", "n_layer")
HEADS = ("num_attention_heads", "n_heads", "n_head", "num_heads")
KV_HEADS = ("num_key_value_heads", "num_kv_heads", "n_kv_heads", "multi_query_group_num", "n_head_kv")
HIDDEN = ("hidden_size", "n_embd", "d_model", "dim")
FULL = "full_attention"

# Every layer keeps its keys and values, one pair a KV head.
EVERY_LAYER = {
    *("llama", "mistral", "mistral3", "ministral3", "mixtral", "qwen2", "qwen2_moe", "qwen2_vl", "qwen2_5_vl"),
    *("qwen3", "qwen3_moe", "qwen3_vl", "qwen3_vl_moe", "gemma", "gemma2", "phi", "phi3", "glm", "glm4", "glm4_moe"),
    *("internlm2", "internlm3", "olmo2", "olmoe", "granite", "granitemoe", "smollm3", "seed_oss", "cohere", "gpt2"),
    *("starcoder2", "stablelm", "helium", "mimo", "nemotron", "exaone", "dots1", "Klear", "nanochat", "deepseek"),
    *("hunyuan_v1_dense", "gpt_bigcode", "gpt_neox"),
}
# Some layers see a window only; `layer_types` says which, or every n-th layer is full.
WINDOWED = {
    *("llama", "mistral", "mistral3", "ministral3", "gemma3", "gemma3_text", "gpt_oss", "olmo3", "cohere2", "exaone4")
}
EVERY_NTH = {"gemma3": 6, "gemma3_text": 6, "cohere2": 4}
# What mlx-lm's quantised attention cannot: learnt sinks beside the scores, scores that are capped.
EXACT_ONLY = {"gpt_oss", "gemma2"}
# Multi-head latent attention: kept as keys and values of every head, or as the latent alone.
EXPANDED_LATENT = ("deepseek_v2", "minicpm3")
LATENT = ("deepseek_v3", "kimi_k2", "kimi_k25", "kimi_vl", "glm4_moe_lite", "joyai_llm_flash")
# Only every n-th layer is attention, the others keep a state of fixed size.
GATED_DELTA = ("qwen3_next", "qwen3_5", "qwen3_5_moe", "qwen3_5_text", "qwen3_5_moe_text")
SHORT_CONVOLUTION = ("lfm2", "lfm2_moe", "lfm2-vl")
MAMBA = ("jamba",)


def groups_of(config: Config) -> Iterator[LayerGroup]:
    """The layers of a model, those that keep the same together. raises UnknownShape"""
    family = str(config.get("model_type", ""))
    readers: list[tuple[tuple[str, ...], Callable[[Config], Iterator[LayerGroup]]]] = [
        (EXPANDED_LATENT, _expanded),
        (LATENT, _latent),
        (GATED_DELTA, _gated_delta),
        (SHORT_CONVOLUTION, _short_convolution),
        (MAMBA, _mamba),
    ]
    for families, read in readers:
        if family in families:
            return read(config)
    kinds = _kinds(config, family)
    if kinds is not None:
        return _windowed(config, kinds)
    if family in EVERY_LAYER:
        quantizes = family not in EXACT_ONLY
        return iter([LayerGroup(needed(config, *LAYERS), _attention(config), quantizes=quantizes)])
    raise unknown(config, "the family is not in app/budget/families.py")


def _attention(config: Config) -> tuple[tuple[int, int], ...]:
    """Keys and values of one layer: grouped-query, multi-query (one KV head) or multi-head (as many as heads)."""
    heads = needed(config, *HEADS)
    kv_heads = 1 if config.get("multi_query") else first_of(config, KV_HEADS) or heads
    size = first_of(config, ("head_dim",)) or needed(config, *HIDDEN) // heads
    return ((kv_heads, size), (kv_heads, size))


def _kinds(config: Config, family: str) -> list[bool] | None:
    """For each layer whether it sees everything; None if no layer has a window."""
    layers, window = needed(config, *LAYERS), config.get("sliding_window")
    if family not in WINDOWED or not window:
        return None
    types, pattern = config.get("layer_types"), config.get("sliding_window_pattern")
    if family == "exaone4" and isinstance(pattern, str):
        return [pattern[i % len(pattern)] != "L" for i in range(layers)]
    if family in EVERY_NTH:  # mlx-lm goes by the pattern here, also where the config has `layer_types`
        every = pattern if isinstance(pattern, int) else EVERY_NTH[family]
        return [i % every == every - 1 for i in range(layers)]
    if isinstance(types, list):
        return [kind == FULL for kind in types]
    if family == "gpt_oss":
        return [i % 2 == 1 for i in range(layers)]
    return None  # mistral's old configs name a window that mlx-lm does not apply


def _windowed(config: Config, kinds: list[bool]) -> Iterator[LayerGroup]:
    quantizes = config.get("model_type") not in EXACT_ONLY
    yield LayerGroup(sum(kinds), _attention(config), quantizes=quantizes)
    yield LayerGroup(len(kinds) - sum(kinds), _attention(config), window=needed(config, "sliding_window"))


def _expanded(config: Config) -> Iterator[LayerGroup]:
    heads = needed(config, *HEADS)
    key = needed(config, "qk_nope_head_dim") + needed(config, "qk_rope_head_dim")
    value = first_of(config, ("v_head_dim",)) or needed(config, *HIDDEN) // heads
    yield LayerGroup(needed(config, *LAYERS), ((heads, key), (heads, value)))


def _latent(config: Config) -> Iterator[LayerGroup]:
    kept = ((1, needed(config, "kv_lora_rank")), (1, needed(config, "qk_rope_head_dim")))
    yield LayerGroup(needed(config, *LAYERS), kept, quantizes=False)  # mlx-lm 0.32 fails on a quantised latent


def _gated_delta(config: Config) -> Iterator[LayerGroup]:
    layers = needed(config, *LAYERS)
    # mlx-lm goes by the interval, also where the config has `layer_types`.
    full = layers // (first_of(config, ("full_attention_interval",)) or 4)
    value_heads, value = needed(config, "linear_num_value_heads"), needed(config, "linear_value_head_dim")
    key_heads, key = needed(config, "linear_num_key_heads"), needed(config, "linear_key_head_dim")
    convolved = (needed(config, "linear_conv_kernel_dim") - 1) * (2 * key_heads * key + value_heads * value)
    yield LayerGroup(full, _attention(config))
    yield LayerGroup(layers - full, state=convolved, state_float32=value_heads * value * key)


def _short_convolution(config: Config) -> Iterator[LayerGroup]:
    layers, types, full = needed(config, *LAYERS), config.get("layer_types"), config.get("full_attn_idxs")
    if not isinstance(full, list):
        if not isinstance(types, list):
            raise unknown(config, "neither full_attn_idxs nor layer_types")
        full = [i for i, kind in enumerate(types) if kind == FULL]
    yield LayerGroup(len(full), _attention(config))
    yield LayerGroup(layers - len(full), state=(needed(config, "conv_L_cache") - 1) * needed(config, *HIDDEN))


def _mamba(config: Config) -> Iterator[LayerGroup]:
    layers, period = needed(config, *LAYERS), needed(config, "attn_layer_period")
    full = sum(i % period == config.get("attn_layer_offset", 0) for i in range(layers))
    inner = needed(config, "mamba_expand") * needed(config, *HIDDEN)
    state = inner * (needed(config, "mamba_d_conv") - 1 + needed(config, "mamba_d_state"))
    yield LayerGroup(full, _attention(config))
    yield LayerGroup(layers - full, state=state)
