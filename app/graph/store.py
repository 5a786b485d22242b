"""One person's graph: Graphiti over the embedded database, with everything it needs handed in.

Knows Graphiti and its driver; knows nothing of models, prompts or files.
In: a path and clients.  Out: a store that ingest and query work on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import app.graph.quiet  # noqa: F401  # before graphiti

# isort: split
from graphiti_core.helpers import validate_group_id

from app.graph.drivers.kuzu import EmbeddedKuzu, Row
from app.graph.recorder import RecordingGraphiti
from app.graph.unasked import UnaskedEmbedder, UnaskedModel, UnaskedReranker

# One model call at a time: the device works in series anyway, and the order of calls repeats.
_MAX_COROUTINES = 1


class Embedder(Protocol):
    """Graphiti's embedder, which can also tell a question from a document."""

    async def create(self, input_data: Any) -> list[float]: ...
    async def create_batch(self, input_data_list: list[str]) -> list[list[float]]: ...
    async def embed_query(self, text: str) -> list[float]: ...


@dataclass(frozen=True, slots=True)
class EpisodeOutcome:
    """What one episode brought: entities it mentions, facts it states (new or known), facts it ended."""

    entities: int
    facts: int
    invalidated: int

    @property
    def empty(self) -> bool:
        """Nothing was found in the text."""
        return self.entities == 0 and self.facts == 0


class GraphStore:
    """A graph, open for one event loop; use it as a context manager."""

    def __init__(self, driver: EmbeddedKuzu, graphiti: RecordingGraphiti, embedder: Embedder, group: str) -> None:
        self.driver = driver
        self.graphiti = graphiti
        self.embedder = embedder
        self.group = group

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        llm_client: Any,  # graphiti_core LLMClient
        embedder: Embedder,  # and graphiti_core EmbedderClient
        cross_encoder: Any,  # graphiti_core CrossEncoderClient
        prompt_library: Any,  # graphiti_core ChatPromptLibrary, or None for Graphiti's own prompts
        group: str,
    ) -> "GraphStore":
        """Open or create the database file at `path`.

        group    whose graph; ASCII letters, digits, '-' and '_'
        raises   HomeBusy, StorageFailed
        """
        validate_group_id(group)
        driver = EmbeddedKuzu(path)
        graphiti = RecordingGraphiti(
            graph_driver=driver,
            llm_client=llm_client,
            embedder=embedder,
            cross_encoder=cross_encoder,
            prompt_library=prompt_library,
            max_coroutines=_MAX_COROUTINES,
        )
        # Graphiti would clone the driver for any other group name; in this database a group is a column.
        driver._database = group
        return cls(driver, graphiti, embedder, group)

    @classmethod
    def open_for_reading(cls, path: Path, *, embedder: Embedder | None, group: str) -> "GraphStore":
        """Open the database for looking only: no model, and without an embedder no search by meaning."""
        return cls.open(
            path,
            llm_client=UnaskedModel(),
            embedder=embedder or UnaskedEmbedder(),
            cross_encoder=UnaskedReranker(),
            prompt_library=None,
            group=group,
        )

    def close(self) -> None:
        """Close the file; harmless when called twice."""
        self.driver.shut()

    def __enter__(self) -> "GraphStore":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def rows(self, query: str, **parameters: Any) -> list[Row]:
        """Rows of one query; `$group_id` is this store's group wherever the query names it."""
        return (await self.driver.execute_query(query, group_id=self.group, **parameters))[0]

    async def scan(self, query: str, **parameters: Any) -> list[list[Any]]:
        """The values of each row, in any order; for queries of very many rows."""
        return await self.driver.scan(query, group_id=self.group, **parameters)

    async def outcome(self, episode_uuid: str) -> EpisodeOutcome | None:
        """What an episode brought when it was ingested, or None if the graph does not hold it."""
        rows = await self.rows(
            "MATCH (o:Outcome {episode_uuid: $uuid}) RETURN o.entities AS entities, o.facts AS facts,"
            " o.invalidated AS invalidated",
            uuid=episode_uuid,
        )
        return EpisodeOutcome(**rows[0]) if rows else None

    async def missing_episodes(self, episode_uuids: Sequence[str]) -> list[str]:
        """Which of these the graph does not hold, in the given order: a power cut may lose what a kill cannot."""
        rows = await self.rows("MATCH (o:Outcome) RETURN o.episode_uuid AS episode")
        held = {row["episode"] for row in rows}
        return [uuid for uuid in episode_uuids if uuid not in held]
