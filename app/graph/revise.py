"""Change the graph as its owner decides: take facts and entities out, merge, rename, date; and put everything back.

Knows the graph's tables; knows neither labels nor files. In: uuids.  Out: what it takes to undo the change, as JSON.

Every change is one transaction. A change that finds nothing to change returns None.
"""

from datetime import UTC, date, datetime, time

from app.graph import parts
from app.graph.parts import Undo
from app.graph.store import GraphStore


async def take_fact(store: GraphStore, uuid: str) -> Undo | None:
    """A fact that is not true goes; what it had ended is open again."""
    async with store.driver.transaction(alone=True):
        return await parts.take_fact(store, uuid)


async def put_fact(store: GraphStore, undo: Undo) -> None:
    """The inverse of `take_fact`; a fact whose ends are gone stays away."""
    async with store.driver.transaction(alone=True):
        await parts.put_fact(store, undo)


async def date_fact(store: GraphStore, uuid: str, valid_at: date | None, invalid_at: date | None) -> Undo | None:
    """A fact held from and to these days; None is open."""
    async with store.driver.transaction(alone=True):
        rows = await store.rows(
            "MATCH (e:RelatesToNode_ {uuid: $uuid}) RETURN e.valid_at AS valid_at, e.invalid_at AS invalid_at,"
            " e.expired_at AS expired_at",
            uuid=uuid,
        )
        if not rows or (rows[0]["valid_at"], rows[0]["invalid_at"]) == (_midnight(valid_at), _midnight(invalid_at)):
            return None
        ended = datetime.now(UTC) if invalid_at else None
        await parts.set_dates(store, uuid, _midnight(valid_at), _midnight(invalid_at), rows[0]["expired_at"] or ended)
        return {"uuid": uuid, **parts.plain(rows[0])}


async def undate_fact(store: GraphStore, undo: Undo) -> None:
    """The inverse of `date_fact`."""
    async with store.driver.transaction(alone=True):
        await parts.set_dates(store, undo["uuid"], **parts.live(undo, parts.HELD))


async def rename_entity(store: GraphStore, uuid: str, name: str) -> Undo | None:
    """An entity is called so from now on; its meaning for searches is computed anew."""
    vector = await store.embedder.create(name)
    async with store.driver.transaction(alone=True):
        rows = await store.rows(
            "MATCH (n:Entity {uuid: $uuid}) RETURN n.name AS name, n.name_embedding AS name_embedding", uuid=uuid
        )
        if not rows:
            return None
        await parts.set_name(store, uuid, name, vector)
        return {"uuid": uuid, **rows[0]}


async def unname_entity(store: GraphStore, undo: Undo) -> None:
    """The inverse of `rename_entity`."""
    async with store.driver.transaction(alone=True):
        await parts.set_name(store, undo["uuid"], undo["name"], undo["name_embedding"])


async def take_entity(store: GraphStore, uuid: str) -> Undo | None:
    """Something that is no person, place or thing goes, with the facts that speak of it."""
    async with store.driver.transaction(alone=True):
        entity = await parts.entity_row(store, uuid)
        if entity is None:
            return None
        facts = [await parts.take_fact(store, fact) for fact in await parts.facts_of(store, uuid)]
        undo = {
            "entity": entity,
            "mentions": await parts.mentions_of(store, uuid),
            "spans": await parts.spans_of(store, uuid),
        }
        await store.rows("MATCH (s:Span {target_uuid: $uuid}) DELETE s", uuid=uuid)
        await store.rows("MATCH (n:Entity {uuid: $uuid}) DETACH DELETE n", uuid=uuid)
        return {**undo, "facts": facts}


async def put_entity(store: GraphStore, undo: Undo) -> None:
    """The inverse of `take_entity`."""
    async with store.driver.transaction(alone=True):
        await parts.put_entity(store, undo["entity"])
        await parts.put_mentions(store, undo["entity"]["uuid"], undo["mentions"])
        await parts.put_spans(store, undo["spans"])
        for fact in reversed(undo["facts"]):
            await parts.put_fact(store, fact)
        await parts.set_summary(store, undo["entity"]["uuid"], undo["entity"]["summary"])


