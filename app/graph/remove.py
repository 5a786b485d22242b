"""Take one episode out of the graph: its facts, its mentions, what only it named, and the endings it caused.

Knows the graph's tables; knows no files. In: an episode's uuid.  Out: a graph without it, in one transaction.

What earlier episodes say stays; a fact that this episode had ended is open again. The words of other episodes'
answers are not asked anew: an entity that was resolved with this episode's help stays resolved.
"""

from app.graph.store import GraphStore


async def remove_episode(store: GraphStore, episode_uuid: str) -> None:
    """Remove the episode if the graph holds it; nothing is left halfway."""
    async with store.driver.transaction():
        facts = await store.rows(
            "MATCH (e:RelatesToNode_) WHERE e.group_id = $group_id AND list_contains(e.episodes, $episode)"
            " RETURN e.uuid AS uuid, e.episodes AS episodes",
            episode=episode_uuid,
        )
        for fact in facts:
            others = [uuid for uuid in fact["episodes"] if uuid != episode_uuid]
            if others:
                await store.rows(
                    "MATCH (e:RelatesToNode_ {uuid: $uuid}) SET e.episodes = $others", uuid=fact["uuid"], others=others
                )
            else:
                await store.rows("MATCH (e:RelatesToNode_ {uuid: $uuid}) DETACH DELETE e", uuid=fact["uuid"])
        await _open_again(store, episode_uuid)
        named = await store.rows(
            "MATCH (:Episodic {uuid: $episode})-[:MENTIONS]->(n:Entity) RETURN n.uuid AS uuid", episode=episode_uuid
        )
        await store.rows("MATCH (s:Span) WHERE s.episode_uuid = $episode DELETE s", episode=episode_uuid)
        await store.rows("MATCH (o:Outcome {episode_uuid: $episode}) DELETE o", episode=episode_uuid)
        await store.rows("MATCH (e:Episodic {uuid: $episode}) DETACH DELETE e", episode=episode_uuid)
        for entity in named:
            await drop_or_retell(store, entity["uuid"])


async def _open_again(store: GraphStore, episode_uuid: str) -> None:
    """Facts whose end this episode told are open again, unless they are gone with it."""
    ended = await store.rows(
        "MATCH (s:Span) WHERE s.episode_uuid = $episode AND s.kind = 'ending' RETURN DISTINCT s.target_uuid AS uuid",
        episode=episode_uuid,
    )
    for fact in ended:
        await store.rows(
            "MATCH (e:RelatesToNode_ {uuid: $uuid}) SET e.invalid_at = NULL, e.expired_at = NULL", uuid=fact["uuid"]
        )


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
