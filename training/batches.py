"""An endless stream of training batches: examples of one task with the rules they share.

Knows tokens and padding; knows no weights. In: seeds.  Out: Batches, the same for the same seed.
"""

import itertools
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from training.drills import with_drills
from training.encoding import MAX_EXAMPLE_TOKENS, Encoded, ExampleEncoder
from training.made.journal import make_journal
from training.tasks import Example, examples

BATCH_TOKENS = 4096  # of the variable part, padding included
COPY_SEED = 7
# Share of each task's examples that is used: the short answers are learnt soon, finding entities and facts is not.
KEPT = {
    "entities": 0.9,
    "edges": 0.3,
    "drill": 0.8,
    "resolve": 0.6,
    "resolution": 0.4,
    "summaries": 0.1,
    "answer": 0.25,
    "timestamps": 0.1,
}
# For hours of practice before the last run: of the rest only so much that it is not forgotten.
KEPT_IN_SHORT = {
    "entities": 0.4,
    "edges": 0.15,
    "drill": 1.0,
    "resolve": 0.2,
    "resolution": 0.15,
    "summaries": 0.05,
    "answer": 0.15,
    "timestamps": 0.05,
}
WIDTH_STEP = 32  # fewer shapes: oneDNN keeps a prepared product for each, and memory grew by gigabytes an hour
POOL = 48  # examples of a task gathered before they are sorted by length: less padding


@dataclass(frozen=True, slots=True)
class Batch:
    """prefix (P,) shared by all rows; ids (B, T) right-padded; weights (B, T) of predicting the token at t."""

    task: str
    prefix: Tensor
    ids: Tensor
    weights: Tensor


def journals_examples(first_seed: int, *, held_out: bool = False) -> Iterator[Example]:
    """Examples of one made journal after another, for ever."""
    for seed in itertools.count(first_seed):
        yield from examples(make_journal(seed, held_out=held_out), random.Random(seed))


def batches(
    tokenizer: PreTrainedTokenizerFast, first_seed: int, prompt_weight: float, kept: dict[str, float]
) -> Iterator[Batch]:
    """Gather examples by task until a pool is full, then emit it in batches of similar length, shuffled.

    kept    task -> share of its examples that is used
    """
    encoder, rng = ExampleEncoder(tokenizer), random.Random(first_seed)
    pools: dict[str, list[Encoded]] = defaultdict(list)
    for example in with_drills(journals_examples(first_seed)):
        if rng.random() > kept[example.task]:
            continue
        encoded = encoder.encode(example)
        if encoded.length > MAX_EXAMPLE_TOKENS:
            continue
        pool = pools[example.task]
        pool.append(encoded)
        if len(pool) == POOL:
            rows = list(_split(sorted(pool, key=lambda e: e.length)))
            rng.shuffle(rows)
            for row in rows:
                yield _collate(example.task, row, prompt_weight)
            pool.clear()


def copy_batches(vocab_size: int, count: int) -> Iterator[Batch]:
    """Random tokens and the same again: whoever predicts the second half has learnt to look up and copy."""
    generator = torch.Generator().manual_seed(COPY_SEED)
    for _ in range(count):
        half = int(torch.randint(16, 40, (1,), generator=generator))
        first = torch.randint(64, vocab_size, (BATCH_TOKENS // (2 * half) // 2, half), generator=generator)
        weights = torch.ones(first.shape[0], 2 * half)
        weights[:, : half + 1] = 0.0
        yield Batch("copy", torch.tensor([1]), torch.cat([first, first], dim=1), weights)


def _split(pool: list[Encoded]) -> Iterator[list[Encoded]]:
    row: list[Encoded] = []
    for encoded in pool:  # sorted: the last is the longest
        if row and encoded.length * (len(row) + 1) > BATCH_TOKENS:
            yield row
            row = []
        row.append(encoded)
    yield row


def _collate(task: str, row: list[Encoded], prompt_weight: float) -> Batch:
    width = -(-max(encoded.length for encoded in row) // WIDTH_STEP) * WIDTH_STEP
    ids = torch.zeros(len(row), width, dtype=torch.long)
    weights = torch.zeros(len(row), width)
    for i, encoded in enumerate(row):
        ids[i, : encoded.length] = torch.tensor(encoded.prompt + encoded.answer)
        weights[i, : len(encoded.prompt)] = prompt_weight
        weights[i, len(encoded.prompt) : encoded.length] = torch.tensor(encoded.weights)
    return Batch(task, torch.tensor(row[0].prefix), ids, weights)
