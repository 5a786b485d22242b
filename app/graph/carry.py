"""Read a whole graph into plain values, and write such values into an empty graph.

Knows the graph's tables; knows no file format. In: a store or a Picture.  Out: the Picture, or a graph equal to it.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.errors import BadInput
from app.graph.recorder import derived_uuid
from app.graph.store import GraphStore
from app.picture import Entity, Episode, Fact, Label, Picture, Span

Row = dict[str, Any]  # a column is what Cypher takes under that name
# Of a statement: one a row takes ten times as long. But of rows with lists, Kuzu 0.11.3 makes several at once so that a
# later SET ends the process; they go one by one.
_ROWS = 1000
_ELSEWHERE = ("outcome", "chunk")  # of an episode: a table of their own, and the ledger
_VECTOR = "_embedding"  # column name_embedding holds the vector of column name
_EMPTY = dict.fromkeys(("facts", "episodes", "labels"), "CAST([], 'STRING[]')")


async def read_picture(store: GraphStore) -> Picture:
    """Everything of the store's group. Six scans, their columns in the order of the fields."""
    outcomes = {
        uuid: (int(entities), int(facts), int(endings))
        for uuid, entities, facts, endings in await store.scan(
            "MATCH (o:Outcome) RETURN o.episode_uuid, o.entities, o.facts, o.invalidated"
        )
    }
    episodes = await store.scan(
        "MATCH (n:Episodic) WHERE n.group_id = $group_id RETURN n.uuid, n.name, n.content, n.source,"
        " n.source_description, n.valid_at, n.entity_edges"
    )
    for row in episodes:
        row[-1:] = tuple(row[-1] or ()), outcomes.get(row[0])
    entities = await store.scan(
        "MATCH (n:Entity) WHERE n.group_id = $group_id RETURN n.uuid, n.name, n.labels, n.summary, n.attributes"
    )
    for row in entities:
        row[2] = tuple(sorted(row[2] or ()))
    facts = await store.scan(
        "MATCH (a:Entity)-[:RELATES_TO]->(e:RelatesToNode_)-[:RELATES_TO]->(b:Entity) WHERE e.group_id = $group_id"
        " RETURN e.uuid, e.fact, e.name, a.uuid, b.uuid, e.valid_at, e.invalid_at, e.reference_time, e.episodes,"
        " e.attributes"
    )
    for row in facts:
        row[-2] = tuple(row[-2] or ())
    mentions = await store.scan(
        "MATCH (p:Episodic)-[:MENTIONS]->(n:Entity) WHERE n.group_id = $group_id RETURN p.uuid, n.uuid"
    )
    spans = await store.scan(
        "MATCH (s:Span) RETURN s.uuid, s.target_uuid, s.episode_uuid, s.kind, s.start, s.`end`, s.words"
    )
    ours = {row[0] for row in episodes}
    # Each row begins with its uuid, so that sorting compares nothing else.
    return Picture(
        group=store.group,
        entities=tuple(Entity(*row) for row in sorted(entities)),
        facts=tuple(Fact(*row) for row in sorted(facts)),
        episodes=tuple(Episode(*row) for row in sorted(episodes)),
        mentions=tuple(sorted((episode, entity) for episode, entity in mentions)),
        spans=tuple(Span(*row) for row in sorted(spans) if row[2] in ours),
    )


async def write_picture(store: GraphStore, picture: Picture) -> None:
    """Put a picture into a graph that holds nothing of its group, in one transaction; a second time changes nothing.

    Vectors are made again by the store's embedder; a clock time is the time of writing.
    raises   BadInput if the group holds something else already
    """
    held = await read_picture(store)
    bare = replace(picture, files=(), labels=(), episodes=tuple(replace(e, chunk=None) for e in picture.episodes))
    if held == bare:
        return
    if held.episodes or held.entities:
        raise BadInput(
            f"the group {store.group} of this home holds {len(held.episodes)} texts, an import needs an empty one",
            hint="import into a new folder with --home",
        )
    shared = {"group_id": store.group, "now": datetime.now(UTC)}
    names = await store.embedder.create_batch([entity.name.replace("\n", " ") for entity in picture.entities])
    told = await store.embedder.create_batch([fact.fact.replace("\n", " ") for fact in picture.facts])
    async with store.driver.transaction():
        for statement, rows, most in (
            (_EPISODE, [_row(episode) for episode in picture.episodes], 1),
            (_OUTCOME, [_outcome(episode) for episode in picture.episodes if episode.outcome], _ROWS),
            (_ENTITY, [_row(e) | {"vector": v} for e, v in zip(picture.entities, names, strict=True)], 1),
            (_FACT, [_row(f) | {"vector": v} for f, v in zip(picture.facts, told, strict=True)], 1),
            (_MENTION, [_mention(*pair) for pair in picture.mentions], _ROWS),
            (_SPAN, [_row(span) | {"stop": span.end} for span in picture.spans], _ROWS),
        ):
            for alike in _alike(rows, most):
                await store.driver.execute_query(_for_each(statement, alike[0]), rows=alike, **shared)


