"""Read a whole graph into plain values, and write such values into an empty graph.

Knows the graph's tables; knows no file format. In: a store or a Picture.  Out: the Picture, or a graph equal to it.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.errors import BadInput
from app.graph.recorder import derived_uuid
from app.graph.store import GraphStore
from app.picture import Entity, Episode, Fact, Picture, Span


async def read_picture(store: GraphStore) -> Picture:
    """Everything of the store's group. Five scans: 10,000 facts take under a second."""
    outcomes = {
        row["episode"]: (int(row["entities"]), int(row["facts"]), int(row["endings"]))
        for row in await store.rows(
            "MATCH (o:Outcome) RETURN o.episode_uuid AS episode, o.entities AS entities, o.facts AS facts,"
            " o.invalidated AS endings"
        )
    }
    episodes = [
        Episode(**row | {"facts": tuple(row["facts"] or ())}, outcome=outcomes.get(row["uuid"]))
        for row in await store.rows(
            "MATCH (n:Episodic) WHERE n.group_id = $group_id RETURN n.uuid AS uuid, n.name AS name, n.content AS text,"
            " n.source AS source, n.source_description AS about, n.valid_at AS valid_at, n.entity_edges AS facts"
        )
    ]
    entities = [
        Entity(**row | {"labels": tuple(sorted(row["labels"] or ()))})
        for row in await store.rows(
            "MATCH (n:Entity) WHERE n.group_id = $group_id RETURN n.uuid AS uuid, n.name AS name, n.labels AS labels,"
            " n.summary AS summary, n.attributes AS attributes"
        )
    ]
    facts = [
        Fact(**row | {"episodes": tuple(row["episodes"] or ())})
        for row in await store.rows(
            "MATCH (a:Entity)-[:RELATES_TO]->(e:RelatesToNode_)-[:RELATES_TO]->(b:Entity) WHERE e.group_id = $group_id"
            " RETURN e.uuid AS uuid, e.fact AS fact, e.name AS relation, a.uuid AS source, b.uuid AS target,"
            " e.valid_at AS valid_at, e.invalid_at AS invalid_at, e.reference_time AS reference_time,"
            " e.episodes AS episodes, e.attributes AS attributes"
        )
    ]
    mentions = await store.rows(
        "MATCH (p:Episodic)-[:MENTIONS]->(n:Entity) WHERE n.group_id = $group_id"
        " RETURN p.uuid AS episode, n.uuid AS entity"
    )
    spans = await store.rows(
        "MATCH (s:Span) RETURN s.uuid AS uuid, s.target_uuid AS target, s.episode_uuid AS episode, s.kind AS kind,"
        " s.start AS start, s.`end` AS `end`, s.words AS words"
    )
    ours = {episode.uuid for episode in episodes}
    return Picture(
        group=store.group,
        entities=tuple(sorted(entities, key=_uuid)),
        facts=tuple(sorted(facts, key=_uuid)),
        episodes=tuple(sorted(episodes, key=_uuid)),
        mentions=tuple(sorted((row["episode"], row["entity"]) for row in mentions)),
        spans=tuple(sorted((Span(**row) for row in spans if row["episode"] in ours), key=_uuid)),
    )


async def write_picture(store: GraphStore, picture: Picture) -> None:
    """Put a picture into a graph that holds nothing of its group, in one transaction; a second time changes nothing.

    Vectors are made again by the store's embedder; a clock time is the time of writing.
    raises   BadInput if the group holds something else already
    """
    held = await read_picture(store)
    bare = replace(picture, files=(), episodes=tuple(replace(e, chunk=None) for e in picture.episodes))
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

    async def write(query: str, *values: Any, **more: Any) -> None:
        """A statement for a value: rows of an UNWIND must agree in type, and an open date has none."""
        columns = {name: _plain(getattr(value, name)) for value in values for name in value.__slots__}
        await store.driver.execute_query(query, **columns, **more, **shared)

    async with store.driver.transaction():
        for episode in picture.episodes:
            await write(_EPISODE, episode)
            if episode.outcome:
                entities, facts, endings = episode.outcome
                await write(_OUTCOME, uuid=episode.uuid, entities=entities, facts=facts, endings=endings)
        for entity, vector in zip(picture.entities, names, strict=True):
            await write(_ENTITY, entity, vector=vector)
        for fact, vector in zip(picture.facts, told, strict=True):
            await write(_FACT, fact, vector=vector)
        for from_episode, to_entity in picture.mentions:
            uuid = derived_uuid(from_episode, f"mentions/{to_entity}", 0)
            await write(_MENTION, uuid=uuid, episode=from_episode, entity=to_entity)
        for span in picture.spans:
            await write(_SPAN, span, stop=span.end)


_EPISODE = (
    "CREATE (:Episodic {uuid: $uuid, name: $name, group_id: $group_id, created_at: $now, source: $source,"
    " source_description: $about, content: $text, valid_at: $valid_at, entity_edges: $facts})"
)
_OUTCOME = "CREATE (:Outcome {episode_uuid: $uuid, entities: $entities, facts: $facts, invalidated: $endings})"
_ENTITY = (
    "CREATE (:Entity {uuid: $uuid, name: $name, group_id: $group_id, labels: $labels, created_at: $now,"
    " name_embedding: $vector, summary: $summary, attributes: $attributes})"
)
_FACT = (
    "MATCH (a:Entity {uuid: $source}), (b:Entity {uuid: $target})"
    " CREATE (a)-[:RELATES_TO]->(:RelatesToNode_ {uuid: $uuid, group_id: $group_id, created_at: $now, name: $relation,"
    " fact: $fact, fact_embedding: $vector, episodes: $episodes, valid_at: $valid_at, invalid_at: $invalid_at,"
    " reference_time: $reference_time, attributes: $attributes})-[:RELATES_TO]->(b)"
)
_MENTION = (
    "MATCH (p:Episodic {uuid: $episode}), (n:Entity {uuid: $entity})"
    " CREATE (p)-[:MENTIONS {uuid: $uuid, group_id: $group_id, created_at: $now}]->(n)"
)
_SPAN = (
    "CREATE (:Span {uuid: $uuid, target_uuid: $target, episode_uuid: $episode, kind: $kind, start: $start,"
    " `end`: $stop, words: $words})"
)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _uuid(item: Any) -> str:
    return str(item.uuid)