async def merge_entities(store: GraphStore, lost: str, kept: str) -> Undo | None:
    """Two entities are one: facts, mentions and words of `lost` become those of `kept`."""
    async with store.driver.transaction(alone=True):
        entity, other = await parts.entity_row(store, lost), await parts.entity_row(store, kept)
        if entity is None or other is None or lost == kept:
            return None
        between = set(await parts.facts_of(store, lost)) & set(await parts.facts_of(store, kept))
        facts = [await parts.take_fact(store, fact) for fact in sorted(between)]
        undo: Undo = {
            "entity": entity,
            "kept": {"uuid": kept, "summary": other["summary"]},
            "between": facts,
            "outgoing": await parts.ends_of(store, "(n)-[:RELATES_TO]->(e)", lost),
            "incoming": await parts.ends_of(store, "(e)-[:RELATES_TO]->(n)", lost),
            "mentions": await parts.mentions_of(store, lost),
            "spans": [span["uuid"] for span in await parts.spans_of(store, lost)],
        }
        already = {mention["episode"] for mention in await parts.mentions_of(store, kept)}
        new = [mention for mention in undo["mentions"] if mention["episode"] not in already]
        undo["new_mentions"] = [mention["episode"] for mention in new]
        await parts.move_ends(store, undo, lost, kept)
        await parts.put_mentions(store, kept, new)
        await store.rows("MATCH (s:Span {target_uuid: $lost}) SET s.target_uuid = $kept", lost=lost, kept=kept)
        await store.rows("MATCH (n:Entity {uuid: $uuid}) DETACH DELETE n", uuid=lost)
        await parts.drop_or_retell(store, kept)
        return undo


async def split_entities(store: GraphStore, undo: Undo) -> None:
    """The inverse of `merge_entities`; what was read since stays with the one that was kept."""
    lost, kept = undo["entity"]["uuid"], undo["kept"]["uuid"]
    async with store.driver.transaction(alone=True):
        await parts.put_entity(store, undo["entity"])
        await parts.move_ends(store, undo, kept, lost)
        await store.rows(
            "MATCH (p:Episodic)-[m:MENTIONS]->(n:Entity {uuid: $kept}) WHERE p.uuid IN $episodes DELETE m",
            kept=kept,
            episodes=undo["new_mentions"],
        )
        await parts.put_mentions(store, lost, undo["mentions"])
        await store.rows(
            "MATCH (s:Span) WHERE s.uuid IN $spans SET s.target_uuid = $lost", spans=undo["spans"], lost=lost
        )
        for fact in reversed(undo["between"]):
            await parts.put_fact(store, fact)
        await parts.set_summary(store, kept, undo["kept"]["summary"])
        await parts.set_summary(store, lost, undo["entity"]["summary"])


async def find_fact(store: GraphStore, uuid: str, source: str, target: str, fact: str) -> str | None:
    """The fact of that uuid, or one that says the same of the same two; None if the graph holds neither."""
    rows = await store.rows(
        "MATCH (a:Entity)-[:RELATES_TO]->(e:RelatesToNode_)-[:RELATES_TO]->(b:Entity) WHERE e.group_id = $group_id"
        " AND e.fact = $fact AND (e.uuid = $uuid OR (a.name = $source AND b.name = $target)) RETURN e.uuid AS uuid",
        uuid=uuid,
        source=source,
        target=target,
        fact=fact,
    )
    found = [row["uuid"] for row in rows]
    return uuid if uuid in found else next(iter(found), None)


async def find_entity(store: GraphStore, uuid: str, name: str) -> str | None:
    """The entity of that uuid if it has that name, or another one that has it."""
    rows = await store.rows(
        "MATCH (n:Entity) WHERE n.group_id = $group_id AND n.name = $name RETURN n.uuid AS uuid", name=name
    )
    found = [row["uuid"] for row in rows]
    return uuid if uuid in found else next(iter(found), None)


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None
