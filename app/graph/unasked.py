"""Clients for a graph that is only looked at: Graphiti wants all three, and none may be asked.

Knows Graphiti's client contracts. In: nothing.  Out: clients whose every answer is an error of ours.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import app.graph.quiet  # noqa: F401  # before graphiti

# isort: split
from graphiti_core.cross_encoder.client import CrossEncoderClient
from graphiti_core.embedder.client import EmbedderClient
from graphiti_core.llm_client.client import LLMClient
from graphiti_core.llm_client.config import LLMConfig

from app.errors import DaybookError


def _refuse() -> DaybookError:
    return DaybookError("a graph that was opened for looking asked a model", hint="open it with its models")


class UnaskedModel(LLMClient):  # type: ignore[misc]  # graphiti is untyped to mypy
    """A language model that is never asked."""

    def __init__(self) -> None:
        super().__init__(LLMConfig(model="unasked"), cache=False)

    async def _generate_response(self, *_arguments: Any, **_options: Any) -> dict[str, Any]:
        raise _refuse()


class UnaskedEmbedder(EmbedderClient):  # type: ignore[misc]
    """An embedder that is never asked: names and counts need no vectors."""

    async def create(self, input_data: Any) -> list[float]:  # noqa: ARG002
        raise _refuse()

    async def create_batch(self, input_data_list: list[str]) -> list[list[float]]:  # noqa: ARG002
        raise _refuse()

    async def embed_query(self, text: str) -> list[float]:  # noqa: ARG002
        raise _refuse()


class LateEmbedder(EmbedderClient):  # type: ignore[misc]
    """An embedder that is opened when it is first asked: a model takes seconds to wake, and most looks need none."""

    def __init__(self, open_embedder: Callable[[], Any]) -> None:
        self._open = cache(open_embedder)

    async def create(self, input_data: Any) -> list[float]:
        vector: list[float] = await self._open().create(input_data)
        return vector

    async def create_batch(self, input_data_list: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = await self._open().create_batch(input_data_list)
        return vectors

    async def embed_query(self, text: str) -> list[float]:
        vector: list[float] = await self._open().embed_query(text)
        return vector


class UnaskedReranker(CrossEncoderClient):  # type: ignore[misc]
    """A reranker that is never asked: our search fuses ranks."""

    async def rank(self, query: str, passages: list[str]) -> list[tuple[str, float]]:  # noqa: ARG002
        raise _refuse()
