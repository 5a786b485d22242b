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
# Attention in blocks of rows (app/llm/x86/attention.py) holds the scores of SCORE_ROWS rows, so many times; but while
# the scores of a whole pass are no more than SCORE_BYTES_AHEAD, all of its blocks may have their memory at once.
SCORE_ROWS = 64
SCORE_BYTES_AHEAD = 2**24
BLOCK_COPIES = 3
INNER = ("intermediate_size", "moe_intermediate_size", "n_inner", "block_ff_dim", "ffn_hidden_size")


@dataclass(frozen=True, slots=True)
class PassShape:
    """What a pass needs of a model.

    heads             of the queries
    width             components a token has at the widest moment of a layer, all of them alive together
    has_fused_scores  the device computes attention without ever holding the scores of a whole pass (Metal)
    has_blocks        attention is computed in blocks of rows (float32 on an x86 CPU)
    """

    heads: int
    width: int
    has_fused_scores: bool = False
    has_blocks: bool = False

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], *, has_fused_scores: bool = False, has_blocks: bool = False
    ) -> "PassShape":
        """Unknown widths count as none: the floor of free memory is there for them."""
        flat = flattened(config)
        hidden, inner = first_of(flat, HIDDEN) or 0, first_of(flat, INNER) or 0
        heads = first_of(flat, HEADS) or 0
        return cls(heads, HIDDEN_COPIES * hidden + INNER_COPIES * max(inner, hidden), has_fused_scores, has_blocks)

    def peak_bytes(self, tokens: int, step: int, precision: Precision, layer_bytes: int) -> int:
        """The largest moment of the last pass over `tokens`.

        layer_bytes   of one layer's cache, which is there twice while it grows
        """
        rows = min(step, tokens)
        hidden = rows * self.width * precision.dtype_bytes
        if self.has_fused_scores and precision.kv_bits is None:
            return hidden + layer_bytes
        score_bytes = self.heads * tokens * precision.dtype_bytes  # of one row
        if self.has_blocks and precision.kv_bits is None:
            blocks = BLOCK_COPIES * min(rows, SCORE_ROWS) * score_bytes
            return hidden + layer_bytes + max(blocks, min(rows * score_bytes, SCORE_BYTES_AHEAD))
        # mlx-lm's quantised attention, and MLX's own on a CPU, writes all scores out.
        scores = rows * score_bytes
        mask = rows * tokens
        return hidden + layer_bytes + scores + mask
