"""The main job: read, plan, extract, store, so that a run stopped at any instant is finished by the next one.

Knows every room; does the work of none. In: a request from a door.  Out: a report, or a DaybookError.
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Protocol

from app.errors import PromptTooLong, Truncated
from app.graph.ingest import Episode, GroundedFact, Grounding, Mention, ingest_episode  # first: it silences graphiti
from app.graph.query import counts as graph_counts
from app.graph.remove import remove_episode
from app.graph.store import GraphStore
from app.journal.types import Chunk, Entry
from app.ledger.records import PlannedChunk
from app.ledger.store import Ledger
from app.pipeline.models import Models, chunk_tokens, describe, open_models, token_counter
from app.pipeline.reading import DateFrom, ReadFiles, read_files
from app.prompts.inputs import find_mentions
from app.prompts.library import JournalPrompts, graph_types
from app.settings import ROOT, settings

GRAPH_NAME = "graph.kuzu"
SAMPLE_JOURNALS = ROOT / "data" / "journals"


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What a person asked for; None means: as the settings say."""

    paths: list[Path]
    model: str | None = None
    embedder: str | None = None
    home: Path | None = None
    group: str | None = None
    owner: str | None = None
    since: date | None = None
    until: date | None = None
    limit: int | None = None
    date_from: DateFrom = "heading"
    dry_run: bool = False


@dataclass(slots=True)
class LoadReport:
    """What a run read and did. Law: chunks_planned == done + empty + quarantined + waiting."""

    files: int = 0
    refused: tuple[str, ...] = ()
    characters: int = 0
    entries: int = 0
    entries_new: int = 0
    entries_changed: int = 0
    chunks_planned: int = 0
    chunks_done: int = 0
    chunks_empty: int = 0
    chunks_quarantined: int = 0
    chunks_waiting: int = 0
    entities: int = 0
    facts: int = 0
    facts_ended: int = 0
    model_calls: int = 0
    replayed_calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    answer_tokens: int = 0
    forward_passes: int = 0
    seconds: float = 0.0
    seconds_of_model: float = 0.0
    dry_run: bool = False

    @property
    def exit_code(self) -> int:
        """2 if a file was put aside, 1 if a chunk was; 0 if all went in."""
        return 2 if self.refused else 1 if self.chunks_quarantined else 0


class Progress(Protocol):
    """What a door shows while a run works."""

    def say(self, line: str) -> None: ...
    def begin(self, entries: int) -> None: ...
    def advance(self, done: int, total: int, day: str) -> None: ...


@dataclass(slots=True)
class _Run:
    """One load: the request with every default filled in, and the report as it grows."""

    request: LoadRequest
    progress: Progress
    report: LoadReport = field(default_factory=LoadReport)

    @property
    def model(self) -> str:
        return self.request.model or settings.MLX_MODEL_NAME

    @property
    def group(self) -> str:
        return self.request.group or settings.DAYBOOK_GROUP

    @property
    def home(self) -> Path:
        return (self.request.home or settings.DAYBOOK_HOME).expanduser()


def load_journals(request: LoadRequest, progress: Progress) -> LoadReport:
    """Read, plan, extract, store: the whole journey of a journal.

    raises  BadInput for paths, models or settings; StorageFailed; HomeBusy
    """
    started = time.monotonic()
    run = _Run(request, progress)
    read = read_files(
        request.paths or [SAMPLE_JOURNALS],
        date_from=request.date_from,
        chunk_tokens=chunk_tokens(run.model),
        count_tokens=token_counter(run.model),
    )
    entries = read.entries(request.since, request.until, request.limit)
    for line in read.refused:
        progress.say(f"put aside: {line}")
    _report_reading(run.report, read, entries)
    if request.dry_run:
        _report_plan(run, read, entries)
    else:
        with Ledger.open(run.home) as ledger:
            _load(run, read, entries, ledger)
    run.report.seconds = time.monotonic() - started
    return run.report


def _load(run: _Run, read: ReadFiles, entries: dict[str, Entry], ledger: Ledger) -> None:
    gone = [path for path in ledger.known_files(run.group) if not path.exists()]
    plan = ledger.plan(run.group, read.readings, gone_files=gone)
    run.report.entries_new = len(set(plan.new) & entries.keys())
    run.report.entries_changed = len(plan.superseded)
    _requeue_lost(run, ledger)
    pending = [chunk for chunk in ledger.pending_chunks(run.group) if chunk.entry_id in entries]
    stale = [episode for episode in ledger.stale_episodes(run.group) if episode.entry_state == "superseded"]
    if plan.gone:
        run.progress.say(f"{len(plan.gone)} entries stand in no file any more; the graph keeps them")
    if pending or stale:
        models = open_models(run.model, run.request.embedder or settings.MLX_EMBEDDER_NAME, ledger)
        run.progress.say(describe(models.client.engine.loaded))
        asyncio.run(_ingest(run, ledger, models, entries, pending))
        _report_calls(run.report, models)
    _report_chunks(run.report, ledger, run.group, entries)


