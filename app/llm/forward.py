"""One pass of a model over a few tokens: logits where a decision is due, and a way back for what was fed in vain.

Knows mlx-lm's models and caches; knows no grammar.
In: tokens and the caches of what was read.  Out: logits of some rows; caches as if fewer tokens had been read.
"""

import copy
from collections.abc import Sequence
from typing import Any

from mlx_lm.models.cache import CacheList, KVCache, QuantizedKVCache

from app.llm.blas import mx
from app.llm.loader import LoadedModel


def forward(loaded: LoadedModel, tokens: Sequence[int], layers: list[Any], rows: Sequence[int]) -> mx.array:
    """Feed `tokens` and give the logits (len(rows), V) after those at `rows`; lazy."""
    ids, wanted = mx.array([list(tokens)]), mx.array(list(rows))
    if loaded.head is None:
        logits: mx.array = loaded.model(ids, cache=layers)[0]
        return logits[wanted]
    return loaded.head(loaded.model.model(ids, cache=layers)[:, wanted])[0]


class WayBack:
    """Taken before a pass: can forget the last tokens of it.

    Caches that only grow are cut; what cannot be cut (states, windows) goes back to before the pass, and the rest of
    the pass has to be fed again.
    """

    def __init__(self, layers: list[Any]) -> None:
        self._layers = layers
        # Buffers are shared until one side writes, so that a copy costs nothing yet.
        self._past = {place: copy.deepcopy(layer) for place, layer in enumerate(layers) if not _can_be_cut(layer)}

    def keep(self, fed: Sequence[int], count: int) -> list[int]:
        """Keep the first `count` tokens of the pass that fed `fed`; returns those to be fed again."""
        if count == len(fed):
            return []
        for place, layer in enumerate(self._layers):
            if place in self._past:
                self._layers[place] = self._past[place]
            else:
                layer.trim(len(fed) - (0 if self._past else count))
        return list(fed[:count]) if self._past else []


def _can_be_cut(cache: Any) -> bool:
    if isinstance(cache, CacheList):
        return all(_can_be_cut(part) for part in cache.caches)
    return type(cache) in (KVCache, QuantizedKVCache)
