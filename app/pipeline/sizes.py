"""How long a chunk may be, and how long a text is, known without waking a model.

Knows a model's folder; reads no weights. In: a folder or a hub name.  Out: a number of tokens, a counting function.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.errors import ModelDamaged
from app.settings import settings

# Tokens of one chunk where neither the settings nor the model's own config says.
DEFAULT_CHUNK_TOKENS = 1024
BYTES_PER_TOKEN = 3  # where no tokenizer is at hand: cautious for English, about right for German


def chunk_tokens(model: str) -> int:
    """How long a chunk may be: the setting, or what the model's own config.json says it has learnt."""
    if settings.MLX_CHUNK_TOKENS is not None:
        return settings.MLX_CHUNK_TOKENS
    ours = _config(Path(model)).get("daybook")
    return int(ours.get("chunk_tokens", DEFAULT_CHUNK_TOKENS)) if isinstance(ours, dict) else DEFAULT_CHUNK_TOKENS


def token_counter(model: str) -> Callable[[str], int]:
    """A function text -> tokens; an estimate by bytes where the model's tokenizer is not on disk."""
    path = Path(model) / "tokenizer.json"
    if not path.is_file():
        return lambda text: len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN + 1
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:
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
