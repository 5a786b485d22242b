"""Put one episode into the graph: all of it, with the words behind every fact, or nothing.

Knows Graphiti's add_episode and our spans; knows nothing of prompts or of where a file lies.
In: an Episode, and a Grounding told after the model has answered.  Out: what it brought.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

import app.graph.quiet  # noqa: F401  # before graphiti

# isort: split
from graphiti_core.nodes import EpisodeType, EpisodicNode

from app.errors import DaybookError
from app.graph.recorder import FactKey, Resolution, comparable, derived_uuid, ending_uuid
from app.graph.store import EpisodeOutcome, GraphStore

_PREVIOUS_EPISODES = 2  # Graphiti would send ten full entries with every question


@dataclass(frozen=True, slots=True)
class Episode:
    """One chunk of an entry as the graph receives it.

    uuid     derived from the chunk, so that the same text is the same episode
    order    place among the chunks of the day, 0-based
    source   where such texts come from, in words; part of prompts, so never a path
    """

    uuid: str
    name: str
    text: str
    date: date
    order: int = 0
    source: str = "private journal"

    @property
    def valid_at(self) -> datetime:
        """The entry's midnight in UTC, plus one second for each chunk before it that day."""
        return datetime.combine(self.date, time(), UTC) + timedelta(seconds=self.order)


