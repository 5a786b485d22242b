"""How much memory one pass of a prompt takes beside the weights and the cache: scores, hidden states, a copied layer.

Knows the widths of a transformer; knows no device. In: a config and a length.  Out: bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.budget.config_keys import first_of, flattened
from app.budget.families import HEADS, HIDDEN
from app.budget.spec import Precision

# How often each is in memory at a layer's widest moment; measured with daybook-nano, docs/measurements.md.
HIDDEN_COPIES = 6
INNER_COPIES = 4
INNER = ("intermediate_size", "moe_intermediate_size", "n_inner", "block_ff_dim", "ffn_hidden_size")


@dataclass(frozen=True, slots=True)
class PassShape:
    """What a pass needs of a model.

    heads             of the queries
    width             components a token has at the widest moment of a layer, all of them alive together
    has_fused_scores  the device computes attention without ever holding the scores of a whole pass (Metal)
    """

    heads: int
    width: int
    has_fused_scores: bool = False

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, has_fused_scores: bool = False) -> "PassShape":
        """Unknown widths count as none: the floor of free memory is there for them."""
        flat = flattened(config)
        hidden, inner = first_of(flat, HIDDEN) or 0, first_of(flat, INNER) or 0
        heads = first_of(flat, HEADS) or 0
        return cls(heads, HIDDEN_COPIES * hidden + INNER_COPIES * max(inner, hidden), has_fused_scores)

    def peak_bytes(self, tokens: int, step: int, precision: Precision, layer_bytes: int) -> int:
        """The largest moment of the last pass over `tokens`.

        layer_bytes   of one layer's cache, which is there twice while it grows
        """
        rows = min(step, tokens)
        hidden = rows * self.width * precision.dtype_bytes
        if self.has_fused_scores and precision.kv_bits is None:
            return hidden + layer_bytes
        # mlx-lm's quantised attention, and every attention of the CPU, writes the scores out.
        scores = self.heads * rows * tokens * precision.dtype_bytes
        mask = rows * tokens
        return hidden + layer_bytes + scores + mask
