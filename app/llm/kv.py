"""Keep the cache of a long prompt in fewer bits, layer by layer where mlx-lm can.

Knows mlx-lm's caches; does not know when it is worth it. In: fresh or half-read caches.  Out: the same, quantised.
"""

from typing import Any

from mlx_lm.models.cache import CacheList, KVCache, make_prompt_cache

from app.budget.reading import Reading
from app.budget.spec import ModelCacheSpec
from app.errors import BadInput, UnknownShape
from app.llm.blas import mx


def settle(layers: list[Any], reading: Reading, prompt_tokens: int) -> None:
    """Turn the layers that keep everything into `reading.kv_bits` before a prompt that is long enough is read.

    Before, not on the way: so both copies are never in memory together, and an answer never changes half-way.
    """
    if reading.kv_bits is None or prompt_tokens < reading.quantized_kv_start:
        return
    for place, cache in enumerate(layers):
        if type(cache) is KVCache:  # windows and states stay as they are: mlx-lm cannot quantise them
            layers[place] = cache.to_quantized(group_size=reading.kv_group_size, bits=reading.kv_bits)
        elif isinstance(cache, CacheList):
            inner = list(cache.caches)
            settle(inner, reading, prompt_tokens)
            cache.caches = tuple(inner)


def check_config(reading: Reading, config: dict[str, Any]) -> None:
    """Refuse, before any weight is read, what the config already rules out. raises BadInput"""
    try:
        spec = ModelCacheSpec.from_config(config)
    except UnknownShape:
        return  # `check_model` will try it
    reading.check(spec)


def check_model(reading: Reading, model: Any, name: str) -> None:
    """A pass that is never evaluated: the attention of some models cannot read a quantised cache. raises BadInput"""
    if reading.kv_bits is None:
        return
    caches = make_prompt_cache(model)
    settle(caches, reading, reading.quantized_kv_start)
    try:
        model(mx.array([[0, 0]]), cache=caches)
    except (TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise BadInput(
            f"MLX_KV_BITS is {reading.kv_bits}, but {name} cannot read a quantised cache", hint="leave MLX_KV_BITS out"
        ) from error
