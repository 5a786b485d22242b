"""Tiny random models of every family whose cache Daybook computes, built from a config like their authors'.

Knows config keys; the models are never evaluated, since `cache.nbytes` needs shapes only.
In: a name of ZOO.  Out: its config, an mlx-lm model, the bytes its live cache takes.
"""

from typing import Any

from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.utils import _get_classes

from app.budget.reading import Reading
from app.llm import kv
from app.llm.blas import mx

WORDS = 64
_BASE: dict[str, Any] = {
    "hidden_size": 512,
    "intermediate_size": 64,
    "num_attention_heads": 8,
    "num_hidden_layers": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "rms_norm_eps": 1e-6,
    "norm_eps": 1e-6,
    "layer_norm_eps": 1e-6,
    "vocab_size": WORDS,
    "max_position_embeddings": 32_768,
    "rope_theta": 1e6,
    "tie_word_embeddings": True,
    "attention_bias": False,
    "hidden_act": "silu",
}
_MOE = {
    "num_experts": 4,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 64,
    "shared_expert_intermediate_size": 64,
    "n_shared_experts": 1,
    "norm_topk_prob": True,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "routed_scaling_factor": 1.0,
    "first_k_dense_replace": 99,
    "moe_layer_freq": 1,
    "n_group": 1,
    "topk_group": 1,
}
_LATENT = {
    **_MOE,
    "kv_lora_rank": 128,
    "q_lora_rank": 64,
    "qk_rope_head_dim": 64,
    "qk_nope_head_dim": 128,
    "v_head_dim": 128,
    "n_routed_experts": None,
    "rope_scaling": None,
}
_YARN = {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096, "beta_fast": 32, "beta_slow": 1}
_DELTA = {
    "num_hidden_layers": 2,
    "linear_num_value_heads": 8,
    "linear_num_key_heads": 4,
    "linear_key_head_dim": 64,
    "linear_value_head_dim": 64,
    "linear_conv_kernel_dim": 4,
    "full_attention_interval": 2,
    "partial_rotary_factor": 0.25,
}
_ALTERNATING = ["sliding_attention", "full_attention"] * 2
_GEMMA = {"query_pre_attn_scalar": 64, "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0}
_GRANITE = {"attention_multiplier": 1.0, "embedding_multiplier": 1.0, "residual_multiplier": 1.0, "logits_scaling": 1.0}
_PARTIAL_ROPE = {"rope_type": "default", "rope_theta": 1e6, "partial_rotary_factor": 0.25}

# What the family is -> what its config adds to the base.
ZOO: dict[str, dict[str, Any]] = {
    "grouped-query: qwen3": {"model_type": "qwen3"},
    "grouped-query: qwen3_moe": {"model_type": "qwen3_moe", **_MOE},
    "grouped-query: qwen2": {"model_type": "qwen2", "head_dim": None},
    "grouped-query: llama": {"model_type": "llama"},
    "grouped-query: mistral": {"model_type": "mistral", "sliding_window": 128},
    "grouped-query: mixtral": {"model_type": "mixtral", "head_dim": None, **_MOE},
    "grouped-query: gemma2": {"model_type": "gemma2", **_GEMMA},
    "grouped-query: phi3": {"model_type": "phi3", "head_dim": None},
    "grouped-query: smollm3": {"model_type": "smollm3"},
    "grouped-query: glm4": {"model_type": "glm4", "partial_rotary_factor": 0.5},
    "grouped-query: granite": {"model_type": "granite", "head_dim": None, "mlp_bias": False, **_GRANITE},
    "grouped-query: olmo2": {"model_type": "olmo2", "head_dim": None},
    "multi-query: gemma": {"model_type": "gemma", "num_key_value_heads": 1},
    "multi-query: gpt_bigcode": {
        "model_type": "gpt_bigcode",
        "multi_query": True,
        **{"n_embd": 512, "n_layer": 4, "n_head": 8, "n_inner": 64, "n_positions": 8192, "layer_norm_epsilon": 1e-5},
        **dict.fromkeys(("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads"), None),
        "head_dim": None,
    },
    "multi-head: llama": {"model_type": "llama", "num_key_value_heads": 8},
    "multi-head: llama, old config": {"model_type": "llama", "num_key_value_heads": None, "head_dim": None},
    "sliding: llama with layer_types": {"model_type": "llama", "sliding_window": 200, "layer_types": _ALTERNATING},
    "sliding: gemma3_text": {"model_type": "gemma3_text", "sliding_window": 128, "num_hidden_layers": 7, **_GEMMA},
    "sliding: gemma3, nested": {
        "model_type": "gemma3",
        "text_config": {**_BASE, "model_type": "gemma3_text", "sliding_window": 512, "num_hidden_layers": 6},
    },
    "sliding: gpt_oss": {"model_type": "gpt_oss", "sliding_window": 128, "layer_types": _ALTERNATING, **_MOE},
    "sliding: olmo3": {"model_type": "olmo3", "sliding_window": 300, "layer_types": _ALTERNATING},
    "sliding: cohere2": {"model_type": "cohere2", "sliding_window": 256, "logit_scale": 1.0},
    "sliding: exaone4": {
        "model_type": "exaone4",
        **{"sliding_window": 256, "sliding_window_pattern": "LLLG", "rope_scaling": {"rope_type": "default"}},
    },
    "MLA, expanded: deepseek_v2": {"model_type": "deepseek_v2", **_LATENT, "q_lora_rank": None, "rope_scaling": _YARN},
    "MLA, expanded: minicpm3": {
        "model_type": "minicpm3",
        **_LATENT,
        **{"v_head_dim": None, "rope_scaling": {"original_max_position_embeddings": 32_768}},
        **{"dim_model_base": 256, "scale_depth": 1.0, "scale_emb": 1},
    },
    "MLA, latent: deepseek_v3": {"model_type": "deepseek_v3", **_LATENT},
    "MLA, latent: glm4_moe_lite": {"model_type": "glm4_moe_lite", **_LATENT},
    "hybrid: qwen3_next": {"model_type": "qwen3_next", **_MOE, **_DELTA},
    "hybrid: qwen3_5": {
        "model_type": "qwen3_5",
        "text_config": {**_BASE, **_DELTA, "model_type": "qwen3_5_text", "rope_parameters": _PARTIAL_ROPE},
    },
    "hybrid: lfm2": {
        "model_type": "lfm2",
        **{"full_attn_idxs": [1, 3], "conv_L_cache": 3, "conv_bias": False, "head_dim": None},
        **{"block_dim": 512, "block_ff_dim": 64, "block_multiple_of": 64, "block_ffn_dim_multiplier": 1.0},
        "block_auto_adjust_ff_dim": False,
    },
    "hybrid: jamba": {
        "model_type": "jamba",
        **_MOE,
        **{"attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2, "expert_layer_offset": 1},
        **{"mamba_d_state": 16, "mamba_d_conv": 4, "mamba_expand": 2, "mamba_dt_rank": 16, "head_dim": None},
        **{"mamba_conv_bias": True, "mamba_proj_bias": False},
    },
}


def config_of(name: str) -> dict[str, Any]:
    """The config as it would stand in config.json: without keys that are None."""
    return {key: value for key, value in {**_BASE, **ZOO[name]}.items() if value is not None}


def model_of(config: dict[str, Any]) -> Any:
    """An mlx-lm model with random weights in float16; nothing is evaluated."""
    model_class, args_class = _get_classes(config)
    model = model_class(args_class.from_dict(config))
    model.set_dtype(mx.float16)
    return model


def live_bytes(model: Any, tokens: int, reading: Reading) -> int:
    """`cache.nbytes` over all layers after `tokens` went through the model, in passes as the engine makes them."""
    caches = make_prompt_cache(model)
    kv.settle(caches, reading, tokens)
    for start in range(0, tokens, reading.step):
        model(mx.array([[1] * min(reading.step, tokens - start)]), cache=caches)
    return sum(int(cache.nbytes) for cache in caches)
