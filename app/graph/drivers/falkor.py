"""Graphiti's driver of FalkorDB, mended where a graph would be read wrongly or its server would fall.

Knows FalkorDB's faults and Graphiti's; knows nothing of journals. In: a connection and a graph's name.  Out: a driver.
"""

import asyncio
import re
from typing import Any

import app.graph.quiet  # noqa: F401  # before graphiti

# isort: split
from graphiti_core.driver.falkordb_driver import FalkorDriver
from graphiti_core.graph_queries import get_fulltext_indices, get_range_indices

_CURSOR = re.compile(r"(\w+\.uuid < \$uuid)\b")
_DATE = re.compile(r", \w+\.(created_at|expired_at|valid_at|invalid_at)\b")
_STOP_WORDS = re.compile(r"\s+OPTIONS \{.*\}", re.DOTALL)
_READY_SECONDS = 0.05


class ServedFalkor(FalkorDriver):  # type: ignore[misc]  # graphiti is untyped to mypy
    """A graph of a FalkorDB server, 4.16 to 4.22 as seen with Graphiti 0.31.1.

    What is mended: `<` on an indexed text is always true there, so no date is indexed (or every as-of question would be
    answered with all times) and Graphiti's cursor is asked past the index (or its pages would never end). Indexes of
    words have no stop words: with them the server ends itself when an entity called Will, IT or The is asked for by
    name. Other programs of Graphiti that open such a graph find these indexes and leave them.
    """

    async def execute_query(self, cypher_query_: str, **kwargs: Any) -> Any:
        """Graphiti's, with a cursor that moves."""
        return await super().execute_query(_CURSOR.sub(r"(\1) = true", cypher_query_), **kwargs)

    async def build_indices_and_constraints(self, delete_existing: bool = False) -> None:
        """Make the indexes and wait until they are whole; those that stand stay unless they are to be made anew."""
        if delete_existing:
            await self.delete_all_indexes()
        for query in get_range_indices(self.provider):
            await self.execute_query(_DATE.sub("", query))
        for query in get_fulltext_indices(self.provider):
            await self.execute_query(_STOP_WORDS.sub("", query) + " OPTIONS {stopwords: []}")
        while any(row["status"] != "OPERATIONAL" for row in (await self.execute_query("CALL db.indexes()"))[0]):
            await asyncio.sleep(_READY_SECONDS)
