"""The models of one run, opened late and together: generator, embedder, and the clients Graphiti is handed.

Knows the llm room and the ledger's memories; knows no journal. In: names and a ledger.  Out: clients that share
one engine and one MLX thread.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.budget.planner import TYPICAL, Pace
from app.ledger.store import Ledger
from app.llm.calls import CallStats
from app.llm.client import GraphitiLM
from app.llm.embedder import QwenEmbedder
from app.llm.engine import Engine
from app.llm.loader import LoadedModel
from app.llm.reranker import EmbeddingReranker
from app.llm.room import peak_bytes
from app.pipeline.embedding import open_embedder
from app.pipeline.engine import keep_clock, open_engine
from app.pipeline.forecasting import first_pace
from app.prompts.library import take_call
from app.settings import BUNDLED_MODEL, settings


@dataclass(frozen=True, slots=True)
class Models:
    """Everything of a run that answers or embeds.

    embedder   graphiti_core EmbedderClient with embed_query
    reranker   graphiti_core CrossEncoderClient
    about      one line for a person on which model serves
    keep       called at the end of a run: remembers how fast this machine was
    guess      the pace of a model that was never run here
    peak       the most memory the models have taken, in bytes
    """

    client: GraphitiLM
    embedder: Any
    reranker: Any
    stats: CallStats
    about: str
    keep: Callable[[], None] = lambda: None
    guess: Callable[[], Pace] = lambda: Pace(TYPICAL)
    peak: Callable[[], int] = lambda: 0


def open_models(model: str, embedder: str, ledger: Ledger, say: Callable[[str], None] = lambda _: None) -> Models:
    """Load both models; a hub name is fetched, because a person named it, and a folder never opens a socket.

    say     told of prompts that take long or nearly fill the memory
    raises  ModelMissing, ModelDamaged; BadInput if the home was built with another embedder
    """
    vectors = open_embedder(embedder, ledger)  # the small one first: a home of another embedder is told at once
    return models_over(open_engine(model, ledger.noted, say, home=ledger.home), model, vectors, ledger)


def models_over(engine: Engine, model: str, vectors: QwenEmbedder, ledger: Ledger) -> Models:
    """The models of a run over an engine and an embedder that are open."""
    client, stats = open_client(engine, ledger)
    reranker, about = EmbeddingReranker(vectors), describe(engine.loaded)
    return Models(
        client,
        vectors,
        reranker,
        stats,
        about,
        keep=lambda: keep_clock(engine, ledger),
        guess=lambda: first_pace(engine, model),
        peak=peak_bytes,
    )


def open_client(engine: Engine, ledger: Ledger) -> tuple[GraphitiLM, CallStats]:
    """Graphiti's language model over an engine: it asks the ledger first, and counts what it asks."""
    stats = CallStats()
    client = GraphitiLM(
        None,  # the engine stands for the Outlines model; importing Outlines would cost a start half a second
        engine.loaded.tokenizer,
        engine=engine,
        specialise=take_call,
        calls=ledger.calls,
        weights=ledger.weights,
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