def _requeue_lost(run: _Run, ledger: Ledger) -> None:
    """Send back to the queue what the ledger calls finished and the graph does not hold.

    A kill loses nothing, but a power cut may take the graph's last commits, and a person may delete the file.
    """
    finished = sorted(ledger.finished_episodes(run.group, "done") | ledger.finished_episodes(run.group, "empty"))
    if not finished:
        return

    async def missing() -> list[str]:
        with GraphStore.open_for_reading(run.home / GRAPH_NAME, embedder=None, group=run.group) as store:
            return await store.missing_episodes(finished)

    lost = asyncio.run(missing())
    for uuid in lost:
        ledger.finish(uuid, "planned")
    if lost:
        run.progress.say(f"the graph lacks {len(lost)} finished chunks; they are put in again from the ledger")


async def _ingest(
    run: _Run, ledger: Ledger, models: Models, entries: dict[str, Entry], pending: list[PlannedChunk]
) -> None:
    prompts = JournalPrompts(owner=run.request.owner or settings.DAYBOOK_OWNER)
    with open_graph(run.home, run.group, models, prompts) as store:
        for episode in ledger.stale_episodes(run.group):
            if episode.entry_state == "superseded":
                await remove_episode(store, episode.episode_uuid)
                ledger.drop_entry(run.group, episode.entry_id)
        total = len({chunk.entry_id for chunk in pending})
        run.progress.begin(total)
        done: set[str] = set()
        for planned in pending:
            run.progress.advance(len(done), total, planned.date.isoformat())
            chunk = Chunk(entries[planned.entry_id], planned.index, planned.count, planned.start, planned.end)
            await _ingest_chunk(ledger, store, prompts, planned, chunk)
            if planned.index == planned.count - 1:
                done.add(planned.entry_id)
        run.progress.advance(len(done), total, "")
        held = await graph_counts(store)
        run.report.entities, run.report.facts, run.report.facts_ended = held.entities, held.facts, held.ended


async def _ingest_chunk(
    ledger: Ledger, store: GraphStore, prompts: JournalPrompts, planned: PlannedChunk, chunk: Chunk
) -> None:
    """One chunk ends done, empty, or quarantined with a reason that quotes nothing of the journal."""
    episode = Episode(
        uuid=planned.episode_uuid,
        name=f"{planned.date.isoformat()} {planned.index + 1}/{planned.count}",
        text=chunk.text,
        date=planned.date,
        order=planned.order,
    )
    try:
        outcome = await ingest_episode(
            store, episode, lambda: _grounding(prompts, chunk), entity_types=graph_types(prompts.types)
        )
    except (PromptTooLong, Truncated) as error:
        ledger.finish(planned.episode_uuid, "quarantined", str(error))
        return
    ledger.finish(planned.episode_uuid, "empty" if outcome.empty else "done")


def _grounding(prompts: JournalPrompts, chunk: Chunk) -> Grounding:
    """What the prompts remember of this episode's answers, in characters of the file after the chunk's first.

    The ledger knows where the chunk stands today, so text that moves inside its file, or with it, keeps its evidence.
    """
    text, (first, _) = chunk.text, chunk.file_span(0, 0)

    def placed(start: int, end: int) -> tuple[int, int, str]:
        file_start, file_end = chunk.file_span(start, end)
        return file_start - first, file_end - first, text[start:end]

    return Grounding(
        facts=[GroundedFact(fact.source, fact.target, fact.fact, *placed(*fact.span)) for fact in prompts.facts],
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


def _report_reading(report: LoadReport, read: ReadFiles, entries: dict[str, Entry]) -> None:
    report.files, report.refused, report.characters = len(read.readings), read.refused, read.chars
    report.entries = len(entries)


def _report_plan(run: _Run, read: ReadFiles, entries: dict[str, Entry]) -> None:
    """What a load would do, counted without a model and without a ledger."""
    count = token_counter(run.model)
    chosen = {chunk.chunk_id: chunk for r in read.readings for chunk in r.chunks if chunk.entry.entry_id in entries}
    run.report.dry_run = True
    run.report.entries_new = len(entries)
    run.report.chunks_planned = run.report.chunks_waiting = len(chosen)
    run.report.prompt_tokens = sum(count(chunk.text) for chunk in chosen.values())


def _report_chunks(report: LoadReport, ledger: Ledger, group: str, entries: dict[str, Entry]) -> None:
    states = ledger.chunk_states(group, entries.keys())
    report.chunks_planned = sum(states.values())
    report.chunks_done, report.chunks_empty = states["done"], states["empty"]
    report.chunks_quarantined, report.chunks_waiting = states["quarantined"], states["planned"]


def _report_calls(report: LoadReport, models: Models) -> None:
    total = models.stats.total()
    report.replayed_calls, report.model_calls = total.replayed, total.calls - total.replayed
    report.prompt_tokens, report.cached_tokens = total.prompt_tokens, total.cached_tokens
    report.answer_tokens, report.forward_passes = total.answer_tokens, total.forward_passes
    report.seconds_of_model = total.seconds
