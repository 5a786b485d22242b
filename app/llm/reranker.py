"""EmbeddingReranker: order passages by what the embedder says they mean.

Knows the embedder and Graphiti's cross-encoder contract; loads no model of its own.
In: a query and passages.  Out: the passages with probabilities, the best first.
"""

from graphiti_core.cross_encoder.client import CrossEncoderClient

from app.llm.embedder import QwenEmbedder
from app.llm.mlx_thread import INTERACTIVE


class EmbeddingReranker(CrossEncoderClient):  # type: ignore[misc]  # graphiti-core is untyped for us
    """Cosine similarity as a probability, (1 + cos) / 2: Graphiti drops scores below 0."""

    def __init__(self, embedder: QwenEmbedder) -> None:
        self._embedder = embedder

    async def rank(self, query: str, passages: list[str]) -> list[tuple[str, float]]:
        """Passages as they came, best first; equal ones keep their order. An empty list for an empty list."""
        if not passages:
            return []
        asked = await self._embedder.embed_query(query)
        vectors = await self._embedder.create_batch(passages, priority=INTERACTIVE)
        scores = [(1 + sum(a * b for a, b in zip(asked, vector, strict=True))) / 2 for vector in vectors]
        ranked = zip(passages, (min(1.0, max(0.0, score)) for score in scores), strict=True)
        return sorted(ranked, key=lambda pair: pair[1], reverse=True)
