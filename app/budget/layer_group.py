"""Layers of one model that keep the same of every token, and the bytes of it.

Knows the shapes of cached tensors and how they are quantised; knows no family and no device.
In: shapes.  Out: bytes a token.
"""

from dataclasses import dataclass

SCALE_AND_BIAS = 2  # of each group of quantised values, both in the type of the activations

# A cached tensor of one token in one layer: (heads, components of a head).
Tensor = tuple[int, int]


@dataclass(frozen=True, slots=True)
class LayerGroup:
    """Layers of one model that keep the same.

    tensors         what each token leaves: keys and values; () for a layer with a state of fixed size
    window          tokens kept at most; None: all of them
    state           components kept whatever is read, in the type of the activations
    state_float32   the same, always in 4 bytes
    quantizes       whether mlx-lm can keep this cache in 8 or 4 bits
    """

    layers: int
    tensors: tuple[Tensor, ...] = ()
    window: int | None = None
    state: int = 0
    state_float32: int = 0
    quantizes: bool = True

    def token_bytes(self, dtype_bytes: int, kv_bits: int | None, group_size: int) -> float:
        """Bytes of one kept token over the layers of this group."""
        width = sum(heads * components for heads, components in self.tensors)
        if kv_bits is None or not self.quantizes or self.window is not None:
            return self.layers * width * dtype_bytes
        return self.layers * width * (kv_bits / 8 + SCALE_AND_BIAS * dtype_bytes / group_size)
