"""Measure a model on gold: load the texts as a journal is loaded, into a home of their own, and compare what was read.

Knows every room; keeps nothing. In: a gold file and a model.  Out: an Evaluation.

What is measured is the whole journey: chunks, prompts with their grammars, resolution in a graph, evidence.
"""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from app.errors import GrammarGaveUp, PromptTooLong, Truncated
from app.graph.ingest import Episode, ingest_episode  # first: it silences graphiti
from app.graph.store import GraphStore
from app.journal.chunks import chunk_entry
from app.journal.types import Chunk, Entry
from app.ledger.records import episode_uuid
from app.ledger.store import Ledger
from app.measure.evaluation import Evaluation, PromptCost, calibration_of, figures_of
from app.measure.gold import GoldText, read_gold, spread
from app.measure.score import ReadFact, Reading, ReadMention, score
from app.pipeline import models as opener
from app.pipeline.fill import grounding, open_graph
from app.pipeline.models import Models
from app.pipeline.request import Progress, check_confidence, home_folder, prompts_folder
from app.pipeline.sizes import chunk_tokens, token_counter
from app.prompts.answers import GroundedFact
from app.prompts.library import JournalPrompts, graph_types
from app.prompts.programs import journal_programs
from app.settings import settings


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """What a person asked for; None means: as the settings say.

    home    whose compiled programs are used; it is not touched otherwise
    limit   that many texts at equal distances
    """

    gold: Path
    model: str | None = None
    embedder: str | None = None
    home: Path | None = None
    limit: int | None = None
    min_confidence: float | None = None

    def __post_init__(self) -> None:
        check_confidence(self.min_confidence)

    @property
    def model_name(self) -> str:
        return str(Path(self.model or settings.MLX_MODEL_NAME).expanduser())


@dataclass(slots=True)
class _Told:
    """What one text's chunks brought; facts with their places in the text."""

    episodes: dict[str, int] = field(default_factory=dict)  # uuid -> where the chunk begins in the text
    facts: list[tuple[GroundedFact, bool]] = field(default_factory=list)
    unread: int = 0


def evaluate(request: EvaluateRequest, progress: Progress) -> Evaluation:
    """Read the gold's texts and score what was read.

    raises  BadInput for the gold file or a program; ModelMissing, ModelDamaged
    """
    texts = spread(read_gold(request.gold), request.limit)
    programs = journal_programs(folder=prompts_folder(home_folder(request.home)))
    learnt = programs["extract_edges"].min_confidence
    least = learnt if request.min_confidence is None else request.min_confidence
    started = time.monotonic()
    with TemporaryDirectory(prefix="daybook-") as folder, Ledger.open(Path(folder) / "home") as ledger:
        models = opener.open_models(
            request.model_name, request.embedder or settings.MLX_EMBEDDER_NAME, ledger, progress.say
        )
        progress.say(models.about)
        progress.begin(len(texts))
        pairs: list[tuple[GoldText, Reading]] = []
        for number, world in enumerate(_worlds(texts)):
            prompts = JournalPrompts(owner=world[0].owner, programs=programs, min_confidence=least)
            pairs += asyncio.run(_read_world(Path(folder), f"w{number}", request, models, prompts, world))
            progress.advance(len(pairs), len(texts), world[-1].id)
        scores = score(pairs)
    loaded = models.client.engine.loaded
    return Evaluation(
        gold=str(request.gold),
        model=loaded.name,
        fingerprint=loaded.fingerprint[:16],
        texts=scores.texts,
        unread=scores.unread,
        min_confidence=least,
        figures=figures_of(scores),
        calibration=calibration_of(scores),
        prompts=tuple(
            PromptCost(name, cost.calls, cost.prompt_tokens, cost.cached_tokens, cost.answer_tokens, cost.seconds)
            for name, cost in sorted(models.stats.by_prompt.items())
        ),
        seconds=time.monotonic() - started,
    )


def _worlds(texts: Sequence[GoldText]) -> list[list[GoldText]]:
    """Texts that speak of the same people, by date: each lot is read into a graph of its own."""
    worlds: dict[str, list[GoldText]] = {}
    for text in texts:
        worlds.setdefault(text.world, []).append(text)
    return [sorted(world, key=lambda text: text.day) for world in worlds.values()]


async def _read_world(
    folder: Path, group: str, request: EvaluateRequest, models: Models, prompts: JournalPrompts, world: list[GoldText]
) -> list[tuple[GoldText, Reading]]:
    with open_graph(folder, group, models, prompts) as store:
        told = [await _read_text(store, prompts, request.model_name, text, order) for order, text in enumerate(world)]
        # Only now is it known who is who.
        return [(text, await _reading(store, text, one)) for text, one in zip(world, told, strict=True)]


async def _read_text(store: GraphStore, prompts: JournalPrompts, model: str, text: GoldText, order: int) -> _Told:
    told = _Told()
    entry = Entry(Path(f"{order}.txt"), text.day, text.text, 0, len(text.text))
    for chunk in chunk_entry(entry, max_tokens=chunk_tokens(model), count_tokens=token_counter(model)):
        uuid = episode_uuid(store.group, f"{order}/{chunk.chunk_id}")  # a text may stand twice in a set
        episode = Episode(uuid=uuid, name=text.id, text=chunk.text, date=text.day, order=chunk.index)
        told.episodes[uuid] = chunk.start
        prompts.facts = []
        try:
            told_by = partial(grounding, prompts, chunk.text)
            await ingest_episode(store, episode, told_by, entity_types=graph_types(prompts.types))
        except (GrammarGaveUp, PromptTooLong, Truncated):
            told.unread += 1
            continue
        told.facts += [(fact, _stands(fact, chunk, prompts.owner)) for fact in prompts.facts]
    return told


def _stands(fact: GroundedFact, chunk: Chunk, owner: str) -> bool:
    """Whether the sentence it points at names one of its ends, if only in part; the writer goes without a name."""
    words = set(re.findall(r"\w+", chunk.text[slice(*fact.span)]))
    ends = {fact.source, fact.target} - {owner}
    return any(words & set(re.findall(r"\w+", end)) for end in ends)


async def _reading(store: GraphStore, text: GoldText, told: _Told) -> Reading:
    rows = await store.rows(
        "MATCH (s:Span {kind: 'mention'}), (n:Entity {uuid: s.target_uuid}) WHERE s.episode_uuid IN $episodes"
        " RETURN s.episode_uuid AS episode, s.start AS start, s.`end` AS stop, n.uuid AS entity, n.labels AS labels",
        episodes=list(told.episodes),
    )
    mentions = []
    for row in rows:
        first = told.episodes[row["episode"]]
        start, end = first + row["start"], first + row["stop"]
        name = " ".join(text.text[start:end].split())
        kind = next((label for label in row["labels"] if label != "Entity"), "Thing")
        mentions.append(ReadMention(start, end, name, kind, row["entity"]))
    facts = tuple(
        ReadFact(
            fact.source, fact.target, fact.relation, fact.fact, fact.valid_at, fact.invalid_at, stands,
            fact.confidence, fact.sure.cut if fact.sure else None,
        )
        for fact, stands in told.facts
    )  # fmt: skip
    return Reading(tuple(mentions), facts, told.unread)
