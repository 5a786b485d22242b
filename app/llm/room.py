"""What a loaded model needs of this device and what the device has: the figures that a Budget computes with.

Knows mlx's caches and memory; decides nothing. In: a LoadedModel.  Out: its Budget, its spec, the device's Memory.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

from mlx.utils import tree_flatten
from mlx_lm.models.cache import ArraysCache, CacheList, KVCache, RotatingKVCache, make_prompt_cache

from app.budget.clock import PrefillClock
from app.budget.layer_group import LayerGroup
from app.budget.limit import Budget
from app.budget.memory import Memory, system_memory
from app.budget.passes import PassShape
from app.budget.spec import ModelCacheSpec
from app.errors import UnknownShape
from app.llm import decode, x86
from app.llm.blas import mx, serving
from app.llm.loader import LoadedModel
from app.llm.mlx_thread import CancelToken, run_mlx
from app.llm.prefix_cache import Prefix

OUTPUT_RESERVE = 4096  # tokens of an answer; a page of facts needs about a thousand
WARM_UP_TOKENS = 32
PROBE_STEP = 512  # tokens of each timed pass
PROBE_PATIENCE_SECONDS = 2.0
TIMED_PASSES = 9
PROBE_TOKENS = 2  # one token alone goes another way through a cache with a window


def budget_for(
    loaded: LoadedModel,
    *,
    output_reserve: int = OUTPUT_RESERVE,
    max_context: int | None = None,
    prefill_seconds: float = float("inf"),
    clock: PrefillClock | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Budget:
    """The live budget of a model on this device; no device work, so any thread may ask."""
    return Budget(
        spec=cache_spec(loaded),
        passes=PassShape.from_config(
            loaded.config,
            has_fused_scores=serving() == "metal",
            has_blocks=x86.is_installed() and loaded.dtype == "float32",
        ),
        model_tokens=loaded.max_context_tokens,
        output_reserve=output_reserve,
        memory=device_memory,
        weight_bytes=weight_bytes(loaded.model),
        dtype_bytes=dtype_bytes(loaded),
        reading=loaded.reading,
        max_context=max_context,
        prefill_seconds=prefill_seconds,
        clock=clock if clock is not None else PrefillClock(),
        say=say,
    )


def cache_spec(loaded: LoadedModel) -> ModelCacheSpec:
    """From the config where its family is known; otherwise from a live cache."""
    try:
        return ModelCacheSpec.from_config(loaded.config)
    except UnknownShape:
        return run_mlx(probe_cache, loaded.model, str(loaded.config.get("model_type", "")))


def probe_cache(model: Any, model_type: str) -> ModelCacheSpec:
    """Read shapes off the caches of a forward pass that is never evaluated: milliseconds, whatever the model's size.

    raises  UnknownShape for a kind of cache whose growth nobody here knows
    """
    caches = make_prompt_cache(model)
    model(mx.array([[0] * PROBE_TOKENS]), cache=caches)
    return ModelCacheSpec(model_type, tuple(_group(cache) for layer in caches for cache in _parts(layer)))


def live_cache_bytes(model: Any, tokens: int) -> int:
    """`cache.nbytes` over all layers after one pass of `tokens` that is never evaluated."""
    caches = make_prompt_cache(model)
    model(mx.array([[0] * tokens]), cache=caches)
    return sum(int(cache.nbytes) for cache in caches)


def dtype_bytes(loaded: LoadedModel) -> int:
    """Of one activation, and so of one cached value that is not quantised."""
    return 4 if loaded.dtype == "float32" else 2


def weight_bytes(model: Any) -> int:
    """Of all parameters, as they are in memory."""
    return sum(array.nbytes for _, array in tree_flatten(model.parameters()))


def device_memory() -> Memory:
    """On a Mac what Metal recommends for the GPU, less what mlx holds; elsewhere what the system tells."""
    reusable = mx.get_cache_memory()  # freed arrays that mlx keeps for the next one
    if serving() == "metal":
        total = int(mx.device_info()["max_recommended_working_set_size"])
        return Memory(total, max(total - mx.get_active_memory(), 0))
    if serving() == "cuda" and {"total_memory", "free_memory"} <= mx.device_info().keys():
        return Memory(int(mx.device_info()["total_memory"]), int(mx.device_info()["free_memory"]) + reusable)
    memory = system_memory()
    return Memory(memory.total, min(memory.free + reusable, memory.total))


def time_prefill(loaded: LoadedModel, clock: PrefillClock) -> None:
    """A short probe for a clock that has seen nothing: two passes, the second one behind the first.

    A machine that needs seconds for the first few tokens is not asked for more of them.
    """
    run_mlx(_time_prefill, loaded, clock)


def _time_prefill(loaded: LoadedModel, clock: PrefillClock) -> None:
    prefix, step = Prefix(make_prompt_cache(loaded.model), 0), min(PROBE_STEP, loaded.max_context_tokens // 2)
    seconds = _timed_read(loaded, prefix, WARM_UP_TOKENS)  # kernels are compiled in it, so its time is an upper bound
    if seconds > PROBE_PATIENCE_SECONDS:
        clock.record(0, WARM_UP_TOKENS, seconds)
        return
    prefix = Prefix(make_prompt_cache(loaded.model), 0)
    for end in (step, 2 * step):
        clock.record(prefix.length, end, _timed_read(loaded, prefix, end))


def time_pass(loaded: LoadedModel) -> float:
    """Median seconds of a pass of one token, as an answer needs one for each token that is not forced."""
    return run_mlx(_time_pass, loaded)


def _time_pass(loaded: LoadedModel) -> float:
    prefix, seconds = Prefix(make_prompt_cache(loaded.model), 0), list[float]()
    _timed_read(loaded, prefix, WARM_UP_TOKENS)
    while len(seconds) < TIMED_PASSES and sum(seconds) < PROBE_PATIENCE_SECONDS:
        started = time.perf_counter()
        mx.eval(mx.argmax(loaded.model(mx.array([[0]]), cache=prefix.layers)[:, -1]))
        seconds.append(time.perf_counter() - started)
    return sorted(seconds)[len(seconds) // 2]


def forget_peak() -> int:
    """Begin to measure `peak_bytes` anew; returns the bytes that are in use already, other models' too."""
    mx.clear_cache()
    mx.reset_peak_memory()
    return int(mx.get_active_memory())


