"""A copy of a graph on a server, FalkorDB or Neo4j, for any program that stands on Graphiti.

Knows Graphiti's models and drivers; what Daybook does stands on the home's own graph, never on a copy.
In: an address and a store.  Out: the equal graph there, read back and compared, or an error in one line.
"""

import json
from collections.abc import Iterator
from typing import Any

import app.graph.quiet  # noqa: F401  # before graphiti

# isort: split
from graphiti_core.edges import EntityEdge, EpisodicEdge
from graphiti_core.errors import GroupsEdgesNotFoundError
from graphiti_core.nodes import EntityNode, EpisodicNode
from graphiti_core.utils.bulk_utils import add_nodes_and_edges_bulk

from app.errors import BadInput, StorageFailed
from app.graph.address import Address
from app.graph.drivers.server import CONNECT_SECONDS, named_failures, opened
from app.graph.query import canonical, canonical_dump, flat
from app.graph.store import GraphStore
from app.graph.unasked import UnaskedEmbedder

_PAGE = 1000  # rows of one query: with long vectors some megabytes
_MARK = "DaybookUnfinished"  # label of the one node that stands while a copy is not whole

_SPANS = (
    "MATCH (s:Span) {where} RETURN s.uuid AS uuid, s.target_uuid AS target, s.episode_uuid AS episode, s.kind AS kind,"
    " s.start AS start, s.`end` AS `end`, s.words AS words"
)


async def check(address: Address, owner: str) -> None:
    """Whether a copy may be begun there.

    owner    who copies: a place that the same owner left unfinished is free
    raises   BadInput where no such server answers, or who asks is refused, or a graph stands
    """
    async with opened(address, answer_seconds=CONNECT_SECONDS) as driver:
        await _require_room(driver, address, owner)


async def copy(store: GraphStore, address: Address, owner: str) -> None:
    """Write the store's group there, with vectors and the words behind every fact, and compare what is read back.

    Killed at any moment it leaves a mark, by which the same owner begins anew; nobody else may.
    raises   what `check` raises; StorageFailed if the server fails in between or gives back something else
    """
    async with opened(address) as driver:
        await _require_room(driver, address, owner)
        with named_failures(address, begun=True):
            await driver.execute_query("MATCH (n) DETACH DELETE n")
            await driver.execute_query(f"CREATE (:{_MARK} {{copy_of: $owner}})", owner=owner)
            await driver.build_indices_and_constraints()
            await _write(store, driver)
            _compare(address, await canonical_dump(store), await dump(driver, store.group))
            await driver.execute_query(f"MATCH (n:{_MARK}) DELETE n")


async def dump(driver: Any, group: str) -> dict[str, Any]:
    """`app.graph.query.canonical_dump` of a copy, asked through Graphiti, page by page."""
    entities = await _all(EntityNode, driver, group, with_embeddings=True)
    names = {entity.uuid: entity.name for entity in entities}
    (spans, _, _) = await driver.execute_query(_SPANS.format(where="WHERE s.group_id = $group"), group=group)
    return canonical(
        {
            "episodes": [
                {"uuid": e.uuid, "name": e.name, "text": e.content, "valid_at": e.valid_at, "facts": e.entity_edges}
                for e in await _all(EpisodicNode, driver, group)
            ],
            "entities": [
                {
                    "uuid": entity.uuid,
                    "name": entity.name,
                    "labels": sorted(entity.labels),
                    "summary": entity.summary,
                    "attributes": flat(entity.attributes),
                    "vector": entity.name_embedding,
                }
                for entity in entities
            ],
            "facts": [
                {
                    "uuid": fact.uuid,
                    "fact": fact.fact,
                    "relation": fact.name,
                    "source": names.get(fact.source_node_uuid),
                    "target": names.get(fact.target_node_uuid),
                    "valid_at": fact.valid_at,
                    "invalid_at": fact.invalid_at,
                    "episodes": fact.episodes,
                    "attributes": flat(fact.attributes),
                    "vector": fact.fact_embedding,
                    "source_uuid": fact.source_node_uuid,
                    "target_uuid": fact.target_node_uuid,
                }
                for fact in await _all(EntityEdge, driver, group, with_embeddings=True)
            ],
            "mentions": [
                {"episode": mention.source_node_uuid, "entity": mention.target_node_uuid}
                for mention in await _all(EpisodicEdge, driver, group)
            ],
            "spans": [dict(span) for span in spans],
        }
    )


