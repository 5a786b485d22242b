"""The models of one run, opened late and together: generator, embedder, and the clients Graphiti is handed.

Knows the llm room and the ledger's memories; knows no journal. In: names and a ledger.  Out: clients that share
one engine and one MLX thread.
"""

from dataclasses import dataclass
from typing import Any

from app.ledger.store import Ledger
from app.llm.calls import CallStats
from app.llm.client import GraphitiLM
from app.llm.engine import Engine
from app.llm.loader import LoadedModel, load_generator
from app.llm.reranker import EmbeddingReranker
from app.pipeline.embedding import open_embedder
from app.prompts.library import take_call
from app.settings import BUNDLED_MODEL, settings


@dataclass(frozen=True, slots=True)
class Models:
    """Everything of a run that answers or embeds.

    embedder   graphiti_core EmbedderClient with embed_query
    reranker   graphiti_core CrossEncoderClient
    about      one line for a person on which model serves
    """

    client: GraphitiLM
    embedder: Any
    reranker: Any
    stats: CallStats
    about: str


def open_models(model: str, embedder: str, ledger: Ledger) -> Models:
    """Load both models; a hub name is fetched, because a person named it, and a folder never opens a socket.

    raises  ModelMissing, ModelDamaged; BadInput if the home was built with another embedder
    """
    vectors = open_embedder(embedder, ledger)  # the small one first: a home of another embedder is told at once
    generator = load_generator(model, allow_download=True)
    client, stats = open_client(Engine(generator), ledger)
    return Models(client, vectors, EmbeddingReranker(vectors), stats, describe(generator))


def open_client(engine: Engine, ledger: Ledger) -> tuple[GraphitiLM, CallStats]:
    """Graphiti's language model over an engine: it asks the ledger first, and counts what it asks."""
    stats = CallStats()
    client = GraphitiLM(
        None,  # the engine stands for the Outlines model; importing Outlines would cost a start half a second
        engine.loaded.tokenizer,
        engine=engine,
        specialise=take_call,
        calls=ledger.calls,
        stats=stats,
    )
    client.max_tokens = settings.MLX_MAX_OUTPUT_TOKENS
    return client, stats


def describe(loaded: LoadedModel) -> str:
    """One line on which model serves, and, for the bundled one, that there are better."""
    note = f"; {loaded.note}" if loaded.note else ""
    if loaded.name == BUNDLED_MODEL.name:
        return f"model: {loaded.name}, the small bundled model{note}; name a better one with --model, e.g. Qwen3-4B"
    return f"model: {loaded.name}{note}"
