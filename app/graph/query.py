"""Ask the graph: facts by words, an entity and its facts, how much there is, and one comparable picture of it all.

Knows the graph's tables and Graphiti's search; knows nothing of files or models.
In: words, names, dates.  Out: frozen values whose evidence points at characters; equal graphs give equal answers.
"""

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import app.graph.quiet  # noqa: F401  # before graphiti

# isort: split
from graphiti_core.search.search_utils import DEFAULT_MIN_SCORE, rrf

from app.graph.drivers.kuzu import Row
from app.graph.store import GraphStore

_FACT_COLUMNS = (
    " RETURN e.uuid AS uuid, e.fact AS fact, e.name AS relation, a.name AS source, b.name AS target,"
    " e.valid_at AS valid_at, e.invalid_at AS invalid_at"
)
_FACT = "MATCH (a:Entity)-[:RELATES_TO]->(e:RelatesToNode_)-[:RELATES_TO]->(b:Entity) WHERE e.group_id = $group_id"
_STANDS = " AND (e.valid_at IS NULL OR e.valid_at <= $as_of) AND (e.invalid_at IS NULL OR e.invalid_at > $as_of)"
_BY_WORDS = (
    "CALL QUERY_FTS_INDEX('RelatesToNode_', 'edge_name_and_fact', CAST($words AS STRING)) YIELD node, score"
    " WITH node AS e, score WHERE e.group_id = $group_id"
)
_BEST = " RETURN e.uuid AS uuid, score ORDER BY score DESC, uuid LIMIT $most"
_WORDS = 100  # of a question that count


@dataclass(frozen=True, slots=True)
class Evidence:
    """The words a fact or a mention stands on: half-open offsets, as they were given to ingest."""

    episode_uuid: str
    start: int
    end: int
    words: str


@dataclass(frozen=True, slots=True)
class FactHit:
    """A fact with the time it held and the words behind it; a date of None is open."""

    uuid: str
    fact: str
    relation: str
    source: str
    target: str
    valid_at: datetime | None
    invalid_at: datetime | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class EntityHit:
    """A person, place or thing, with every place where it is named."""

    uuid: str
    name: str
    labels: tuple[str, ...]
    summary: str
    mentions: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class GraphCounts:
    """How much the graph holds; `ended` of the facts no longer hold."""

    episodes: int
    entities: int
    facts: int
    ended: int
    spans: int


async def search(store: GraphStore, text: str, *, limit: int = 10, as_of: datetime | None = None) -> list[FactHit]:
    """Facts by words and by meaning, best first.

    as_of    only facts that held at that moment
    limit    how many facts at most
    """
    if not text.strip():
        return []
    vector = await store.embedder.embed_query(text)
    stands = _STANDS if as_of else ""
    # Graphiti's own queries walk to both ends of every fact, which takes six times as long.
    by_words = await store.rows(
        _BY_WORDS + stands + _BEST, words=" ".join(text.split()[:_WORDS]), as_of=as_of, most=2 * limit
    )
    by_meaning = await store.rows(
        f"MATCH (e:RelatesToNode_) WHERE e.group_id = $group_id{stands} WITH e,"
        f" array_cosine_similarity(e.fact_embedding, CAST($vector AS FLOAT[{len(vector)}])) AS score"
        f" WHERE score > {DEFAULT_MIN_SCORE}{_BEST}",
        vector=vector,
        as_of=as_of,
        most=2 * limit,
    )
    best_first = rrf([[row["uuid"] for row in rows] for rows in (by_words, by_meaning)])[0][:limit]
    rows = await store.rows(_FACT + " AND e.uuid IN $uuids" + _FACT_COLUMNS, uuids=best_first)
    hits = {hit.uuid: hit for hit in await _with_evidence(store, rows)}
    return [hits[uuid] for uuid in best_first]


async def entity(store: GraphStore, name: str) -> EntityHit | None:
    """The entity of that name, whatever its case; among several the exact spelling, then the most mentioned."""
    rows = await store.rows(
        "MATCH (n:Entity) WHERE n.group_id = $group_id AND lower(n.name) = lower($name)"
        " RETURN n.uuid AS uuid, n.name AS name, n.labels AS labels, n.summary AS summary",
        name=name.strip(),
    )
    mentions = await _evidence(store, [row["uuid"] for row in rows], "mention")
    hits = [
        EntityHit(row["uuid"], row["name"], tuple(row["labels"]), row["summary"], mentions.get(row["uuid"], ()))
        for row in rows
    ]
    return min(hits, key=lambda hit: (hit.name != name.strip(), -len(hit.mentions), hit.uuid), default=None)


async def similar_names(store: GraphStore, name: str, *, limit: int = 5) -> list[str]:
    """Names of the graph that are spelt like `name`, the most similar first."""
    rows = await store.rows("MATCH (n:Entity) WHERE n.group_id = $group_id RETURN DISTINCT n.name AS name")
    return difflib.get_close_matches(name, sorted(row["name"] for row in rows), n=limit, cutoff=0.6)