async def _write(store: GraphStore, driver: Any) -> None:
    """Nodes before what hangs on them. The words are nodes of our own, which Graphiti passes over."""
    source, group, unasked = store.driver, store.group, UnaskedEmbedder()
    entities = await _all(EntityNode, source, group, with_embeddings=True)
    facts = await _all(EntityEdge, source, group, with_embeddings=True)
    for row in (*entities, *facts):
        row.attributes = flat(row.attributes)
    for page in _pages(await _all(EpisodicNode, source, group)):
        await add_nodes_and_edges_bulk(driver, page, [], [], [], unasked)
    for page in _pages(entities):
        await add_nodes_and_edges_bulk(driver, [], [], page, [], unasked)
    for page in _pages(facts):
        await add_nodes_and_edges_bulk(driver, [], [], [], page, unasked)
    for page in _pages(await _all(EpisodicEdge, source, group)):
        await add_nodes_and_edges_bulk(driver, [], page, [], [], unasked)
    told = await store.rows(_SPANS.format(where=", (n:Episodic {uuid: s.episode_uuid}) WHERE n.group_id = $group_id"))
    for page in _pages(told):
        rows = [
            {"uuid": span["uuid"], "group_id": group, "target_uuid": span["target"], "episode_uuid": span["episode"]}
            | {name: span[name] for name in ("kind", "start", "end", "words")}
            for span in page
        ]
        await driver.execute_query("UNWIND $rows AS row CREATE (s:Span) SET s = row", rows=rows)


async def _all(kind: Any, driver: Any, group: str, **more: bool) -> list[Any]:
    """Every row of a kind, by Graphiti's cursor."""
    rows: list[Any] = []
    while True:
        cursor = rows[-1].uuid if rows else None
        try:
            page = await kind.get_by_group_ids(driver, [group], limit=_PAGE, uuid_cursor=cursor, **more)
        except GroupsEdgesNotFoundError:  # how an empty page of edges is said
            return rows
        if not page:
            return rows
        if rows and page[0].uuid >= cursor:  # the newest uuid comes first
            raise StorageFailed("the graph server tells the same page twice", hint="use another version of it")
        rows += page


def _pages(rows: list[Any]) -> Iterator[list[Any]]:
    return (rows[first : first + _PAGE] for first in range(0, len(rows), _PAGE))


def _compare(address: Address, sent: dict[str, Any], held: dict[str, Any]) -> None:
    differ = []
    for name in (name for name in sent if sent[name] != held[name]):
        theirs = {json.dumps(row, sort_keys=True) for row in held[name]}
        lost = sum(json.dumps(row, sort_keys=True) not in theirs for row in sent[name])
        differ.append(f"{lost} of {len(sent[name])} {name}")
    if differ:
        raise StorageFailed(
            f"{address} does not give back what was written: {', '.join(differ)}", hint="run it again: it begins anew"
        )


async def _require_room(driver: Any, address: Address, owner: str) -> None:
    with named_failures(address):
        ((marks, _, _), (nodes, _, _)) = [
            await driver.execute_query(query)
            for query in (f"MATCH (n:{_MARK}) RETURN n.copy_of AS owner", "MATCH (n) RETURN count(n) AS number")
        ]
    if nodes[0]["number"] and [mark["owner"] for mark in marks] != [owner]:
        raise BadInput(
            f"{address} holds {nodes[0]['number']:,} nodes already, a copy needs an empty place",
            hint="name another graph in the address, or delete that one first",
        )