def without_vectors(label: Label) -> Label:
    """A decision as a picture holds it: in what takes it back, None stands for each vector."""
    undo: Row | None = json.loads(json.dumps(label.undo))
    for row, name in _vectors(undo):
        row[name] = None
    return replace(label, undo=undo)


async def with_vectors(store: GraphStore, labels: Iterable[Label]) -> list[Label]:
    """The inverse of `without_vectors`, by the store's embedder."""
    labels = [replace(label, undo=json.loads(json.dumps(label.undo))) for label in labels]
    missing = [vector for label in labels for vector in _vectors(label.undo)]
    texts = [row[name.removesuffix(_VECTOR)].replace("\n", " ") for row, name in missing]
    for (row, name), vector in zip(missing, await store.embedder.create_batch(texts), strict=True):
        row[name] = list(vector)
    return labels


def _vectors(value: Any) -> Iterator[tuple[Row, str]]:
    """(row, column) of every vector; the text it was made of stands beside it."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        for item in value:
            yield from _vectors(item)
    elif isinstance(value, dict):
        for name, held in value.items():
            if name.endswith(_VECTOR):
                yield value, name
            else:
                yield from _vectors(held)


_EPISODE = (
    "CREATE (:Episodic {uuid: row.uuid, name: row.name, group_id: $group_id, created_at: $now, source: row.source,"
    " source_description: row.about, content: row.text, valid_at: row.valid_at, entity_edges: row.facts})"
)
_OUTCOME = (
    "CREATE (:Outcome {episode_uuid: row.uuid, entities: row.entities, facts: row.facts, invalidated: row.endings})"
)
_ENTITY = (
    "CREATE (:Entity {uuid: row.uuid, name: row.name, group_id: $group_id, labels: row.labels, created_at: $now,"
    " name_embedding: row.vector, summary: row.summary, attributes: row.attributes})"
)
_FACT = (
    "MATCH (a:Entity {uuid: row.source}), (b:Entity {uuid: row.target})"
    " CREATE (a)-[:RELATES_TO]->(:RelatesToNode_ {uuid: row.uuid, group_id: $group_id, created_at: $now,"
    " name: row.relation, fact: row.fact, fact_embedding: row.vector, episodes: row.episodes, valid_at: row.valid_at,"
    " invalid_at: row.invalid_at, reference_time: row.reference_time, attributes: row.attributes})"
    "-[:RELATES_TO]->(b)"
)
_MENTION = (
    "MATCH (p:Episodic {uuid: row.episode}), (n:Entity {uuid: row.entity})"
    " CREATE (p)-[:MENTIONS {uuid: row.uuid, group_id: $group_id, created_at: $now}]->(n)"
)
_SPAN = (
    "CREATE (:Span {uuid: row.uuid, target_uuid: row.target, episode_uuid: row.episode, kind: row.kind,"
    " start: row.start, `end`: row.stop, words: row.words})"
)
_COLUMN = re.compile(r"row\.(\w+)")


def _alike(rows: Iterable[Row], most: int) -> Iterator[list[Row]]:
    """Rows of one statement: Kuzu takes its types from the values, and an open date or an empty list has none."""
    by_shape: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        known = {name: value for name, value in row.items() if value not in (None, [])}
        by_shape[tuple(known)].append(known)
    for alike in by_shape.values():
        yield from (alike[first : first + most] for first in range(0, len(alike), most))


def _for_each(statement: str, row: Row) -> str:
    """The statement for rows with the columns of this one."""
    return "UNWIND $rows AS row " + _COLUMN.sub(
        lambda column: column[0] if column[1] in row else _EMPTY.get(column[1], "NULL"), statement
    )


def _row(value: Any) -> Row:
    columns = ((name, getattr(value, name)) for name in value.__slots__)
    return {name: list(held) if isinstance(held, tuple) else held for name, held in columns if name not in _ELSEWHERE}


def _outcome(episode: Episode) -> Row:
    entities, facts, endings = episode.outcome or (0, 0, 0)
    return {"uuid": episode.uuid, "entities": entities, "facts": facts, "endings": endings}


def _mention(episode: str, entity: str) -> Row:
    return {"uuid": derived_uuid(episode, f"mentions/{entity}", 0), "episode": episode, "entity": entity}
