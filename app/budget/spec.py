"""What a model keeps of each token it reads: bytes over all layers, from its config.json alone.

Knows arithmetic; wakes no mlx and measures nothing.
In: a config, or the shapes of a live cache.  Out: a ModelCacheSpec, or UnknownShape with the keys that were found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.budget.config_keys import flattened
from app.budget.families import groups_of
from app.budget.layer_group import LayerGroup

BLOCK_TOKENS = 256  # mlx-lm's caches grow by this many tokens at a time (KVCache.step)
FLOAT16_BYTES = 2
PREFILL_STEP = 512  # tokens a pass, where nobody says otherwise


@dataclass(frozen=True, slots=True)
class Precision:
    """How cached values are stored.

    dtype_bytes   of an activation: 2 for float16 and bfloat16, 4 where the CPU computes in float32
    kv_bits       8 or 4, or None: as the activations are
    group_size    values that share a scale and a bias
    """

    dtype_bytes: int = FLOAT16_BYTES
    kv_bits: int | None = None
    group_size: int = 64


FLOAT16 = Precision()


@dataclass(frozen=True, slots=True)
class ModelCacheSpec:
    """The cache of one model, over **all** its layers.

    Sums done by hand (float16, before rounding to blocks):

    Qwen3-4B, grouped-query: 36 layers x 8 heads x 128 components x 2 (K and V) x 2 bytes
        = 147,456 bytes = 144 KiB a token. At 8 bits 36 x 2048 x (1 + 2 x 2/64) = 78,336 bytes; at 4 bits 41,472.
    DeepSeek-V2-Lite, MLA, which mlx-lm's deepseek_v2 caches expanded: 27 layers x 16 heads x ((128 + 64) + 128)
        components x 2 bytes = 276,480 bytes = 270 KiB a token, 27.6 GB at 100,000 tokens.
        Kept as a latent, as mlx-lm's deepseek_v3 does: 27 x (512 + 64) x 2 = 31,104 bytes.
    Qwen3.6-27B, hybrid: of 64 layers every 4th is full attention, 16 x 4 heads x 256 components x 2 x 2 bytes
        = 65,536 bytes = 64 KiB a token; the 48 linear layers keep a state that no token adds to.
    """

    model_type: str
    groups: tuple[LayerGroup, ...]
    block_tokens: int = BLOCK_TOKENS

    @classmethod
    def from_config(cls, config: Mapping[str, Any], block_tokens: int = BLOCK_TOKENS) -> "ModelCacheSpec":
        """Read a config.json as mlx-lm would run it.

        raises  UnknownShape for a family whose cache is not known here, or a key that is missing; it lists the keys
        """
        flat = flattened(config)
        return cls(str(flat.get("model_type", "")), tuple(groups_of(flat)), block_tokens)

    @property
    def layers(self) -> int:
        return sum(group.layers for group in self.groups)

    def bytes_per_token(self, precision: Precision = FLOAT16) -> float:
        """What each further token costs, however long the text: layers without a window."""
        growing = [group for group in self.groups if group.window is None]
        return sum(g.token_bytes(precision.dtype_bytes, precision.kv_bits, precision.group_size) for g in growing)

    def bytes_at(self, tokens: int, precision: Precision = FLOAT16, *, step: int = PREFILL_STEP) -> int:
        """`cache.nbytes` summed over the layers after `tokens` were read in passes of `step`.

        step   tokens a pass: a divisor or a multiple of the block, or blocks do not fit into each other
        """
        if tokens <= 0:
            return 0
        total = 0.0
        for group in self.groups:
            total += group.layers * (group.state * precision.dtype_bytes + group.state_float32 * 4)
            slots = _rounded_up(tokens, self.block_tokens)
            if group.window is not None:
                slots = _window_slots(tokens, group.window, step, self.block_tokens)
            total += slots * group.token_bytes(precision.dtype_bytes, precision.kv_bits, precision.group_size)
        return round(total)

    def layer_bytes(self, tokens: int, precision: Precision = FLOAT16) -> int:
        """The largest cache of a single layer: it is there twice while it grows."""
        each = [
            group.token_bytes(precision.dtype_bytes, precision.kv_bits, precision.group_size) / group.layers
            for group in self.groups
            if group.layers and group.window is None
        ]
        return round(max(each, default=0) * _rounded_up(tokens, self.block_tokens))

    def tokens_within(self, free_bytes: float, precision: Precision = FLOAT16, *, most: int = 1 << 24) -> int:
        """The most tokens whose cache fits into `free_bytes`; never more than `most`."""
        return largest(most, lambda tokens: self.bytes_at(tokens, precision) <= free_bytes)

    def group_size_misfit(self, group_size: int) -> int | None:
        """The first head size that `group_size` does not divide, so that it cannot be quantised; None if all can."""
        sizes = [size for group in self.groups if group.quantizes and not group.window for _, size in group.tensors]
        return next((size for size in sizes if size % group_size), None)


def largest(most: int, fits: Any) -> int:
    """The largest number from 0 to `most` that `fits`, which holds for every smaller one too."""
    low, high = 0, max(most, 0)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _rounded_up(tokens: int, block: int) -> int:
    return -(-tokens // block) * block


def _window_slots(tokens: int, window: int, step: int, block: int) -> int:
    """Tokens held by mlx-lm's RotatingKVCache: while a prompt is read each pass still sees a whole window."""
    last = tokens % step or min(step, tokens)
    before = tokens - last
    if last > 1:
        return min(before, window - 1) + last
    if before == 0:
        return min(block, window)
    held = min(before - min(step, before), window - 1) + min(step, before)  # after the pass before the last token
    if held >= window:
        return window
    return held + min(block, window - held)