async def facts_of(store: GraphStore, entity_uuid: str, *, as_of: datetime | None = None) -> list[FactHit]:
    """Every fact from or to an entity, in the order in which they began."""
    rows = await store.rows(
        _FACT + " AND (a.uuid = $uuid OR b.uuid = $uuid)" + (_STANDS if as_of else "") + _FACT_COLUMNS,
        uuid=entity_uuid,
        as_of=as_of,
    )
    return await _with_evidence(store, rows)


async def counts(store: GraphStore) -> GraphCounts:
    """How many of each there are in this group."""

    async def number(pattern: str) -> int:
        return int((await store.rows(f"MATCH {pattern} RETURN count(*) AS number"))[0]["number"])

    return GraphCounts(
        episodes=await number("(n:Episodic) WHERE n.group_id = $group_id"),
        entities=await number("(n:Entity) WHERE n.group_id = $group_id"),
        facts=await number("(e:RelatesToNode_) WHERE e.group_id = $group_id"),
        ended=await number("(e:RelatesToNode_) WHERE e.group_id = $group_id AND e.invalid_at IS NOT NULL"),
        spans=await number("(s:Span), (n:Episodic {uuid: s.episode_uuid}) WHERE n.group_id = $group_id"),
    )


async def canonical_dump(store: GraphStore) -> dict[str, Any]:
    """The whole graph as JSON values without clock times: equal for equal graphs, whatever happened on the way."""
    episodes = await store.rows(
        "MATCH (n:Episodic) WHERE n.group_id = $group_id RETURN n.uuid AS uuid, n.name AS name, n.content AS text,"
        " n.valid_at AS valid_at, n.entity_edges AS facts"
    )
    entities = await store.rows(
        "MATCH (n:Entity) WHERE n.group_id = $group_id RETURN n.uuid AS uuid, n.name AS name, n.labels AS labels,"
        " n.summary AS summary, n.attributes AS attributes, n.name_embedding AS vector"
    )
    facts = await store.rows(
        _FACT + _FACT_COLUMNS + ", e.episodes AS episodes, e.attributes AS attributes, e.fact_embedding AS vector,"
        " a.uuid AS source_uuid, b.uuid AS target_uuid"
    )
    mentions = await store.rows(
        "MATCH (p:Episodic)-[:MENTIONS]->(n:Entity) WHERE n.group_id = $group_id"
        " RETURN p.uuid AS episode, n.uuid AS entity"
    )
    spans = await store.rows(
        "MATCH (s:Span), (n:Episodic {uuid: s.episode_uuid}) WHERE n.group_id = $group_id RETURN s.uuid AS uuid,"
        " s.target_uuid AS target, s.episode_uuid AS episode, s.kind AS kind, s.start AS start, s.`end` AS `end`,"
        " s.words AS words"
    )
    for row in (*entities, *facts):
        row["attributes"] = flat(json.loads(row["attributes"] or "{}"))
    return canonical({"episodes": episodes, "entities": entities, "facts": facts, "mentions": mentions, "spans": spans})


def canonical(picture: dict[str, list[Row]]) -> dict[str, Any]:
    """Rows as JSON values, in one order."""
    order = partial(json.dumps, sort_keys=True)
    return {name: sorted((_plain(row) for row in rows), key=order) for name, rows in picture.items()}


def flat(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes as every graph database can hold them: what has parts as JSON text, no nulls.

    A fraction keeps fifteen digits, since FalkorDB tells no more.
    """
    return {name: _flat(value) for name, value in attributes.items() if value is not None}


def _flat(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.15g}")
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value


def _plain(row: Row) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in sorted(row.items())}


async def _with_evidence(store: GraphStore, rows: Sequence[Row]) -> list[FactHit]:
    words = await _evidence(store, [row["uuid"] for row in rows], "fact")
    return [FactHit(**row, evidence=words.get(row["uuid"], ())) for row in rows]


async def _evidence(store: GraphStore, targets: Sequence[str], kind: str) -> dict[str, tuple[Evidence, ...]]:
    """Spans by target, the earliest episode first."""
    rows = await store.rows(
        "MATCH (s:Span), (n:Episodic {uuid: s.episode_uuid}) WHERE s.kind = $kind AND s.target_uuid IN $targets"
        " RETURN s.target_uuid AS target, s.episode_uuid AS episode_uuid, s.start AS start, s.`end` AS `end`,"
        " s.words AS words ORDER BY n.valid_at, s.start, s.`end`, s.uuid",
        kind=kind,
        targets=list(targets),
    )
    found: dict[str, list[Evidence]] = {}
    for row in rows:
        found.setdefault(row.pop("target"), []).append(Evidence(**row))
    return {target: tuple(evidence) for target, evidence in found.items()}
