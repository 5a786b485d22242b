"""Time and memory per entry as the graph grows: `python -m benchmarks.scale [--entries 2000] [--home FOLDER]`.

Knows the app's load; a script stands for the language model. In: an invented life.  Out: ten rows, kept in a file.

What is real: reading, planning, ledger, Graphiti, its searches, the embedded database, the embedder, its vectors, and
the building of prompts and schemas. What is replaced: the language model with its tokenizer and grammars. The script
answers at once what the entry says ("Nadia works at Helios." states one fact), so that 2,000 entries take minutes;
`benchmarks.ingest` measures the model, `benchmarks.reuse` the memory of its caches. With --home the run is kept there:
stop it whenever you like, the same command goes on where it stopped.
"""

import argparse
import contextlib
import json
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import app.llm.mkl  # noqa: F401  # before anything that brings mlx in

# isort: split
from app.ledger.store import Ledger
from app.llm.calls import CallStats
from app.llm.client import GraphitiLM
from app.llm.reranker import EmbeddingReranker
from app.pipeline import models
from app.pipeline.embedding import open_embedder
from app.pipeline.load import load_journals
from app.pipeline.request import LoadRequest
from app.pipeline.runs import read_run
from app.prompts.library import take_call
from benchmarks.common import about, bundled, peak_megabytes
from benchmarks.forecast import Silent
from tests.pipeline.scripted import OWNER, ScriptedEngine

ROWS = 10
VERBS = ("works at", "met", "lives in", "likes", "visited")
NAMES = ("Nadia", "Viktor", "Marta", "Ossip", "Lena", "Jonas", "Ruth", "Emil", "Tilda", "Bruno")
PLACES = ("Helios", "Ghent", "Orion", "Lodz", "Vesta", "Malmo", "Corvus", "Turku", "Lyra", "Basel")


def life(entries: int) -> str:
    """A diary of one short entry a day; a new person comes about every fourth day."""
    rng, lines, day = random.Random(0), [], date(2000, 1, 1)
    for number in range(entries):
        people = 10 + number // 4
        who = [
            f"{NAMES[person % 10]}{chr(97 + person // 10 % 26)}{chr(97 + person // 260)}" for person in range(people)
        ]
        said = [f"{rng.choice(who)} {rng.choice(VERBS)} {rng.choice(PLACES)}." for _ in range(2)]
        lines.append(f"{day + timedelta(days=number)}\n\n{' '.join(said)}\n")
    return "\n".join(lines)


@contextlib.contextmanager
def scripted() -> Iterator[None]:
    """Loads answered by the script, with the real embedder."""

    def open_scripted(model: str, embedder: str, ledger: Ledger, say: object = None) -> models.Models:  # noqa: ARG001
        vectors = open_embedder(embedder, ledger)
        stats, engine = CallStats(), ScriptedEngine()
        client = GraphitiLM(None, None, engine=engine, specialise=take_call, stats=stats)  # type: ignore[arg-type]
        return models.Models(client, vectors, EmbeddingReranker(vectors), stats, "a script")

    real, models.open_models = models.open_models, open_scripted
    try:
        yield
    finally:
        models.open_models = real


def main() -> None:
    """One table, kept as scale.json in the home."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--entries", type=int, default=2000)
    parser.add_argument("--home", type=Path, help="keep the graph there, and go on from what it holds")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        stack.enter_context(scripted())
        home = options.home or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home.mkdir(parents=True, exist_ok=True)
        diary, kept = home / "life.txt", home / "scale.json"
        diary.write_text(life(options.entries), encoding="utf-8")
        rows = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else []
        print(f"{about(bundled())}, which a script replaces\n")
        print("| entries | entities | facts | CPU ms an entry | ms an entry | peak memory, MB |")
        print("|---|---|---|---|---|---|")
        step = max(options.entries // ROWS, 1)
        for limit in range(step, options.entries + 1, step):
            known = next((row for row in rows if row["entries"] == limit), None)
            if known is None:
                cpu, wall = time.process_time(), time.monotonic()
                report = load_journals(LoadRequest(paths=[diary], home=home, owner=OWNER, limit=limit), Silent())
                each = 1000 / len(read_run(home).samples)
                known = {
                    "entries": limit,
                    "entities": report.entities,
                    "facts": report.facts,
                    "cpu_ms": (time.process_time() - cpu) * each,
                    "ms": (time.monotonic() - wall) * each,
                    "peak_mb": peak_megabytes(),
                }
                rows.append(known)
                kept.write_text(json.dumps(rows), encoding="utf-8")
            figures = (known[name] for name in ("entities", "facts", "cpu_ms", "ms", "peak_mb"))
            print(f"| {limit:,} | {' | '.join(f'{figure:,.0f}' for figure in figures)} |", flush=True)


if __name__ == "__main__":
    main()
