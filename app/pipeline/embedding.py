"""The embedder of a run or of a search, held to the one its home was built with.

Knows the llm room and the ledger's shelf of vectors; knows no graph. In: a name and a ledger.  Out: an embedder.
"""

from app.ledger.store import Ledger
from app.llm.embedder import QwenEmbedder
from app.llm.loader import LoadedModel, load_embedder
from app.settings import settings


def open_embedder(name: str, ledger: Ledger) -> QwenEmbedder:
    """Load it; a hub name is fetched, because a person named it.

    raises  ModelMissing, ModelDamaged; BadInput if the home was built with another embedder or another dimension
    """
    return embedder_over(load_embedder(name, allow_download=True), ledger)


def embedder_over(loaded: LoadedModel, ledger: Ledger) -> QwenEmbedder:
    """The embedder of a home, of a model that is open.  raises BadInput as `open_embedder`"""
    dim = settings.MLX_EMBEDDING_DIM
    ledger.claim("embedder", f"{loaded.fingerprint[:16]}/{dim}", hint="use the same embedder, or another --home")
    return QwenEmbedder(loaded, dim, vectors=ledger.vectors)