def peak_bytes() -> int:
    """The most memory mlx has held in this process, weights included."""
    return int(mx.get_peak_memory())


def _timed_read(loaded: LoadedModel, prefix: Prefix, end: int) -> float:
    started = time.perf_counter()
    decode.read(loaded, prefix, [token % loaded.token_count for token in range(end)], CancelToken())
    return time.perf_counter() - started


def _parts(cache: Any) -> Iterator[Any]:
    if isinstance(cache, CacheList):
        for part in cache.caches:
            yield from _parts(part)
    else:
        yield cache


def _group(cache: Any) -> LayerGroup:
    if isinstance(cache, ArraysCache):
        arrays = [array for array in cache.cache if array is not None]
        wide = sum(array.size for array in arrays if array.dtype == mx.float32)
        narrow = sum(array.size for array in arrays) - wide
        # On the CPU everything is float32, and then it does not matter which is called a state's.
        return LayerGroup(1, state=narrow, state_float32=wide, quantizes=False)
    if type(cache) not in (KVCache, RotatingKVCache):
        raise UnknownShape(
            f"nobody knows how a {type(cache).__name__} grows",
            hint="choose another model, or add it to app/llm/room.py",
        )
    if cache.keys is None:  # a layer that shares another one's
        return LayerGroup(0)
    tensors = tuple((array.shape[1], array.shape[3]) for array in (cache.keys, cache.values))
    return LayerGroup(1, tensors, window=getattr(cache, "max_size", None))
