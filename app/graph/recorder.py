"""Graphiti that can tell, after each episode, which answer became which fact and which name which entity.

Knows how Graphiti extracts and resolves; knows nothing of files or spans.
In: the calls Graphiti makes on itself.  Out: the same graph with lasting uuids, and a Resolution of the last episode.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

import app.graph.quiet  # noqa: F401  # before graphiti

# isort: split
from graphiti_core import Graphiti
from graphiti_core.edges import EntityEdge
from graphiti_core.nodes import EntityNode, EpisodicNode
from graphiti_core.utils.bulk_utils import resolve_edge_pointers
from graphiti_core.utils.maintenance.dedup_helpers import _normalize_string_exact
from graphiti_core.utils.maintenance.edge_operations import extract_edges, resolve_extracted_edges

FactKey = tuple[str, str, str]  # (source name, target name, fact), each as Graphiti compares them


def comparable(text: str) -> str:
    """A name or a fact as Graphiti compares it: lower case, blanks collapsed."""
    return str(_normalize_string_exact(text))


def derived_uuid(episode_uuid: str, kind: str, place: int) -> str:
    """The uuid of the n-th thing an episode brought: a replay of the same answers builds the same graph."""
    return str(uuid5(UUID(episode_uuid), f"{kind}/{place}"))


def ending_uuid(episode_uuid: str, start: int, stop: int, ender: str, ended: str) -> str:
    """The uuid of the words by which one fact ended another: it alone tells which of a sentence's facts it was."""
    return derived_uuid(episode_uuid, f"ending/{ender}/{ended}/{start}", stop)


@dataclass(frozen=True, slots=True)
class Resolution:
    """What became of one episode's answers.

    facts         for each answered fact its key and the uuid of the edge that now holds it
    entities      for each extracted name (comparable) the uuid of the entity that now holds it
    invalidated   uuid of each fact this episode ended, and of the facts that ended it
    """

    facts: tuple[tuple[FactKey, str], ...] = ()
    entities: dict[str, str] = field(default_factory=dict)
    invalidated: dict[str, list[str]] = field(default_factory=dict)


class RecordingGraphiti(Graphiti):  # type: ignore[misc]  # graphiti is untyped to mypy
    """Graphiti with one step replaced (written for 0.31.1): extraction and resolution of an episode's facts.

    The step is the same but for four things: uuids are derived from the episode, entities and facts met twice in one
    episode are one object (Graphiti would save both and the last would win), an episode without entities asks for no
    facts, and `resolution` keeps what became of each answer.
    """

    resolution = Resolution()

    async def _extract_and_resolve_edges(
        self,
        episode: EpisodicNode,
        extracted_nodes: list[EntityNode],
        previous_episodes: list[EpisodicNode],
        edge_type_map: dict[tuple[str, str], list[str]],
        group_id: str,
        edge_types: dict[str, Any] | None,
        nodes: list[EntityNode],
        uuid_map: dict[str, str],
        strict_edge_types: bool = False,
        custom_extraction_instructions: str | None = None,
        entity_types: dict[str, Any] | None = None,
        clients: Any = None,  # GraphitiClients
    ) -> tuple[list[EntityEdge], list[EntityEdge], list[EntityEdge]]:
        self.resolution = Resolution()
        clients = clients or self.clients
        _derive_entity_uuids(episode.uuid, extracted_nodes, nodes, uuid_map)
        if not extracted_nodes:
            return [], [], []

        extracted, dangling = await extract_edges(
            clients, episode, extracted_nodes, previous_episodes, edge_type_map, group_id, edge_types,
            strict_edge_types, custom_extraction_instructions,
        )  # fmt: skip
        if dangling:
            _derive_dangling_uuids(episode.uuid, dangling, extracted)
            await self._merge_materialized_endpoint_nodes(
                dangling, episode, previous_episodes, entity_types, nodes, uuid_map, clients=clients
            )
        _keep_one_each(nodes)

        names = {node.uuid: comparable(node.name) for node in extracted_nodes}
        key_of = {id(e): (names[e.source_node_uuid], names[e.target_node_uuid], comparable(e.fact)) for e in extracted}
        # Facts between two names that turned out to be one entity are dropped here.
        edges = resolve_edge_pointers(extracted, uuid_map)
        for place, edge in enumerate(edges):
            edge.uuid = derived_uuid(episode.uuid, "fact", place)
        kept = _places_after_dedupe(edges)
        invalidated_by: dict[str, list[str]] = {}
        resolved, invalidated, new = await resolve_extracted_edges(
            clients, edges, episode, nodes, edge_types or {}, edge_type_map, invalidated_by=invalidated_by
        )
        uuid_of = {place: edge.uuid for place, edge in zip(sorted(set(kept)), resolved, strict=True)}
        self.resolution = Resolution(
            facts=tuple((key_of[id(edge)], uuid_of[place]) for edge, place in zip(edges, kept, strict=True)),
            entities={name: uuid_map.get(uuid, uuid) for uuid, name in names.items()},
            invalidated=invalidated_by,
        )
        whole = _unite([*resolved, *invalidated])
        first = {edge.uuid for edge in resolved}
        return (
            [whole[uuid] for uuid in dict.fromkeys(edge.uuid for edge in resolved)],
            [edge for uuid, edge in whole.items() if uuid not in first],
            [whole[edge.uuid] for edge in new],
        )


