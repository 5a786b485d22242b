"""The graph over MCP: five tools that only look, and one that keeps an entry, if the owner allows it.

Knows the MCP SDK and a Shelf; calls no language model. In: tool calls.  Out: small results with days and sources.
"""

from collections.abc import Awaitable, Callable
from datetime import date
from functools import wraps
from typing import Annotated, Any, ParamSpec, TypeVar

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from app.errors import DaybookError
from app.picture import Fact, Picture, Span
from app.pipeline import story
from app.pipeline.shelf import Shelf
from app.server.about import program_version

MOST = 50  # results of one call: a model's context is small
SENTENCES = 3  # of evidence a fact; `entry` has the rest
INSTRUCTIONS = """The owner's private journals as a dated knowledge graph, on the owner's own machine.
Search first, then follow `entry` ids to the words themselves. Every fact has the days it held and the sentence it was
read from; quote those. Facts that ended are history, not errors."""
LOOKS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

P = ParamSpec("P")
T = TypeVar("T")
Limit = Annotated[int, Field(ge=1, le=MOST, description="how many at most")]


class SourceShown(BaseModel):
    """Where it was read; `entry` is for the tool of that name."""

    entry: str
    date: date
    file: str | None
    words: str


class FactShown(BaseModel):
    fact: str
    source: str
    relation: str
    target: str
    valid_at: date | None
    invalid_at: date | None
    sources: list[SourceShown]


class EntityShown(BaseModel):
    name: str
    type: str
    facts: int
    mentions: int


class Card(BaseModel):
    """An entity with its newest facts; `facts_left_out` of them are older."""

    name: str
    type: str
    summary: str
    aliases: list[str]
    company: list[str]
    facts: list[FactShown]
    facts_left_out: int


class EventShown(BaseModel):
    day: date
    kind: str
    fact: str


class EntryShown(BaseModel):
    """The words of the journal, and the facts that were read from them."""

    entry: str
    date: date
    file: str | None
    start: int | None
    end: int | None
    text: str
    facts: list[str]


class Kept(BaseModel):
    status: str
    file: str


def mcp_server(shelf: Shelf, *, can_write: bool = False, on_entry: Callable[[], None] = lambda: None) -> MCPServer[Any]:
    """The tools over one home; `on_entry` is told when an entry was kept."""
    server: MCPServer[Any] = MCPServer(
        "daybook", instructions=INSTRUCTIONS, version=program_version(), log_level="CRITICAL"
    )
    looks = server.tool(annotations=LOOKS)

    @looks
    @told
    async def search_facts(query: str, limit: Limit = 10, as_of: date | None = None) -> list[FactShown]:
        """Facts by words and meaning, best first; with as_of (YYYY-MM-DD) only those that held on that day."""
        facts = await shelf.find(query, limit=limit, as_of=as_of)
        picture = await shelf.picture()
        return [_fact(picture, fact) for fact in facts]

    @looks
    @told
    async def search_entities(name: str, limit: Limit = 10) -> list[EntityShown]:
        """People, places and things whose name or other names contain the words, the most often named first."""
        picture, wanted = await shelf.picture(), name.casefold().split()
        found = []
        for entity in picture.entities:
            names = " ".join([entity.name, *picture.aliases(entity.uuid)]).casefold()
            if all(word in names for word in wanted):
                facts, mentions = picture.facts_of.get(entity.uuid, []), picture.evidence.get(entity.uuid, [])
                found.append(EntityShown(name=entity.name, type=entity.type, facts=len(facts), mentions=len(mentions)))
        return sorted(found, key=lambda one: (-one.mentions, one.name))[:limit]

    @looks
    @told
    async def entity(name: str, limit: Limit = 20) -> Card:
        """One person, place or thing: what is known of it, newest facts first."""
        picture = await shelf.picture()
        uuid = story.find_entity(picture, name)
        known, facts = picture.entity[uuid], picture.facts_of.get(uuid, [])
        return Card(
            name=known.name,
            type=known.type,
            summary=known.summary,
            aliases=picture.aliases(uuid)[:limit],
            company=[picture.entity[other].name for other, _ in picture.company(uuid)[:limit]],
            facts=[_fact(picture, fact) for fact in reversed(facts[-limit:])],
            facts_left_out=max(0, len(facts) - limit),
        )

    @looks
    @told
    async def timeline(
        name: str | None = None, since: date | None = None, until: date | None = None, limit: Limit = MOST
    ) -> list[EventShown]:
        """Days on which facts begin or end, in order; of one entity if named. The first `limit` since that day."""
        events = story.timeline(await shelf.picture(), name, since=since, until=until)
        return [EventShown(day=e.day, kind=e.kind, fact=e.fact.fact) for e in events[:limit]]

    @looks
    @told
    async def entry(id: str) -> EntryShown:
        """The journal's own words behind an `entry` id of another tool."""
        picture = await shelf.picture()
        episode = picture.episode.get(id)
        if episode is None:
            raise ToolError(f"there is no entry {id!r}; take an id from `sources` of a fact")
        place = episode.place
        facts = [fact.fact for fact in picture.in_order if id in fact.episodes]
        return EntryShown(
            entry=id,
            date=episode.valid_at.date(),
            file=place.path if place else None,
            start=place.start if place else None,
            end=place.end if place else None,
            text=episode.text,
            facts=facts[:MOST],
        )

    if can_write:

        @server.tool(annotations=ADDS)
        @told
        async def add_entry(text: str, day: date | None = None) -> Kept:
            """Keep a journal entry for good; it is read into the graph in the background. `day`: today if left out."""
            path = shelf.add_entry(text, day or date.today())
            on_entry()
            return Kept(status="kept for good; it will be in the graph in a while", file=str(path))

    return server


def mcp_app(server: MCPServer[Any]) -> tuple[list[BaseRoute], Any]:
    """(routes, lifespan) of /mcp for the server's own app: each call stands alone, answered in JSON."""
    from mcp.server.transport_security import TransportSecuritySettings

    # The guard in front of everything has looked at Host and Origin already.
    open_inside = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    inner: Starlette = server.streamable_http_app(
        json_response=True, stateless_http=True, transport_security=open_inside
    )
    return list(inner.routes), server.session_manager.run


def told(tool: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Our errors become what a model reads: one line that says what to do."""

    @wraps(tool)
    async def telling(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await tool(*args, **kwargs)
        except DaybookError as error:
            raise ToolError(str(error)) from error

    return telling


def _fact(picture: Picture, fact: Fact) -> FactShown:
    spans = picture.evidence.get(fact.uuid, [])[:SENTENCES]
    return FactShown(
        fact=fact.fact,
        source=picture.entity[fact.source].name,
        relation=fact.relation,
        target=picture.entity[fact.target].name,
        valid_at=fact.valid_at.date() if fact.valid_at else None,
        invalid_at=fact.invalid_at.date() if fact.invalid_at else None,
        sources=[_source(picture, span) for span in spans],
    )


def _source(picture: Picture, span: Span) -> SourceShown:
    episode = picture.episode[span.episode]
    place = episode.place
    return SourceShown(
        entry=episode.uuid,
        date=episode.valid_at.date(),
        file=place.path if place else None,
        words=" ".join(span.words.split()),
    )
