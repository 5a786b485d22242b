"""What the benchmarks share: the machine in one line, diary entries, and one way to put them into a graph.

Knows the app and Graphiti; measures nothing itself. In: how much is wanted.  Out: entries, questions, a filled graph.
"""

import asyncio
import json
import os
import platform
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from time import perf_counter, process_time
from typing import Any
from xml.sax.saxutils import escape

import app.graph.quiet  # noqa: F401  # before graphiti

# isort: split
from graphiti_core.nodes import EpisodeType

from app.graph.store import GraphStore
from app.graph.unasked import UnaskedReranker
from app.journal.chunks import chunk_entry
from app.journal.reader import find_files, read_journal
from app.llm.blas import runs_on_cpu, serving
from app.llm.client import GraphitiLM
from app.llm.embedder import QwenEmbedder
from app.llm.engine import Engine, Question
from app.llm.loader import LoadedModel, load_embedder, load_generator
from app.llm.request import Completion, Request
from app.pipeline.runs import peak_memory
from app.pipeline.sizes import chunk_tokens, token_counter
from app.prompts.library import JournalPrompts, graph_types, take_call
from app.settings import BUNDLED_EMBEDDER, BUNDLED_MODEL, ROOT

OWNER = "The writer"
_PROMPT: ContextVar[str] = ContextVar("prompt")
SHARED = Path(os.environ.get("DAYBOOK_SHARED", ROOT.parent / "shared")) / "data"
PEPYS = SHARED / "diaries" / "raw" / "pepys_1662_06-07_markdown"
SAMPLES = ROOT / "data" / "journals"


def about(loaded: LoadedModel) -> str:
    """Machine, arithmetic, model and day."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    chips = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    chip = chips[0] if chips else platform.processor()
    load = f"load {os.getloadavg()[0]:.1f}"
    return f"{chip}, {os.cpu_count()} cores ({load}), {serving()}; {loaded.name} in {loaded.dtype}; {date.today()}"


def clock() -> float:
    """Seconds: of this process's CPU time, or of the wall where a GPU works."""
    return process_time() if runs_on_cpu() else perf_counter()


@dataclass(frozen=True)
class Text:
    """A chunk of a diary entry, as the app cuts it for the bundled model."""

    day: date
    text: str


def diary(limit: int) -> list[Text]:
    """The first `limit` chunks of Pepys, June and July 1662, or of the sample journals where he is not at hand."""
    paths = [PEPYS] if PEPYS.is_dir() else [SAMPLES]
    entries = [entry for path in find_files(paths) for entry in read_journal(path).entries]
    most, count = chunk_tokens(str(BUNDLED_MODEL)), token_counter(str(BUNDLED_MODEL))
    chunks = [
        Text(entry.date, chunk.text)
        for entry in sorted(entries, key=lambda entry: entry.date)
        for chunk in chunk_entry(entry, max_tokens=most, count_tokens=count)
    ]
    return chunks[:limit]


async def ingest(
    client: Any,
    embedder: QwenEmbedder,
    texts: Sequence[Text],
    *,
    ours: bool,
    after: Callable[[int, Any], None] = lambda _number, _result: None,
) -> None:
    """Put texts into a fresh graph; the client answers, with our prompts or Graphiti's stock ones."""
    prompts = JournalPrompts(owner=OWNER)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = stack.enter_context(
            GraphStore.open(
                home / "graph.kuzu",
                llm_client=client,
                embedder=embedder,
                cross_encoder=UnaskedReranker(),
                prompt_library=prompts.library() if ours else None,
                group="bench",
            )
        )
        before: list[str] = []
        for number, text in enumerate(texts):
            async with store.driver.transaction():
                result = await store.graphiti.add_episode(
                    name=text.day.isoformat(),
                    episode_body=text.text,
                    source_description="private journal",
                    reference_time=datetime.combine(text.day, time(), UTC),
                    source=EpisodeType.text,
                    group_id="bench",
                    entity_types=graph_types(prompts.types),
                    previous_episode_uuids=before[-2:] if ours else None,
                )
            before.append(result.episode.uuid)
            after(number, result)


@dataclass(frozen=True)
class Asked:
    """A question of a real ingestion, and the answer the model gave."""

    prompt: str
    request: Request
    answer: Completion


class Recorder(Engine):
    """An engine that keeps what it was asked, and by which prompt."""

    def __init__(self, loaded: LoadedModel, **levers: Any) -> None:
        super().__init__(loaded, **levers)
        self.asked: list[Asked] = []

    async def aanswer(self, question: Question) -> Completion:
        completion = await super().aanswer(question)
        self.asked.append(Asked(_PROMPT.get(), question.request, completion))
        return completion


class Named(GraphitiLM):
    """GraphitiLM that says which prompt asks."""

    async def generate_response(self, *messages: Any, **options: Any) -> dict[str, Any]:
        _PROMPT.set(options.get("prompt_name") or "unnamed")
        return await super().generate_response(*messages, **options)


def record(loaded: LoadedModel, limit: int) -> list[Asked]:
    """Every question that `limit` chunks of diary lead to, and what the model answered."""
    engine = Recorder(loaded)
    client = Named(None, loaded.tokenizer, engine=engine, specialise=take_call)
    asyncio.run(ingest(client, bundled_embedder(), diary(limit), ours=True))
    return engine.asked


def bundled() -> LoadedModel:
    return load_generator(BUNDLED_MODEL)


def bundled_embedder() -> QwenEmbedder:
    return QwenEmbedder(load_embedder(BUNDLED_EMBEDDER), 256)


def peak_megabytes() -> float:
    """The most this process ever held."""
    return peak_memory() / 1e6


def bars(title: str, rows: dict[str, float], unit: str) -> str:
    """An SVG with a bar a row, longest first as given; readable on white and on black."""
    most, lines = max(rows.values()), []
    for place, (name, value) in enumerate(rows.items()):
        y, width = 40 + 28 * place, 330 * value / most
        lines.append(f'<text x="230" y="{y + 14}" text-anchor="end">{escape(name)}</text>')
        lines.append(f'<rect x="240" y="{y}" width="{width:.1f}" height="20" fill="#5b8def"/>')
        lines.append(f'<text x="{246 + width:.1f}" y="{y + 14}">{value:.2f} {escape(unit)}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="700" height="{50 + 28 * len(rows)}" '
    style = 'font-family="sans-serif" font-size="13" fill="#808080">'
    return "\n".join([head + style, f'<text x="10" y="22" font-size="15">{escape(title)}</text>', *lines, "</svg>", ""])


def exact_json(text: str) -> Any:
    """JSON with its numbers as decimals, as it writes them: in binary fractions 20241577.33 is no multiple of 0.01."""
    return json.loads(text, parse_float=_exact_number)


def _exact_number(text: str) -> Decimal | float:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of twenty digits
        return float(text)
