"""How long a chunk may be, and how long a text is, known without waking a model.

Knows a model's folder; reads no weights. In: a folder or a hub name.  Out: a number of tokens, a counting function.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.budget.config_keys import first_of, flattened
from app.budget.limit import OUTPUT_SHARE
from app.errors import ModelDamaged
from app.settings import settings

# Tokens of one chunk where neither the settings nor the model's own config says.
DEFAULT_CHUNK_TOKENS = 1024
DEFAULT_CONTEXT_TOKENS = 32_768  # of a model that is not on this disk yet
# A prompt is its rules, the chunk with its sentences numbered, and up to two earlier chunks for context.
RULES_TOKENS = 1024
CHUNKS_OF_A_PROMPT = 4
LEAST_CHUNK_TOKENS = 64
BYTES_PER_TOKEN = 3  # where no tokenizer is at hand: cautious for English, about right for German


def chunk_tokens(model: str) -> int:
    """How long a chunk may be: the setting, or what the model's config.json says it has learnt; a prompt of it fits.

    Only what never changes decides (the model's positions and the settings, not the memory that is free now): a
    journal must be cut the same in every run.
    """
    config = _config(Path(model).expanduser())
    ours = config.get("daybook")
    learnt = int(ours.get("chunk_tokens", DEFAULT_CHUNK_TOKENS)) if isinstance(ours, dict) else DEFAULT_CHUNK_TOKENS
    return min(settings.MLX_CHUNK_TOKENS or learnt, _chunk_within(_input_tokens(config)))


def prompt_tokens(chunk: int) -> int:
    """The longest prompt that a chunk of so many tokens leads to."""
    return RULES_TOKENS + CHUNKS_OF_A_PROMPT * chunk


def _chunk_within(input_tokens: int) -> int:
    return max((input_tokens - RULES_TOKENS) // CHUNKS_OF_A_PROMPT, LEAST_CHUNK_TOKENS)


def _input_tokens(config: dict[str, Any]) -> int:
    """The input of a model on an idle machine without end, less the reserve for its answer."""
    positions = settings.MLX_MAX_POSITION_EMBEDDINGS or first_of(flattened(config), ("max_position_embeddings",))
    ceilings = [positions, settings.max_context_tokens]
    context = min((tokens for tokens in ceilings if tokens is not None), default=DEFAULT_CONTEXT_TOKENS)
    return context - min(settings.MLX_MAX_OUTPUT_TOKENS, context // OUTPUT_SHARE)


def token_counter(model: str) -> Callable[[str], int]:
    """A function text -> tokens; an estimate by bytes where the model's tokenizer is not on disk."""
    path = Path(model) / "tokenizer.json"
    if not path.is_file():
        return lambda text: len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN + 1
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises Exception itself, whatever is wrong with the file
        raise ModelDamaged(f"{path} cannot be read", hint="copy the model again") from error
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.is_file():
        return {}
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelDamaged(f"{path} cannot be read", hint="copy the model again") from error
    return config if isinstance(config, dict) else {}
