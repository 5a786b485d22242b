"""The models of one run, opened late and together: generator, embedder, and the clients Graphiti is handed.

Knows the llm room and the ledger's memories; knows no journal. In: names and a ledger.  Out: clients that share
one engine and one MLX thread.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.ledger.store import Ledger
from app.llm.calls import CallStats
from app.llm.client import GraphitiLM
from app.llm.embedder import QwenEmbedder
from app.llm.engine import Engine
from app.llm.loader import LoadedModel, load_embedder, load_generator
from app.llm.reranker import EmbeddingReranker
from app.prompts.library import take_call
from app.settings import BUNDLED_EMBEDDER, BUNDLED_MODEL, settings

# Tokens of one chunk where neither the settings nor the model's own config says.
DEFAULT_CHUNK_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class Models:
    """Everything of a run that answers or embeds."""

    client: GraphitiLM
    embedder: QwenEmbedder
    reranker: EmbeddingReranker
    stats: CallStats


def open_models(model: str, embedder: str, ledger: Ledger) -> Models:
    """Load both models; a hub name is fetched, because a person named it, and a folder never opens a socket.

    raises  ModelMissing, ModelDamaged; BadInput if the home was built with another embedder
    """
    generator = load_generator(model, allow_download=True)
    stats = CallStats()
    client = GraphitiLM(
        None,  # the engine stands for the Outlines model; importing Outlines would cost a start half a second
        generator.tokenizer,
        engine=Engine(generator),
        specialise=take_call,
        calls=ledger.calls,
        stats=stats,
    )
    client.max_tokens = settings.MLX_MAX_OUTPUT_TOKENS
    vectors = open_embedder(embedder, ledger)
    return Models(client, vectors, EmbeddingReranker(vectors), stats)


def open_embedder(name: str, ledger: Ledger) -> QwenEmbedder:
    """The embedder alone, for a search; a home keeps to the embedder it was built with."""
    loaded = load_embedder(name, allow_download=True)
    dim = settings.MLX_EMBEDDING_DIM
    ledger.claim("embedder", f"{loaded.fingerprint[:16]}/{dim}", hint="use the same embedder, or another --home")
    return QwenEmbedder(loaded, dim, vectors=ledger.vectors)


def describe(loaded: LoadedModel) -> str:
    """One line on which model serves, and, for the bundled one, that there are better."""
    note = f"; {loaded.note}" if loaded.note else ""
    if is_bundled(loaded.name):
        return f"model: {loaded.name}, the small bundled model{note}; name a better one with --model, e.g. Qwen3-4B"
    return f"model: {loaded.name}{note}"


def is_bundled(name: str) -> bool:
    return name in {BUNDLED_MODEL.name, BUNDLED_EMBEDDER.name}


def chunk_tokens(model: str) -> int:
    """How long a chunk may be: the setting, or what the model's own config.json says it has learnt."""
    if settings.MLX_CHUNK_TOKENS is not None:
        return settings.MLX_CHUNK_TOKENS
    return int(_config(model).get("daybook", {}).get("chunk_tokens", DEFAULT_CHUNK_TOKENS))


def token_counter(model: str) -> Any:
    """A function text -> tokens that needs no weights; about three bytes a token where no tokenizer is at hand."""
    path = Path(model) / "tokenizer.json"
    if not path.is_file():
        return lambda text: len(text.encode()) // 3 + 1
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def _config(model: str) -> dict[str, Any]:
    path = Path(model) / "config.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
