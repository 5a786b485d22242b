"""Load a model so that it runs well on this device, and say what was done to it.

Knows mlx-lm and the folder of a model; does not know what the model is asked.
In: a folder or a hub name.  Out: a LoadedModel, its arrays made on the MLX thread.
"""

import hashlib
import json
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.budget.config_keys import flattened
from app.budget.memory import system_memory
from app.budget.reading import AS_MADE, Reading
from app.errors import ModelDamaged, ModelMissing
from app.llm import kv
from app.llm.blas import mx, runs_on_cpu
from app.llm.folder import ModelFolder, open_folder
from app.llm.head import Head, head_of
from app.llm.mlx_thread import run_mlx

os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")  # else every start is told to install torch

FLOAT32_BYTES = 4
CPU_SHARE = 0.8  # of the free memory that float32 weights may take; the rest is for the KV cache and the system
_LOG = logging.getLogger(__name__)
NO_LIMIT = 10**7  # transformers writes 1e30 where a tokenizer has no limit of its own


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model ready to answer; everything about it that the other rooms may ask.

    model, tokenizer     mlx-lm's nn.Module and TokenizerWrapper (Any: mlx-lm is untyped)
    fingerprint          sha256 of the content; the same model elsewhere has the same one
    eos_token_ids        ids that end an answer, all below `token_count`
    max_context_tokens   positions the model was trained for, prompt and answer together
    token_count          ids below this have a text
    vocab_size           logits per position; padded vocabularies have more of them than tokens
    dtype                of the activations: "float32", "bfloat16", "float16"
    note                 what was done to the model, for a person; "" if nothing
    reading              how its prompts are read and kept
    head                 what makes logits of its last hidden states, where the model can be parted there
    """

    model: Any = field(repr=False)
    tokenizer: Any = field(repr=False)
    name: str
    fingerprint: str
    config: dict[str, Any] = field(repr=False)
    eos_token_ids: frozenset[int]
    max_context_tokens: int
    token_count: int
    vocab_size: int
    dtype: str
    note: str
    reading: Reading = AS_MADE
    head: Head | None = field(default=None, repr=False)


def load_generator(
    name_or_path: str | Path,
    *,
    allow_download: bool = False,
    tokenizer_config: dict[str, Any] | None = None,
    reading: Reading | None = None,
) -> LoadedModel:
    """Load a language model; call it from any thread but the MLX thread.

    allow_download     True where a person named this hub model; a folder on disk never opens a socket
    tokenizer_config   overrides for the tokenizer, such as {"eos_token": "<|im_end|>"}: must be in its vocabulary
    reading            how its prompts are read and kept; what it asks for is said in the note
    raises             ModelMissing, ModelDamaged; BadInput if this model cannot be read so
    """
    folder = open_folder(name_or_path, allow_download=allow_download)
    return run_mlx(_load, folder, False, tokenizer_config or {}, reading or AS_MADE)


def load_embedder(name_or_path: str | Path, *, allow_download: bool = False) -> LoadedModel:
    """Load an embedding model (weights saved with or without the "model." prefix); otherwise as `load_generator`."""
    return run_mlx(_load, open_folder(name_or_path, allow_download=allow_download), True, {}, AS_MADE)


def adopt(model: Any, tokenizer: Any, name: str) -> LoadedModel:
    """Describe a model that someone else loaded with mlx_lm.load; its weights are hashed where they are, in memory."""
    config = dict(vars(model.args))
    tokenizer = _wrapped(tokenizer)
    return run_mlx(lambda: _describe(model, tokenizer, name, _hash_in_memory(model, tokenizer), config, "", AS_MADE))


def _load(folder: ModelFolder, is_embedder: bool, tokenizer_config: dict[str, Any], reading: Reading) -> LoadedModel:
    from mlx_lm.utils import load_model, load_tokenizer

    _check_control_tokens(tokenizer_config, folder)
    kv.check_config(reading, folder.config)
    try:
        classes = {"get_model_classes": _embedder_classes} if is_embedder else {}
        model, config = load_model(folder.path, model_config=reading.overrides(folder.config), **classes)
        tokenizer = load_tokenizer(
            folder.path,
            {"local_files_only": True, "trust_remote_code": False, **tokenizer_config},
            eos_token_ids=config.get("eos_token_id"),
        )
    except (ValueError, RuntimeError, LookupError, TypeError, OSError) as error:
        line = (str(error) or type(error).__name__).splitlines()[0]
        if "not supported" in line:
            raise ModelMissing(f"{folder.path}: {line}", hint="choose a model that mlx-lm can run") from error
        raise ModelDamaged(f"{folder.path} cannot be loaded: {line}", hint="copy the model again") from error
    kv.check_model(reading, model, folder.name)
    notes = [_suit_the_cpu(model, folder) if runs_on_cpu() else "", _said_aloud(reading)]
    mx.eval(model.parameters())
    note = "; ".join(filter(None, notes))
    return _describe(model, tokenizer, folder.name, folder.fingerprint, config, note, reading)


def _embedder_classes(config: dict[str, Any]) -> tuple[Any, Any]:
    """mlx-lm's classes, taught the names sentence-transformers gives: no "model." in front."""
    from mlx_lm.utils import _get_classes

    model_class, args_class = _get_classes(config)

    class Embedder(model_class):  # type: ignore[misc, valid-type]
        def sanitize(self, weights: dict[str, Any]) -> dict[str, Any]:
            if not any(name.startswith("model.") for name in weights):
                weights = {f"model.{name}": weight for name, weight in weights.items()}
            cleaned: dict[str, Any] = super().sanitize(weights)
            return cleaned

    return Embedder, args_class


