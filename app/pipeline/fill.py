"""Put waiting chunks into the graph, one transaction each.

Knows the graph, the prompts and the ledger; reads no files. In: pending chunks.  Out: their states in the ledger.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from app.errors import GrammarGaveUp, PromptTooLong, Truncated
from app.graph.ingest import Episode, GroundedFact, Grounding, Mention, ingest_episode  # first: it silences graphiti
from app.graph.query import counts
from app.graph.store import GraphStore
from app.journal.types import OffsetMap
from app.ledger.records import PlannedChunk
from app.ledger.store import Ledger
from app.pipeline import decisions
from app.pipeline import models as opener
from app.pipeline.audit import count
from app.pipeline.forecasting import Foretold, chunk_sizes
from app.pipeline.models import Models
from app.pipeline.request import GRAPH_NAME, LoadReport, LoadRequest, Progress, prompts_folder
from app.pipeline.runs import RunLog, Sample, peak_memory
from app.pipeline.waiting import when_there_is_room
from app.prompts.library import JournalPrompts, graph_types
from app.prompts.names import find_mentions
from app.prompts.programs import journal_programs


def fill(
    request: LoadRequest,
    progress: Progress,
    ledger: Ledger,
    pending: Sequence[PlannedChunk],
    report: LoadReport,
) -> None:
    """Read the pending chunks in, and add to the report what the graph then holds.

    raises  ModelMissing, ModelDamaged, StorageFailed, HomeBusy
    """
    started = time.monotonic()
    models: Models
    if request.open_models is not None:
        models = request.open_models(ledger)
    else:
        models = opener.open_models(request.model_name, request.embedder_name, ledger, progress.say)
    progress.say(models.about)
    sizes = chunk_sizes((chunk.text for chunk in pending), request.model_name)
    waiting = len({chunk.entry_id for chunk in pending})
    foretold = Foretold(request, ledger, sizes, waiting, models.guess(), report)
    progress.say(foretold.line)
    start_seconds = time.monotonic() - started
    try:
        ledger.uses.begin(request.group_name)
        log = asyncio.run(_fill(request, progress, ledger, models, pending, report))
    finally:
        ledger.uses.end()
        models.keep()  # an interrupted run has measured something, too
    total = models.stats.total()
    report.replayed_calls += total.replayed
    report.model_calls += total.calls - total.replayed
    report.prompt_tokens += total.prompt_tokens
    report.cached_tokens += total.cached_tokens
    report.answer_tokens += total.answer_tokens
    report.forward_passes += total.forward_passes
    report.seconds_of_model += total.seconds
    foretold.learn(start_seconds, time.monotonic() - started, models.peak(), log.seconds_of_chunks())


async def _fill(
    request: LoadRequest,
    progress: Progress,
    ledger: Ledger,
    models: Models,
    pending: Sequence[PlannedChunk],
    report: LoadReport,
) -> RunLog:
    programs = journal_programs(folder=prompts_folder(request.home_folder))
    prompts = JournalPrompts(owner=request.owner_name, programs=programs, min_confidence=request.min_confidence)
    with open_graph(request.home_folder, request.group_name, models, prompts) as store:
        total = len({chunk.entry_id for chunk in pending})
        progress.begin(total)
        done, log = 0, RunLog(models.client.model, total)
        try:
            for number, planned in enumerate(pending, 1):
                progress.advance(done, total, planned.date.isoformat())
                await _read_in(progress, ledger, store, prompts, planned)
                done += planned.index == planned.count - 1
                log.samples.append(await _sample(log.seconds, done, number, models, store))
        finally:
            log.write(request.home_folder)
        progress.advance(done, total, "")
        await decisions.apply(store, ledger)
        await count(store, report)
    return log


async def _sample(seconds: float, entries: int, chunks: int, models: Models, store: GraphStore) -> Sample:
    """Where the run stands now."""
    spent, held = models.stats.total(), await counts(store)
    return Sample(
        seconds=seconds,
        entries=entries,
        chunks=chunks,
        calls=spent.calls,
        replayed=spent.replayed,
        prompt_tokens=spent.prompt_tokens,
        cached_tokens=spent.cached_tokens,
        answer_tokens=spent.answer_tokens,
        model_seconds=spent.seconds,
        memory=peak_memory(),
        entities=held.entities,
        facts=held.facts,
    )


async def _read_in(
    progress: Progress,
    ledger: Ledger,
    store: GraphStore,
    prompts: JournalPrompts,
    planned: PlannedChunk,
) -> None:
    """One chunk ends done, empty, or quarantined with a reason that quotes nothing of the journal."""
    # What is read depends on what the graph shows: the decisions made before this chunk was first read, and no others.
    place = ledger.begin(planned.episode_uuid)
    await decisions.apply(store, ledger, before=place)
    episode = Episode(
        uuid=planned.episode_uuid,
        name=f"{planned.date.isoformat()} {planned.index + 1}/{planned.count}",
        text=planned.text,
        date=planned.date,
        order=planned.order,
    )

    def grounded() -> Grounding:
        ledger.uses.write()  # the graph commits next: what it stands on must not be swept
        return grounding(prompts, planned.text, planned.offsets)

    try:
        outcome = await when_there_is_room(
            lambda: ingest_episode(store, episode, grounded, entity_types=graph_types(prompts.types)),
            progress.say,
        )
    except (GrammarGaveUp, PromptTooLong, Truncated) as error:
        ledger.finish(planned.episode_uuid, "quarantined", f"{planned.date}: {error.message}")
        return
    ledger.finish(planned.episode_uuid, "empty" if outcome.empty else "done")


def grounding(prompts: JournalPrompts, text: str, offsets: OffsetMap | None = None) -> Grounding:
    """What the prompts remember of this episode's answers, in characters of the file after the chunk's first.

    The ledger knows where the chunk stands today, so text that moves inside its file, or with it, keeps its evidence.
    """

    def placed(start: int, end: int) -> tuple[int, int, str]:
        if offsets is None:
            return start, end, text[start:end]
        first = offsets.to_file(0)
        return offsets.to_file(start) - first, offsets.to_file(end) - first, text[start:end]

    return Grounding(
        facts=[
            GroundedFact(
                fact.source, fact.target, fact.fact, *placed(*fact.span), asdict(fact.sure) if fact.sure else {}
            )
            for fact in prompts.facts
        ],
        mentions=[
            Mention(name, *placed(start, end)) for name in prompts.names for start, end in find_mentions(text, name)
        ],
    )


def open_graph(home: Path, group: str, models: Models, prompts: JournalPrompts) -> GraphStore:
    """The graph of a home, with everything Graphiti needs handed in."""
    return GraphStore.open(
        home / GRAPH_NAME,
        llm_client=models.client,
        embedder=models.embedder,
        cross_encoder=models.reranker,
        prompt_library=prompts.library(),
        group=group,
    )
