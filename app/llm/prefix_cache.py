"""Keep the KV of what prompts begin with: templates' rules, the last prompt of each, and all else in 256-token blocks.

Knows mlx-lm's caches; does not know what the tokens mean. Used on the MLX thread only.
In: prompt ids, how many are a template's, and a salt.  Out: a Prefix, the state of the model after the first ids.
"""

import copy
import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mlx.utils import tree_map
from mlx_lm.models.cache import KVCache, QuantizedKVCache

from app.llm import kv
from app.llm.blas import mx
from app.llm.kv_files import BLOCKS, TEMPLATES, KvFolder
from app.llm.loader import LoadedModel

GIB = 1024 * 1024 * 1024
DEFAULT_BYTES = GIB  # Qwen3-4B stores 144 KiB a token: about 7,000 tokens
DEFAULT_DISK_BYTES = 4 * GIB
BLOCK = 256  # tokens; a key-value cache of mlx-lm grows by as many


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
    """Prefixes within a budget of bytes: last prompts go first, then blocks, then templates; the longest unused before.

    max_bytes       in memory; 0 keeps nothing
    folder          where templates are kept on disk, and blocks if `blocks_on_disk`; None: memory alone
    """

    def __init__(
        self,
        loaded: LoadedModel,
        max_bytes: int = DEFAULT_BYTES,
        *,
        folder: Path | None = None,
        disk_bytes: int = DEFAULT_DISK_BYTES,
        blocks_on_disk: bool = False,
    ) -> None:
        self._loaded = loaded
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, Prefix] = OrderedDict()  # templates, the last used last
        self._blocks: OrderedDict[str, Prefix] = OrderedDict()
        self._last: OrderedDict[str, tuple[Sequence[int], Prefix]] = OrderedDict()  # of each template, with its ids
        self._template_files = KvFolder(folder / TEMPLATES, disk_bytes) if folder else None
        self._block_files = KvFolder(folder / BLOCKS, disk_bytes) if folder and blocks_on_disk else None

    @property
    def nbytes(self) -> int:
        last = (prefix for _, prefix in self._last.values())
        return sum(prefix.nbytes for prefix in (*self._kept.values(), *self._blocks.values(), *last))

    def template(self, ids: Sequence[int]) -> Prefix | None:
        """The state after a template's rules, for the caller to continue; None if it is not kept."""
        key = self._key("template", ids)
        if key not in self._kept and self._template_files is not None and self._max_bytes:
            layers = self._template_files.load(key)
            if layers is not None:
                self._kept[key] = Prefix(layers, len(ids))
                self._shrink()
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key].snapshot()

    def keep_template(self, ids: Sequence[int], prefix: Prefix) -> None:
        """Keep the state after a template's rules; `prefix` may be continued."""
        if prefix.nbytes > self._max_bytes:
            return
        key = self._key("template", ids)
        self._kept[key] = prefix.snapshot()
        if self._template_files is not None:
            self._template_files.save(key, self._kept[key].layers)
        self._shrink()

    def continued(self, prefix: Prefix, ids: Sequence[int], salt: str) -> Prefix:
        """`prefix`, which has read a template or nothing, after as much of `ids` as is known.

        A template's prompts share more than its rules with the one before: whole blocks, or the last prompt's first
        part if that is longer. At least one id is left to be read.
        """
        kv.settle(prefix.layers, self._loaded.reading, len(ids))
        if not (self._max_bytes and _comes_in_blocks(prefix.layers)):
            return prefix
        blocks: list[Prefix] = []
        keys = [key for key, _ in self._chain(prefix.length, ids[:-1], salt)]
        for key in keys:
            block = self._block(key)
            if block is None:
                break
            blocks.append(block)
        self._touch(keys)
        shared = self._shared_with_last(prefix, ids, salt)
        if shared is not None and shared.length > prefix.length + BLOCK * len(blocks):
            return shared
        if not blocks:
            return prefix
        by_layer = zip(prefix.layers, *(block.layers for block in blocks), strict=True)
        return Prefix([_joined(parts) for parts in by_layer], prefix.length + BLOCK * len(blocks))

    def keep_blocks(self, prefix: Prefix, ids: Sequence[int], salt: str, fixed: int) -> None:
        """Keep `ids` in blocks; `prefix` has read all of them but one, and perhaps more, and is not continued.

        fixed   ids of a template, from which on the blocks are counted; its last prompt is kept whole
        """
        if not (self._max_bytes and _comes_in_blocks(prefix.layers)):
            return
        for key, start in self._chain(fixed, ids[:-1], salt):
            if key not in self._blocks:
                block = Prefix([_cut(layer, start, start + BLOCK) for layer in prefix.layers], BLOCK)
                mx.eval(block.state())
                self._blocks[key] = block
                if self._block_files is not None:
                    self._block_files.save(key, block.layers)
        self._touch([key for key, _ in self._chain(fixed, ids[:-1], salt)])
        if fixed:
            key = self._key(f"last {salt}", ids[:fixed])
            self._last[key] = (ids[:-1], prefix)
            self._last.move_to_end(key)
        self._shrink()

    def clear(self) -> None:
        """Free the memory; files stay."""
        self._kept.clear()
        self._blocks.clear()
        self._last.clear()

    def _shared_with_last(self, prefix: Prefix, ids: Sequence[int], salt: str) -> Prefix | None:
        """The last prompt of the template that `prefix` has read, as far as `ids` begin like it, or None."""
        known, last = self._last.get(self._key(f"last {salt}", ids[: prefix.length]), ((), None))
        if last is None or [type(layer) for layer in last.layers] != [type(layer) for layer in prefix.layers]:
            return None
        most = min(len(known), len(ids) - 1)
        differs = np.flatnonzero(np.array(known[:most]) != np.array(ids[:most]))
        length = int(differs[0]) if len(differs) else most
        return Prefix([_cut(layer, 0, length) for layer in last.layers], length)

    def _block(self, key: str) -> Prefix | None:
        if key not in self._blocks and self._block_files is not None:
            layers = self._block_files.load(key)
            if layers is not None:
                self._blocks[key] = Prefix(layers, BLOCK)
        return self._blocks.get(key)

    def _touch(self, keys: Sequence[str]) -> None:
        # The first of a chain is touched last: without it the others would never be found.
        for key in reversed(keys):
            if key in self._blocks:
                self._blocks.move_to_end(key)

    def _shrink(self) -> None:
        nbytes = self.nbytes
        while nbytes > self._max_bytes and self._last:
            nbytes -= self._last.popitem(last=False)[1][1].nbytes
        for kept in (self._blocks, self._kept):
            while nbytes > self._max_bytes and kept:
                nbytes -= kept.popitem(last=False)[1].nbytes

    def _chain(self, fixed: int, ids: Sequence[int], salt: str) -> Iterator[tuple[str, int]]:
        """The key of each whole block behind the first `fixed` ids, made of all ids up to its end; and its start."""
        precision = self._loaded.reading.precision(prompt_tokens=len(ids) + 1)
        key = self._key(f"block {precision} {salt}", ids[:fixed])
        for start in range(fixed, len(ids) - BLOCK + 1, BLOCK):
            key = self._key(key, ids[start : start + BLOCK])
            yield key, start

    def _key(self, kind: str, ids: Sequence[int]) -> str:
        """Bound to the model's weights, its tokenizer (both in the fingerprint), their precision here and the ids."""
        parts = f"{self._loaded.fingerprint} {self._loaded.dtype} {kind} {' '.join(map(str, ids))}"
        return hashlib.sha256(parts.encode()).hexdigest()[:32]


def _comes_in_blocks(layers: list[Any]) -> bool:
    return bool(layers) and all(type(layer) in (KVCache, QuantizedKVCache) for layer in layers)


def _cut(layer: Any, start: int, end: int) -> Any:
    """A cache of the tokens from `start` to `end`, which keeps nothing of the others alive."""
    part = tree_map(lambda array: mx.contiguous(array[..., start:end, :]), (layer.keys, layer.values))
    return _like(layer, part, end - start)


def _joined(layers: Sequence[Any]) -> Any:
    """One cache of all the tokens of `layers`, in order; the first may be empty."""
    parts = [_cut(layer, 0, layer.offset) for layer in layers if layer.offset]
    whole = tree_map(lambda *arrays: mx.concatenate(arrays, axis=-2), *((part.keys, part.values) for part in parts))
    return _like(layers[0], whole, sum(layer.offset for layer in layers))


def _like(layer: Any, keys_and_values: Any, offset: int) -> Any:
    made = KVCache() if type(layer) is KVCache else QuantizedKVCache(layer.group_size, layer.bits)
    made.keys, made.values = keys_and_values
    made.offset = offset
    return made
