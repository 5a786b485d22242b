"""Rows of the graph as JSON: read them out with all that hangs on them, take them away, put them back.

Knows the graph's tables; knows nothing of why. In: uuids, inside a transaction.  Out: dicts of JSON values.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from app.graph.recorder import ending_uuid
from app.graph.store import GraphStore

Undo = dict[str, Any]  # JSON values only: it is kept beside the decision

_DATES = ("created_at", "expired_at", "valid_at", "invalid_at", "reference_time")
HELD = ("valid_at", "invalid_at", "expired_at")
_FACT = ("created_at", "name", "fact", "fact_embedding", "episodes", "expired_at", "valid_at", "invalid_at",
         "reference_time", "attributes")  # fmt: skip
_ENTITY = ("name", "labels", "created_at", "name_embedding", "summary", "attributes")
_SPAN = {"target_uuid": "target_uuid", "episode_uuid": "episode_uuid", "kind": "kind", "start": "start",
         "stop": "`end`", "words": "words"}  # fmt: skip  # `end` is a word of Cypher


async def take_fact(store: GraphStore, uuid: str) -> Undo | None:
    returned = ", ".join(f"e.{column} AS {column}" for column in _FACT)
    rows = await store.rows(
        "MATCH (a:Entity)-[:RELATES_TO]->(e:RelatesToNode_ {uuid: $uuid})-[:RELATES_TO]->(b:Entity)"
        f" RETURN e.uuid AS uuid, a.uuid AS source, b.uuid AS target, a.summary AS source_summary,"
        f" b.summary AS target_summary, {returned}",
        uuid=uuid,
    )
    if not rows:
        return None
    undo = plain(rows[0])
    undo["spans"] = await spans_of(store, uuid)
    # Episodes go on listing its uuid: Graphiti passes over what is not there, and a list had better not change in Kuzu.
    undo["opened"] = await open_what_it_ended(store, uuid, undo["spans"])
    await store.rows("MATCH (s:Span {target_uuid: $uuid}) DELETE s", uuid=uuid)
    await store.rows("MATCH (e:RelatesToNode_ {uuid: $uuid}) DETACH DELETE e", uuid=uuid)
    for end in {undo["source"], undo["target"]}:
        await drop_or_retell(store, end)
    return undo


async def put_fact(store: GraphStore, undo: Undo | None) -> None:
    if undo is None:
        return
    values = live(undo, _FACT)
    set_columns = ", ".join(f"{column}: ${column}" for column in _FACT)
    made = await store.rows(
        "MATCH (a:Entity {uuid: $source}), (b:Entity {uuid: $target})"
        f" CREATE (a)-[:RELATES_TO]->(:RelatesToNode_ {{uuid: $uuid, group_id: $group_id, {set_columns}}})"
        "-[:RELATES_TO]->(b) RETURN 1 AS made",
        uuid=undo["uuid"],
        source=undo["source"],
        target=undo["target"],
        **values,
    )
    if not made:  # an end is gone: no words without the fact, and nothing that it would end
        return
    await put_spans(store, undo["spans"])
    for ended in undo["opened"]:
        if await store.rows("MATCH (e:RelatesToNode_ {uuid: $uuid}) RETURN 1 AS stands", uuid=ended["uuid"]):
            await put_spans(store, ended["spans"])
            await set_dates(store, ended["uuid"], **live(ended, HELD))
    for end in ("source", "target"):
        await set_summary(store, undo[end], undo[f"{end}_summary"])


async def open_what_it_ended(store: GraphStore, uuid: str, spans: Sequence[Undo]) -> list[Undo]:
    """An ending stands on the same words as the fact that told it, and so may other facts: its uuid tells whose it is.

    A row of before has a uuid that tells nothing. It goes with the first fact of its sentence that goes.
    """
    opened = []
    for span in (span for span in spans if span["kind"] == "fact"):
        here = dict(zip(("episode", "start", "stop"), _place(span), strict=True))
        standing = "s.episode_uuid = $episode AND s.start = $start AND s.`end` = $stop"
        told = await store.rows(
            f"MATCH (s:Span {{kind: 'fact'}}) WHERE {standing} RETURN DISTINCT s.target_uuid AS uuid", **here
        )
        others = [fact["uuid"] for fact in told if fact["uuid"] != uuid]
        endings = await store.rows(
            "MATCH (s:Span {kind: 'ending'}), (e:RelatesToNode_ {uuid: s.target_uuid})"
            f" WHERE {standing} AND e.invalid_at IS NOT NULL"
            " RETURN DISTINCT e.uuid AS uuid, e.valid_at AS valid_at, e.invalid_at AS invalid_at,"
            " e.expired_at AS expired_at",
            **here,
        )
        for ended in endings:
            words = [s for s in await spans_of(store, ended["uuid"]) if s["kind"] == "ending"]
            theirs = {ending_uuid(*_place(span), other, ended["uuid"]) for other in others}
            told_by_it = [s for s in words if _place(s) == _place(span) and s["uuid"] not in theirs]
            if not told_by_it:
                continue
            if len(told_by_it) == len(words):  # nothing else says that it ended
                await set_dates(store, ended["uuid"], ended["valid_at"], None, None)
            await store.rows("MATCH (s:Span) WHERE s.uuid IN $spans DELETE s", spans=[s["uuid"] for s in told_by_it])
            opened.append({**plain(ended), "spans": told_by_it})
    return opened


def _place(span: Undo) -> tuple[str, int, int]:
    return span["episode_uuid"], span["start"], span["stop"]


async def entity_row(store: GraphStore, uuid: str) -> Undo | None:
    returned = ", ".join(f"n.{column} AS {column}" for column in _ENTITY)
    rows = await store.rows(f"MATCH (n:Entity {{uuid: $uuid}}) RETURN n.uuid AS uuid, {returned}", uuid=uuid)
    return plain(rows[0]) if rows else None


async def put_entity(store: GraphStore, entity: Undo) -> None:
    columns = ", ".join(f"{column}: ${column}" for column in _ENTITY)
    await store.rows(
        f"CREATE (:Entity {{uuid: $uuid, group_id: $group_id, {columns}}})",
        uuid=entity["uuid"],
        **live(entity, _ENTITY),
    )


async def facts_of(store: GraphStore, uuid: str) -> list[str]:
    rows = await store.rows(
        "MATCH (:Entity {uuid: $uuid})-[:RELATES_TO]-(e:RelatesToNode_) RETURN e.uuid AS uuid", uuid=uuid
    )
    return list(dict.fromkeys(row["uuid"] for row in rows))


async def ends_of(store: GraphStore, pattern: str, uuid: str) -> list[str]:
    rows = await store.rows(
        f"MATCH (n:Entity {{uuid: $uuid}}), (e:RelatesToNode_), {pattern} RETURN e.uuid AS uuid", uuid=uuid
    )
    return [row["uuid"] for row in rows]


async def move_ends(store: GraphStore, moved: Undo, old: str, new: str) -> None:
    for name, pattern in (("outgoing", "({})-[{}:RELATES_TO]->({})"), ("incoming", "({2})-[{1}:RELATES_TO]->({0})")):
        await store.rows(
            f"MATCH {pattern.format(':Entity {uuid: $old}', 'r', 'e:RelatesToNode_')} WHERE e.uuid IN $facts DELETE r",
            old=old,
            facts=moved[name],
        )
        await store.rows(
            "MATCH (n:Entity {uuid: $new}), (e:RelatesToNode_) WHERE e.uuid IN $facts"
            f" CREATE {pattern.format('n', '', 'e')}",
            new=new,
            facts=moved[name],
        )


async def mentions_of(store: GraphStore, uuid: str) -> list[Undo]:
    rows = await store.rows(
        "MATCH (p:Episodic)-[m:MENTIONS]->(:Entity {uuid: $uuid}) RETURN p.uuid AS episode, m.uuid AS uuid,"
        " m.created_at AS created_at",
        uuid=uuid,
    )
    return [plain(row) for row in rows]


async def put_mentions(store: GraphStore, entity: str, mentions: Sequence[Undo]) -> None:
    for mention in mentions:
        await store.rows(
            "MATCH (p:Episodic {uuid: $episode}), (n:Entity {uuid: $entity})"
            " CREATE (p)-[:MENTIONS {uuid: $uuid, group_id: $group_id, created_at: $created_at}]->(n)",
            entity=entity,
            **live(mention, ("episode", "uuid", "created_at")),
        )


async def spans_of(store: GraphStore, target: str) -> list[Undo]:
    returned = ", ".join(f"s.{column} AS {name}" for name, column in _SPAN.items())
    return await store.rows(f"MATCH (s:Span {{target_uuid: $uuid}}) RETURN s.uuid AS uuid, {returned}", uuid=target)


async def put_spans(store: GraphStore, spans: Sequence[Undo]) -> None:
    columns = ", ".join(f"{column}: ${name}" for name, column in _SPAN.items())
    for span in spans:
        await store.rows(f"CREATE (:Span {{uuid: $uuid, {columns}}})", **span)


async def set_dates(store: GraphStore, uuid: str, valid_at: Any, invalid_at: Any, expired_at: Any) -> None:
    await store.rows(
        "MATCH (e:RelatesToNode_ {uuid: $uuid}) SET e.valid_at = $valid_at, e.invalid_at = $invalid_at,"
        " e.expired_at = $expired_at",
        uuid=uuid,
        valid_at=valid_at,
        invalid_at=invalid_at,
        expired_at=expired_at if invalid_at else None,
    )


async def set_name(store: GraphStore, uuid: str, name: str, vector: Sequence[float]) -> None:
    await store.rows(
        "MATCH (n:Entity {uuid: $uuid}) SET n.name = $name, n.name_embedding = $vector",
        uuid=uuid,
        name=name,
        vector=list(vector),
    )


async def set_summary(store: GraphStore, uuid: str, summary: str) -> None:
    await store.rows("MATCH (n:Entity {uuid: $uuid}) SET n.summary = $summary", uuid=uuid, summary=summary)


def plain(row: dict[str, Any]) -> Undo:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


def live(row: Undo, columns: Iterable[str]) -> dict[str, Any]:
    """These columns as the database takes them: dates as datetimes."""
    return {name: datetime.fromisoformat(row[name]) if name in _DATES and row[name] else row[name] for name in columns}


async def drop_or_retell(store: GraphStore, entity_uuid: str) -> None:
    """An entity nobody else names goes; the summary of one that stays is told from the facts that are left."""
    facts = await store.rows(  # in the order in which they were told, which is how Graphiti strung them together
        "MATCH (n:Entity {uuid: $uuid})-[:RELATES_TO]-(e:RelatesToNode_), (s:Span {target_uuid: e.uuid, kind: 'fact'}),"
        " (p:Episodic {uuid: s.episode_uuid}) WITH e, p, min(s.start) AS place"
        " RETURN e.uuid AS fact_uuid, e.fact AS fact, p.valid_at AS told, place ORDER BY told, place, fact_uuid",
        uuid=entity_uuid,
    )
    mentions = await store.rows(
        "MATCH (:Episodic)-[:MENTIONS]->(n:Entity {uuid: $uuid}) RETURN count(*) AS number", uuid=entity_uuid
    )
    if not facts and not mentions[0]["number"]:
        await store.rows("MATCH (n:Entity {uuid: $uuid}) DETACH DELETE n", uuid=entity_uuid)
    else:
        await store.rows(
            "MATCH (n:Entity {uuid: $uuid}) SET n.summary = $summary",
            uuid=entity_uuid,
            summary="\n".join({fact["fact_uuid"]: fact["fact"] for fact in facts}.values()),
        )
