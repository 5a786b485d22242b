"""Evidence recall@10 of our retrieval beside plain vector search, on QMSum: `python -m benchmarks.recall DIR`.

Knows QMSum's files and our retrieval; asks no language model. In: the folder with dev.jsonl.gz.  Out: a table.

A passage is a turn of a meeting, its gold evidence the turns that QMSum marks for a question. Recall@10 is the share of
the gold turns among the first ten, of as many as ten could hold. There are no facts, so this measures words and meaning
fused with what stands around them, and not the graph.
"""

import argparse
import asyncio
import gzip
import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.graph.recall import Passages, fuse, rank
from app.graph.words import FullText
from app.llm.embedder import QwenEmbedder
from app.llm.loader import load_embedder
from app.settings import BUNDLED_EMBEDDER

AT = 10
MOST_CHARS = 1000  # of a turn that are embedded, on every side: the bundled embedder reads 512 tokens
Ranking = Callable[[str, Sequence[float]], list[int]]


def recall_at(found: Sequence[int], gold: set[int]) -> float:
    """Of the gold turns, as many as `AT` can hold, the share that is found."""
    return len(gold & set(found[:AT])) / min(AT, len(gold))


def rankings(texts: list[str], vectors: Any) -> dict[str, Ranking]:
    """The ways that are compared; each orders turns for a question and its vector."""
    words = FullText(texts)
    ours = Passages(texts, vectors, [place > 0 for place in range(len(texts))])
    alone = Passages(texts, vectors, [False] * len(texts))

    def fused(passages: Passages) -> Ranking:
        def order(question: str, vector: Sequence[float]) -> list[int]:
            scores = fuse(passages.rankings(question, passages.meanings(vector)))
            return sorted(scores, key=lambda place: (-scores[place], place))

        return order

    return {
        "plain vector search": lambda _, vector: rank(vectors @ np.asarray(vector, np.float32), above=-2.0),
        "full text": lambda question, _: rank(words.scores(question)),
        "both, fused by rank": fused(alone),
        "ours: fused, with what stands around": fused(ours),
    }


async def measure(path: Path, embedder: QwenEmbedder) -> dict[str, list[float]]:
    """Recall of every question by the way of finding."""
    told: dict[str, list[float]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        meetings = [json.loads(line) for line in file]
    for meeting in meetings:
        texts = [f"{speaker}: {text}" for speaker, text in meeting["turns"]]
        vectors = np.array(await embedder.create_batch([text[:MOST_CHARS] for text in texts]), np.float32)
        ways = rankings(texts, vectors)
        for item in meeting["specific"]:
            gold = {turn for first, last in item["relevant_turns"] for turn in range(int(first), int(last) + 1)}
            gold &= set(range(len(texts)))
            if gold:
                vector = await embedder.embed_query(item["question"])
                for name, way in ways.items():
                    told.setdefault(name, []).append(recall_at(way(item["question"], vector), gold))
    return told


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", type=Path, help="QMSum as in the gold data: dev.jsonl.gz")
    parser.add_argument("--embedder", default=str(BUNDLED_EMBEDDER), help="an embedding model (default: bundled)")
    options = parser.parse_args()
    loaded = load_embedder(options.embedder, allow_download=False)
    told = asyncio.run(measure(options.folder / "dev.jsonl.gz", QwenEmbedder(loaded, 256)))
    print(f"QMSum dev, {len(next(iter(told.values())))} questions, embedder {loaded.name}")
    print("| found by | recall@10, mean | questions with any gold turn in ten |\n|---|---|---|")
    for name, values in told.items():
        print(f"| {name} | {statistics.mean(values):.3f} | {statistics.mean(v > 0 for v in values):.3f} |")


if __name__ == "__main__":
    main()
