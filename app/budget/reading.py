"""How a model's prompts are read and kept: what the owner may choose about its context.

Knows names and bounds; loads nothing. In: values from the settings.  Out: a Reading that loader, cache and limit share.
"""

from dataclasses import dataclass
from typing import Any, Literal

from app.budget.config_keys import first_of, flattened
from app.budget.spec import FLOAT16_BYTES, PREFILL_STEP, ModelCacheSpec, Precision
from app.errors import BadInput

KVBits = Literal[4, 8] | None
Preset = Literal["conservative", "balanced", "maximum"]
PRESETS: dict[Preset, int | None] = {"conservative": 8192, "balanced": 16_384, "maximum": None}
STEPS = (64, 128, 256, 512, 1024, 2048, 4096)  # parts or multiples of a cache block, so that blocks fit together
GROUP_SIZES = (32, 64, 128)  # what mlx can quantise


@dataclass(frozen=True, slots=True)
class Reading:
    """The choices about a model's context; the defaults change nothing of the model.

    step                 tokens of a prompt read in one pass: a cancelled caller waits for one
    kv_bits              keep keys and values in 8 or 4 bits; None: as the activations are
    kv_group_size        values that share a scale and a bias
    quantized_kv_start   prompts of at least so many tokens are kept in `kv_bits`; short ones stay exact
    rope_factor          stretch the positions by YaRN; changes every answer, short ones too
    max_positions        believe this instead of the config's max_position_embeddings
    """

    step: int = PREFILL_STEP
    kv_bits: KVBits = None
    kv_group_size: int = 64
    quantized_kv_start: int = 5000
    rope_factor: float | None = None
    max_positions: int | None = None

    def __post_init__(self) -> None:
        if self.step not in STEPS or self.kv_group_size not in GROUP_SIZES or self.kv_bits not in (None, 4, 8):
            raise BadInput(
                f"prompts cannot be read with {self}", hint=f"a step of {STEPS}, a group of {GROUP_SIZES}, 4 or 8 bits"
            )

    def precision(self, dtype_bytes: int = FLOAT16_BYTES, *, prompt_tokens: int) -> Precision:
        """How the cache of such a prompt is kept."""
        is_long = prompt_tokens >= self.quantized_kv_start
        return Precision(dtype_bytes, self.kv_bits if is_long else None, self.kv_group_size)

    @property
    def changes_answers(self) -> str:
        """What of this makes the model answer otherwise, as text; "" if nothing: part of a question's identity."""
        changed = []
        if self.kv_bits is not None:
            changed.append(f"kv {self.kv_bits} bits by {self.kv_group_size} from {self.quantized_kv_start} tokens")
        if self.rope_factor is not None:
            changed.append(f"yarn x{self.rope_factor:g}")
        return ", ".join(changed)

    def check(self, spec: ModelCacheSpec) -> None:
        """Refuse what this model's cache cannot do. raises BadInput"""
        if self.kv_bits is None:
            return
        if not any(group.quantizes and group.tensors and group.window is None for group in spec.groups):
            raise BadInput(
                f"MLX_KV_BITS is {self.kv_bits}, but the cache of {spec.model_type} cannot be quantised",
                hint="leave MLX_KV_BITS out",
            )
        if misfit := spec.group_size_misfit(self.kv_group_size):
            fitting = [str(size) for size in GROUP_SIZES if misfit % size == 0]
            raise BadInput(
                f"MLX_KV_GROUP_SIZE is {self.kv_group_size}, which does not divide this model's heads of {misfit}",
                hint=f"choose {' or '.join(fitting)}" if fitting else "leave MLX_KV_BITS out",
            )

    def overrides(self, config: dict[str, Any]) -> dict[str, Any]:
        """What to change in a config.json before the model is made; {} unless the owner asked.

        raises  BadInput where YaRN has nothing to start from
        """
        flat = flattened(config)
        changed: dict[str, Any] = {}
        if self.rope_factor is not None:
            former = flat.get("rope_scaling") or flat.get("rope_parameters") or {}
            trained = first_of(former, ("original_max_position_embeddings",)) or first_of(
                flat, ("max_position_embeddings",)
            )
            if trained is None:
                raise BadInput("MLX_ROPE_FACTOR is set, but the model's config names no max_position_embeddings")
            yarn = {
                **former,
                "rope_type": "yarn",
                "type": "yarn",
                "factor": self.rope_factor,
                "original_max_position_embeddings": trained,  # mlx-lm would quietly take 4096
            }
            key = "rope_parameters" if flat.get("rope_parameters") else "rope_scaling"
            changed = {key: yarn, "max_position_embeddings": int(trained * self.rope_factor)}
        if self.max_positions is not None:
            changed["max_position_embeddings"] = self.max_positions
        nested = next((name for name in ("text_config", "llm_config") if isinstance(config.get(name), dict)), None)
        return {nested: {**config[nested], **changed}} if nested and changed else changed


AS_MADE = Reading()  # nothing of the model changed
