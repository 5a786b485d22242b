"""An endless stream of training batches: examples of one task with the rules they share.

Knows tokens and padding; knows no weights. In: seeds.  Out: Batches, the same for the same seed.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from app.prompts.adapter import dump_answer
from training.made.journal import make_journal
from training.tasks import Example, examples

BATCH_TOKENS = 4096  # of the variable part, padding included
# Of what a fact says in words of its own: half of the loss on facts lay there, and none of what makes a fact right.
RETOLD_WEIGHT = 0.2
MAX_EXAMPLE_TOKENS = 1700
COPY_SEED = 7
# Share of each task's examples that is used: the short answers are learnt soon, finding entities and facts is not.
KEPT = {
    "entities": 1.0,
    "edges": 1.0,
    "resolve": 0.8,
    "resolution": 0.6,
    "summaries": 0.2,
    "answer": 0.5,
    "timestamps": 0.2,
}
_FACT = re.compile(r'"fact": "((?:[^"\\]|\\.)+)"')
POOL = 48  # examples of a task gathered before they are sorted by length: less padding


@dataclass(frozen=True, slots=True)
class Batch:
    """prefix (P,) shared by all rows; ids (B, T) right-padded; weights (B, T) of predicting the token at t."""

    task: str
    prefix: Tensor
    ids: Tensor
    weights: Tensor


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of one example, and how much each token of the answer counts: nothing where the grammar gives it."""

    prefix: tuple[int, ...]
    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    weights: tuple[float, ...]

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.answer)


class ExampleEncoder:
    """ChatML around the contents, each content encoded as plain text, as the app's own client does it."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        self._control = {t: tokenizer.convert_tokens_to_ids(t) for t in ("<|im_start|>", "<|im_end|>")}
        self._prefixes: dict[str, tuple[int, ...]] = {}

    def encode(self, example: Example) -> Encoded:
        start, end = self._control["<|im_start|>"], self._control["<|im_end|>"]
        if example.system not in self._prefixes:
            head = [start, *self._plain("system\n"), *self._plain(example.system), end, *self._plain("\n")]
            self._prefixes[example.system] = (*head, start, *self._plain("user\n"))
        prompt = (*self._plain(example.user), end, *self._plain("\n"), start, *self._plain("assistant\n"))
        ids = self._tokenizer(
            example.answer, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True
        )
        weights = [1.0] * len(example.answer)  # by character
        for weight, spans in ((0.0, read_aloud(example)), (RETOLD_WEIGHT, retold(example))):
            for first, last in spans:
                weights[first:last] = [weight] * (last - first)
        # A token that begins in a line and ends behind it decides whether the line's list is empty.
        counted = [max(weights[first:last]) for first, last in ids["offset_mapping"]]
        return Encoded(self._prefixes[example.system], prompt, (*ids["input_ids"], end), (*counted, 1.0))

    def _plain(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        return ids


def read_aloud(example: Example) -> Iterator[tuple[int, int]]:
    """Half-open spans of the lines that the grammar makes an answer repeat: at run time nobody asks for them."""
    place = 0
    for field in example.schema["properties"].values():
        for line in field.get("required", []):
            place = example.answer.index(quoted := dump_answer(line), place) + len(quoted)
            yield place - len(quoted) + 1, place


def retold(example: Example) -> Iterator[tuple[int, int]]:
    """Half-open spans of the sentences that facts are told in."""
    for found in _FACT.finditer(example.answer):
        yield found.span(1)


def journals_examples(first_seed: int, *, held_out: bool = False) -> Iterator[Example]:
    """Examples of one made journal after another, for ever."""
    seed = first_seed
    while True:
        yield from examples(make_journal(seed, held_out=held_out), random.Random(seed))
        seed += 1


def batches(tokenizer: PreTrainedTokenizerFast, first_seed: int, prompt_weight: float) -> Iterator[Batch]:
    """Gather examples by task until a pool is full, then emit it in batches of similar length, shuffled."""
    encoder, rng = ExampleEncoder(tokenizer), random.Random(first_seed)
    pools: dict[str, list[Encoded]] = defaultdict(list)
    for example in journals_examples(first_seed):
        if rng.random() > KEPT[example.task]:
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
    width = max(encoded.length for encoded in row)
    ids = torch.zeros(len(row), width, dtype=torch.long)
    weights = torch.zeros(len(row), width)
    for i, encoded in enumerate(row):
        ids[i, : encoded.length] = torch.tensor(encoded.prompt + encoded.answer)
        weights[i, : len(encoded.prompt)] = prompt_weight
        weights[i, len(encoded.prompt) : encoded.length] = torch.tensor(encoded.weights)
    return Batch(task, torch.tensor(row[0].prefix), ids, weights)
