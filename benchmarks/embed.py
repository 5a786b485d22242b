"""Embeddings: how fast, and whether texts of equal length may share a pass bit for bit: `python -m benchmarks.embed`.

Knows the embedder. In: sentences of diary.  Out: texts a second, and how many vectors of a shared pass differ.
"""

import argparse
from collections import defaultdict

import numpy as np

from app.journal.sentences import split_sentences
from app.llm.blas import mx
from app.llm.embedder import QwenEmbedder, pool_last_token
from app.llm.mlx_thread import run_mlx
from benchmarks.common import about, bundled_embedder, clock, diary

MOST_SHARED = 16  # texts of one pass


def vectors(embedder: QwenEmbedder, batch: list[list[int]]) -> list[bytes]:
    """Those of texts of equal length, in one pass without padding or mask."""
    hidden = embedder.loaded.model.model(mx.array(batch))
    return [np.array(pool_last_token(hidden[row : row + 1], embedder.dim)).tobytes() for row in range(len(batch))]


def main() -> None:
    """Each text alone, then equal lengths together; then a text that is asked for again."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--chunks", type=int, default=60)
    embedder = bundled_embedder()
    found = {text.text[a:b] for text in diary(parser.parse_args().chunks) for a, b in split_sentences(text.text)}
    texts = sorted(found)
    by_length: dict[int, list[list[int]]] = defaultdict(list)
    for text in texts:
        by_length[len(embedder._ids(text))].append(embedder._ids(text))
    lists = by_length.values()
    shared = [ids[start : start + MOST_SHARED] for ids in lists for start in range(0, len(ids), MOST_SHARED)]
    single = [[ids] for batch in shared for ids in batch]
    run_mlx(lambda: [vectors(embedder, batch) for batch in shared[:3]])
    started = clock()
    alone = run_mlx(lambda: [vector for batch in single for vector in vectors(embedder, batch)])
    seconds_alone = clock() - started
    started = clock()
    together = run_mlx(lambda: [vector for batch in shared for vector in vectors(embedder, batch)])
    seconds_together = clock() - started
    embedder.embed(texts)
    started = clock()
    embedder.embed(texts)
    seconds_again = clock() - started
    differ = sum(one != other for one, other in zip(alone, together, strict=True))
    print(about(embedder.loaded))
    print(f"{len(texts):,} sentences, {sum(len(ids) for [ids] in single) / len(texts):.0f} tokens on average\n")
    print("| how | texts a CPU second | vectors that differ from the text alone |\n|---|---|---|")
    print(f"| each alone | {len(texts) / seconds_alone:,.0f} | 0 |")
    print(f"| equal lengths share a pass | {len(texts) / seconds_together:,.0f} | {differ:,} |")
    print(f"| asked for again | {len(texts) / seconds_again:,.0f} | 0 |")


if __name__ == "__main__":
    main()