def _derive_entity_uuids(
    episode_uuid: str, extracted: Sequence[EntityNode], nodes: Sequence[EntityNode], uuid_map: dict[str, str]
) -> None:
    """Give entities that are new to the graph their lasting uuid, and sort labels (Graphiti builds them from a set)."""
    new = {id(node) for node in nodes}
    for place, node in enumerate(extracted):
        node.labels.sort()
        if id(node) in new:
            node.uuid = derived_uuid(episode_uuid, "entity", place)
            uuid_map[node.uuid] = node.uuid


def _derive_dangling_uuids(episode_uuid: str, dangling: Sequence[EntityNode], edges: Sequence[EntityEdge]) -> None:
    """The same for entities that only the facts named."""
    renamed = {}
    for place, node in enumerate(dangling):
        renamed[node.uuid] = node.uuid = derived_uuid(episode_uuid, "endpoint", place)
    for edge in edges:
        edge.source_node_uuid = renamed.get(edge.source_node_uuid, edge.source_node_uuid)
        edge.target_node_uuid = renamed.get(edge.target_node_uuid, edge.target_node_uuid)


def _keep_one_each(nodes: list[EntityNode]) -> None:
    """Two names of one known entity resolve to two copies of it; only one may be saved."""
    nodes[:] = list({node.uuid: node for node in reversed(nodes)}.values())[::-1]


def _places_after_dedupe(edges: Sequence[EntityEdge]) -> list[int]:
    """For each extracted fact, the place of the one that stands for it.

    Graphiti drops a fact said twice between the same two, also when the second time is the other way round under
    the same relation (`resolve_extracted_edges`); its result is aligned with those that stay.
    """
    seen: dict[tuple[str, str, str], int] = {}
    stands_for = []
    for place, edge in enumerate(edges):
        fact = comparable(edge.fact)
        forth = (edge.source_node_uuid, edge.target_node_uuid, fact)
        back = seen.get((edge.target_node_uuid, edge.source_node_uuid, fact))
        if forth not in seen and back is not None and edges[back].name == edge.name:
            stands_for.append(back)
        else:
            stands_for.append(seen.setdefault(forth, place))
    return stands_for


def _unite(edges: Sequence[EntityEdge]) -> dict[str, EntityEdge]:
    """One object per uuid: every search returned its own copy, and each copy learned something else.

    edges   resolved ones first: they alone list the new episode; the others may know an end
    """
    whole: dict[str, EntityEdge] = {}
    for edge in edges:
        one = whole.setdefault(edge.uuid, edge)
        ends = [end for end in (one.invalid_at, edge.invalid_at) if end is not None]
        if ends:
            one.invalid_at, one.expired_at = min(ends), one.expired_at or edge.expired_at
    return whole