def _check_control_tokens(tokenizer_config: dict[str, Any], folder: ModelFolder) -> None:
    # transformers invents an id for an unknown control token, and the model has never seen it.
    wanted = {key: tokenizer_config[key] for key in ("eos_token", "bos_token", "pad_token") if key in tokenizer_config}
    if not wanted:
        return
    content = json.loads((folder.path / "tokenizer.json").read_text(encoding="utf-8"))
    known = {token["content"] for token in content["added_tokens"]} | content["model"]["vocab"].keys()
    for key, token in wanted.items():
        if token not in known:
            raise ModelMissing(f"{key}={token!r} is not in the vocabulary of {folder.name}", hint="check its spelling")


def _suit_the_cpu(model: Any, folder: ModelFolder) -> str:
    """Turn quantised and 16-bit weights into float32, the only kind a CPU multiplies fast, if they fit."""
    from mlx.utils import tree_flatten
    from mlx_lm.utils import dequantize_model, get_total_parameters

    kinds = {array.dtype for _, array in tree_flatten(model.parameters())}
    if kinds == {mx.float32}:
        return ""
    stored = "quantised" if mx.uint32 in kinds else str(max(kinds, key=str)).removeprefix("mlx.core.")
    needed, free = get_total_parameters(model) * FLOAT32_BYTES, int(_free_bytes() * CPU_SHARE)
    if needed > free:
        return f"{stored} weights kept: float32 needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; this is slow"
    # The scales first: dequantising bfloat16 scales would round every weight.
    model.set_dtype(mx.float32)
    dequantize_model(model)
    model.set_dtype(mx.float32)
    model.eval()
    return f"{stored} weights ({folder.weight_bytes / 1e6:.0f} MB) as float32 ({needed / 1e6:.0f} MB) for the CPU"


def _free_bytes() -> int:
    return system_memory().free


def _said_aloud(reading: Reading) -> str:
    """What the owner asked for that the model was not made for."""
    said = []
    if reading.kv_bits is not None:
        said.append(f"the cache in {reading.kv_bits} bits from {reading.quantized_kv_start:,} tokens")
    if reading.rope_factor is not None:
        said.append(f"positions stretched {reading.rope_factor:g} times by YaRN, which changes short prompts too")
    if reading.max_positions is not None:
        said.append(f"max_position_embeddings taken as {reading.max_positions:,}, beyond which it may not be trained")
    return "; ".join(said)


def _describe(
    model: Any,
    tokenizer: Any,
    name: str,
    fingerprint: str,
    config: dict[str, Any],
    note: str,
    reading: Reading,
) -> LoadedModel:
    max_context_tokens = _max_context_tokens(config, tokenizer, reading)
    _tell_the_tokenizer(tokenizer, max_context_tokens)
    if reading.changes_answers:
        # Other answers to the same prompt: the ledger must not take them for those of the plain model.
        fingerprint = hashlib.sha256(f"{fingerprint} {reading.changes_answers}".encode()).hexdigest()
    logits = model(mx.array([[0]]))  # lazy: only its shape and type are read
    token_count = min(len(tokenizer), logits.shape[-1])
    return LoadedModel(
        model=model,
        tokenizer=tokenizer,
        name=name,
        fingerprint=fingerprint,
        config=config,
        eos_token_ids=frozenset(token for token in tokenizer.eos_token_ids if 0 <= token < token_count),
        max_context_tokens=max_context_tokens,
        token_count=token_count,
        vocab_size=logits.shape[-1],
        dtype=str(logits.dtype).removeprefix("mlx.core."),
        note=note,
        reading=reading,
        head=head_of(model),
    )


def _tell_the_tokenizer(tokenizer: Any, max_context_tokens: int) -> None:
    """Set its own limit to ours. It never cuts, whatever it is told: a longer prompt is refused before it is read."""
    inner = getattr(tokenizer, "_tokenizer", tokenizer)
    inner.model_max_length, inner.truncation_side = max_context_tokens, "left"
    assert (tokenizer.model_max_length, tokenizer.truncation_side) == (max_context_tokens, "left")
    _LOG.info("tokenizer: model_max_length %d, truncation_side left; both verified", max_context_tokens)


def _max_context_tokens(config: dict[str, Any], tokenizer: Any, reading: Reading) -> int:
    """Positions the model knows; mlx-lm never enforces them and text beyond silently degrades."""
    config = flattened(config)
    if reading.max_positions or reading.rope_factor:  # the tokenizer's own limit is what the owner overrides
        return int(config["max_position_embeddings"])
    positions = int(config.get("max_position_embeddings") or NO_LIMIT)
    scaling = config.get("rope_scaling") or config.get("rope_parameters") or {}
    if "original_max_position_embeddings" in scaling and "factor" in scaling:
        positions = max(positions, int(scaling["original_max_position_embeddings"] * scaling["factor"]))
    own_limit = getattr(tokenizer, "model_max_length", None) or NO_LIMIT
    return min(positions, own_limit if own_limit < NO_LIMIT else positions)


def _wrapped(tokenizer: Any) -> Any:
    from mlx_lm.tokenizer_utils import TokenizerWrapper

    return tokenizer if isinstance(tokenizer, TokenizerWrapper) else TokenizerWrapper(tokenizer)


def _hash_in_memory(model: Any, tokenizer: Any) -> str:
    from mlx.utils import tree_flatten

    digest = hashlib.sha256(tokenizer.backend_tokenizer.to_str().encode())
    for name, array in sorted(tree_flatten(model.parameters())):
        digest.update(f"{name}{array.shape}{array.dtype}".encode())
        digest.update(memoryview(array.view(mx.uint8) if array.ndim else array.reshape(1).view(mx.uint8)))
    return digest.hexdigest()
