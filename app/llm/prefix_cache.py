"""Keep the KV of what many prompts begin with, so that a template's rules are computed once per process.

Knows mlx-lm's caches; does not know what the tokens mean.
In: prompt ids and how many of them are fixed.  Out: a Prefix, the state of the model after the first ids.
"""

import copy
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.llm.blas import mx

DEFAULT_BYTES = 1024 * 1024 * 1024  # Qwen3-4B stores 144 KiB a token: about 7,000 tokens of rules


@dataclass(slots=True)
class Prefix:
    """The caches of a model that has read `length` ids (Any: mlx-lm's cache classes, one per layer)."""

    layers: list[Any]
    length: int

    def state(self) -> list[Any]:
        """The arrays inside, for mx.eval."""
        return [layer.state for layer in self.layers]

    def snapshot(self) -> "Prefix":
        """The same moment, independent of what comes after. Buffers are shared until one side writes.

        Works for every cache, also those that cannot be trimmed back: nothing is undone, the past is kept.
        """
        return Prefix(copy.deepcopy(self.layers), self.length)

    @property
    def nbytes(self) -> int:
        return sum(layer.nbytes for layer in self.layers)


class PrefixCache:
    """Snapshots by their ids, least recently used first out. Used on the MLX thread only."""

    def __init__(self, max_bytes: int = DEFAULT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[tuple[int, ...], Prefix] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def nbytes(self) -> int:
        return sum(prefix.nbytes for prefix in self._kept.values())

    def start(self, ids: tuple[int, ...], compute: Callable[[], Prefix]) -> tuple[Prefix, int]:
        """A Prefix that has read `ids`, for the caller to continue, and how many of them were already there.

        compute   reads `ids` into fresh caches; called if no snapshot is kept
        """
        kept = self._kept.get(ids)
        if kept is not None:
            self._kept.move_to_end(ids)
            return kept.snapshot(), len(ids)
        prefix = compute()
        mx.eval(prefix.state())
        self._keep(ids, prefix.snapshot())
        return prefix, 0

    def clear(self) -> None:
        self._kept.clear()

    def _keep(self, ids: tuple[int, ...], prefix: Prefix) -> None:
        if prefix.nbytes > self._max_bytes:
            return
        self._kept[ids] = prefix
        while self.nbytes > self._max_bytes:
            self._kept.popitem(last=False)