@dataclass(frozen=True, slots=True)
class GroundedFact:
    """A fact as the model answered it, with the characters it stands on; offsets are the caller's, half-open.

    attributes   JSON values kept with the fact where it is new, such as how sure the model was
    """

    source: str
    target: str
    fact: str
    start: int
    end: int
    words: str
    attributes: dict[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Mention:
    """A name as the model answered it, with one place where it stands."""

    name: str
    start: int
    end: int
    words: str = ""


@dataclass(frozen=True, slots=True)
class Grounding:
    """Evidence for one episode's answers, in the order they were answered."""

    facts: Sequence[GroundedFact] = ()
    mentions: Sequence[Mention] = ()


@dataclass(frozen=True, slots=True)
class _Span:
    target_uuid: str
    kind: Literal["fact", "mention", "ending"]
    start: int
    end: int
    words: str
    ender: str = ""  # uuid of the fact that told an ending: all facts of a sentence have one place


async def ingest_episode(
    store: GraphStore,
    episode: Episode,
    grounding: Callable[[], Grounding],
    *,
    entity_types: dict[str, Any] | None = None,  # name -> pydantic model, as graphiti takes them
    instructions: str | None = None,
) -> EpisodeOutcome:
    """Extract, resolve and store one episode in a single transaction; a second time it only reports.

    grounding   asked once, after the model has answered everything
    raises      whatever the model client raises, StorageFailed, DaybookError for a fact without evidence;
                after any of them, and after a cancellation, the graph is as it was
    """
    known = await store.outcome(episode.uuid)
    if known is not None:
        return known
    async with store.driver.transaction():
        previous = await _previous_episodes(store, episode)
        await _as_node(store, episode).save(store.driver)
        results = await store.graphiti.add_episode(
            name=episode.name,
            episode_body=episode.text,
            source_description=episode.source,
            reference_time=episode.valid_at,
            source=EpisodeType.text,
            group_id=store.group,
            uuid=episode.uuid,
            entity_types=entity_types,
            previous_episode_uuids=previous,
            custom_extraction_instructions=instructions,
        )
        resolution, told = store.graphiti.resolution, grounding()
        spans = list(dict.fromkeys(_spans(resolution, told)))
        facts = {edge.uuid for edge in results.edges if episode.uuid in edge.episodes}
        _check_every_fact_stands_on_words(episode, facts, spans)
        await _write_spans(store, episode, spans)
        await _write_attributes(store, resolution, told)
        outcome = EpisodeOutcome(
            entities=len({node.uuid for node in results.nodes}),
            facts=len(facts),
            invalidated=len(resolution.invalidated),
        )
        await _write_outcome(store, episode, outcome)
    return outcome


async def _previous_episodes(store: GraphStore, episode: Episode) -> list[str]:
    """The last episodes before this one by date: what the writer still had in mind."""
    rows = await store.rows(
        "MATCH (e:Episodic) WHERE e.group_id = $group_id AND e.valid_at < $valid_at"
        " RETURN e.uuid AS uuid, e.valid_at AS valid_at ORDER BY valid_at DESC, uuid LIMIT $limit",
        valid_at=episode.valid_at,
        limit=_PREVIOUS_EPISODES,
    )
    return [row["uuid"] for row in rows]


def _as_node(store: GraphStore, episode: Episode) -> EpisodicNode:
    """Saved first, because add_episode takes a uuid only of an episode that exists."""
    return EpisodicNode(
        uuid=episode.uuid,
        name=episode.name,
        group_id=store.group,
        source=EpisodeType.text,
        source_description=episode.source,
        content=episode.text,
        created_at=datetime.now(UTC),
        valid_at=episode.valid_at,
        entity_edges=[],
    )


def _spans(resolution: Resolution, grounding: Grounding) -> Iterator[_Span]:
    """Lead each grounded answer to the edge or entity it became.

    A mention of a name that Graphiti did not keep has nothing to point at and is left out. A fact that this episode
    ended gets the words of the fact that ended it, as an "ending": so it can be opened again if they are taken back.
    """
    evidence: dict[FactKey, list[GroundedFact]] = {}
    for fact in grounding.facts:
        key = (comparable(fact.source), comparable(fact.target), comparable(fact.fact))
        evidence.setdefault(key, []).append(fact)
    for key, edge_uuid in resolution.facts:
        for fact in evidence.get(key, []):
            yield _Span(edge_uuid, "fact", fact.start, fact.end, fact.words)
            for ended, enders in resolution.invalidated.items():
                if edge_uuid in enders:
                    yield _Span(ended, "ending", fact.start, fact.end, fact.words, edge_uuid)
    for mention in grounding.mentions:
        entity_uuid = resolution.entities.get(comparable(mention.name))
        if entity_uuid is not None:
            yield _Span(entity_uuid, "mention", mention.start, mention.end, mention.words or mention.name)


def _check_every_fact_stands_on_words(episode: Episode, facts: set[str], spans: Sequence[_Span]) -> None:
    bare = facts - {span.target_uuid for span in spans if span.kind == "fact"}
    if bare:
        raise DaybookError(
            f"{len(bare)} of {len(facts)} facts of episode {episode.uuid} have no evidence in the text",
            hint="an answer must name the words it stands on",
        )


async def _write_spans(store: GraphStore, episode: Episode, spans: Sequence[_Span]) -> None:
    for place, span in enumerate(spans):
        uuid = derived_uuid(episode.uuid, "span", place)
        if span.kind == "ending":
            uuid = ending_uuid(episode.uuid, span.start, span.end, span.ender, span.target_uuid)
        await store.rows(
            "CREATE (:Span {uuid: $uuid, target_uuid: $target, episode_uuid: $episode, kind: $kind,"
            " start: $start, `end`: $stop, words: $words})",
            uuid=uuid,
            target=span.target_uuid,
            episode=episode.uuid,
            kind=span.kind,
            start=span.start,
            stop=span.end,
            words=span.words,
        )


async def _write_attributes(store: GraphStore, resolution: Resolution, grounding: Grounding) -> None:
    """A fact that was known keeps what it has; of two answers that became one fact the first counts."""
    known = {(comparable(f.source), comparable(f.target), comparable(f.fact)): f for f in reversed(grounding.facts)}
    for key, uuid in resolution.facts:
        if key in known and known[key].attributes:
            await store.rows(
                "MATCH (e:RelatesToNode_ {uuid: $uuid}) WHERE e.attributes IN ['{}', ''] OR e.attributes IS NULL"
                " SET e.attributes = $attributes",
                uuid=uuid,
                attributes=json.dumps(known[key].attributes),
            )


async def _write_outcome(store: GraphStore, episode: Episode, outcome: EpisodeOutcome) -> None:
    await store.rows(
        "CREATE (:Outcome {episode_uuid: $episode, entities: $entities, facts: $facts, invalidated: $invalidated})",
        episode=episode.uuid,
        entities=outcome.entities,
        facts=outcome.facts,
        invalidated=outcome.invalidated,
    )
