"""Cypher: statements that build the graph in Neo4j, Memgraph or another database of that language.

Knows pictures; knows no database. In: a Picture.  Out: one statement a line; running them twice changes nothing.
"""

import json
import re
from datetime import datetime

from app.picture import Picture

_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_]")


def write(picture: Picture) -> str:
    """Constraints first, then entities, entries, facts as relationships, and where each entity is named."""
    lines = [
        "CREATE CONSTRAINT daybook_entity IF NOT EXISTS FOR (n:Entity) REQUIRE n.uuid IS UNIQUE;",
        "CREATE CONSTRAINT daybook_entry IF NOT EXISTS FOR (n:Entry) REQUIRE n.uuid IS UNIQUE;",
    ]
    for entity in picture.entities:
        label = "" if entity.type == "Thing" else f", n:{_name(entity.type)}"
        aliases = json.dumps(picture.aliases(entity.uuid), ensure_ascii=False)
        lines.append(
            f"MERGE (n:Entity {{uuid: {_text(entity.uuid)}}}) SET n.name = {_text(entity.name)},"
            f" n.summary = {_text(entity.summary)}, n.aliases = {aliases}{label};"
        )
    for episode in picture.episodes:
        lines.append(
            f"MERGE (n:Entry {{uuid: {_text(episode.uuid)}}}) SET n.date = {_day(episode.valid_at)},"
            f" n.text = {_text(episode.text)};"
        )
    for fact in picture.in_order:
        sentences = [span.words for span in picture.evidence.get(fact.uuid, [])]
        lines.append(
            f"MATCH (a:Entity {{uuid: {_text(fact.source)}}}), (b:Entity {{uuid: {_text(fact.target)}}})"
            f" MERGE (a)-[r:{_name(fact.relation) or 'RELATES_TO'} {{uuid: {_text(fact.uuid)}}}]->(b)"
            f" SET r.fact = {_text(fact.fact)}, r.valid_from = {_day(fact.valid_at)},"
            f" r.valid_to = {_day(fact.invalid_at)}, r.sentences = {json.dumps(sentences, ensure_ascii=False)};"
        )
    for episode_uuid, entity_uuid in picture.mentions:
        lines.append(
            f"MATCH (a:Entry {{uuid: {_text(episode_uuid)}}}), (b:Entity {{uuid: {_text(entity_uuid)}}})"
            " MERGE (a)-[:NAMES]->(b);"
        )
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """A literal: every escape that JSON writes, Cypher reads, and a line end never stands in one."""
    return json.dumps(value, ensure_ascii=False)


def _name(word: str) -> str:
    cleaned = _NOT_A_NAME.sub("_", word)
    return f"`{cleaned}`" if cleaned[:1].isdigit() else cleaned


def _day(moment: datetime | None) -> str:
    return f"date({_text(moment.date().isoformat())})" if moment else "null"
