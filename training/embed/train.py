"""Train daybook-nano-embed: `python -m training.embed.train --minutes 40`; again to go on, `--decay` for the last run.

Knows prepared shards and the student's weights. In: training/runs/embed.  Out: checkpoint.pt there and a line a minute.

A batch is many groups of texts, so it holds both near and far pairs. Two losses, at 64, 128 and 256 components each:
the cosine to the teacher's projected vector, and how far the batch's own cosines are from the teacher's full ones.
"""

import argparse
import json
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from training.embed.prepare import RUN
from training.embed.student import CONFIG, DIMS, encode, pooled
from training.embed.teacher import Projection
from training.embed.texts import INSTRUCTIONS
from training.model import Nano
from training.tokenizer import load_tokenizer

BATCH_TEXTS = 256
PAIR_WEIGHT = 12.0  # squared differences of cosines are small numbers
MUON_RATE, ADAM_RATE = 0.01, 0.002
WARM_UP_STEPS = 50
ASKED = 0.04  # share of texts that wear an instruction and keep the vector of the bare text


@dataclass(frozen=True, slots=True)
class Text:
    """One text: token ids, and where its teacher's vector stands in the shard."""

    ids: tuple[int, ...]
    row: int


class Shards:
    """Groups of encoded texts with their vectors; new shards are picked up as the teacher finishes them."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.tokenizer = load_tokenizer(run / "tokenizer")
        self.groups: list[list[Text]] = []
        self.vectors = torch.empty(0, 0)
        self.count = 0
        self.rng = random.Random(0)

    def read_new(self) -> bool:
        """Whether there was one."""
        found = False
        while (path := self.run / f"shard-{self.count}.pt").is_file():
            row = len(self.vectors)
            vectors = torch.load(path, weights_only=True)
            self.vectors = torch.cat([self.vectors, vectors]) if row else vectors
            for group in json.loads(path.with_suffix(".json").read_text()):
                self.groups.append([Text(self._ids(text), row + i) for i, text in enumerate(group)])
                row += len(group)
            self.count += 1
            found = True
        return found

    def _ids(self, text: str) -> tuple[int, ...]:
        if self.rng.random() < ASKED:
            text = self.rng.choice(INSTRUCTIONS) + text
        return tuple(encode(self.tokenizer, text))

    def batches(self, rng: random.Random) -> Iterator[list[Text]]:
        """Batches for ever: a stretch of each of many groups, so that no journal fills a batch."""
        while True:
            self.read_new()
            stretches = [s for group in self.groups for s in _stretches(group, rng)]
            rng.shuffle(stretches)
            batch: list[Text] = []
            for stretch in stretches:
                batch += stretch
                if len(batch) >= BATCH_TEXTS:
                    yield batch[:BATCH_TEXTS]
                    batch = []


def _stretches(group: list[Text], rng: random.Random, longest: int = 24) -> Iterator[list[Text]]:
    start = 0
    while start < len(group):
        end = start + rng.randint(8, longest)
        yield group[start:end]
        start = end


@dataclass
class State:
    """What a checkpoint holds besides weights and optimisers."""

    steps: int = 0
    texts: int = 0
    tokens: int = 0
    minutes: float = 0.0


def main() -> None:
    options = _options()
    for kill in (signal.SIGTERM, signal.SIGINT):  # a kill saves as Ctrl-C does, also where the shell had it ignored
        signal.signal(kill, signal.default_int_handler)
    torch.set_num_threads(options.threads)
    model = Nano(CONFIG)
    optimizers = make_optimizers(model)
    state = load(RUN, model, optimizers)
    print(f"{sum(p.numel() for p in model.parameters()):,} weights, {state}", flush=True)
    try:
        train(model, optimizers, state, options)
    finally:
        save(RUN, model, optimizers, state)


def train(model: Nano, optimizers: list[torch.optim.Optimizer], state: State, options: argparse.Namespace) -> None:
    """One run of `options.minutes`, with a checkpoint every few minutes."""
    shards = Shards(RUN)
    project = Projection(torch.load(RUN / "projection.pt", weights_only=True))
    rates = [[group["lr"] for group in o.param_groups] for o in optimizers]
    started = logged = saved = time.monotonic()
    minutes_before = state.minutes
    losses: list[tuple[float, float]] = []
    for batch in shards.batches(random.Random(state.steps)):
        elapsed = time.monotonic() - started
        if elapsed > options.minutes * 60:
            break
        scale = min(1.0, (state.steps + 1) / WARM_UP_STEPS)
        scale *= max(0.01, 1 - elapsed / (options.minutes * 60)) if options.decay else 1.0
        _set_rates(optimizers, rates, scale)
        losses.append(step(model, optimizers, batch, shards.vectors[[text.row for text in batch]], project))
        state.steps += 1
        state.texts += len(batch)
        state.tokens += sum(len(text.ids) for text in batch)
        state.minutes = minutes_before + elapsed / 60
        if time.monotonic() - logged > 60:
            logged = time.monotonic()
            apart, pairs = (sum(column) / len(losses) for column in zip(*losses, strict=True))
            done = f"{state.minutes:.1f} min, {state.steps:,} steps, {state.tokens / 1e6:.2f}M tokens"
            print(f"{done}, {shards.count} shards: {apart:.4f} apart, pairs off by {pairs**0.5:.4f}", flush=True)
            losses.clear()
        if time.monotonic() - saved > 120:
            saved = time.monotonic()
            _set_rates(optimizers, rates, 1.0)
            save(RUN, model, optimizers, state)
    _set_rates(optimizers, rates, 1.0)


def step(
    model: Nano, optimizers: list[torch.optim.Optimizer], batch: list[Text], teacher: Tensor, project: Projection
) -> tuple[float, float]:
    """One update; returns 1 - cosine and the squared difference of cosines, both at all components.

    teacher   (B, 384) float16
    """
    order = sorted(range(len(batch)), key=lambda i: len(batch[i].ids))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        parts = [pooled(model, rows) for rows in _alike([batch[i].ids for i in order])]
    vectors, wanted = torch.cat(parts), teacher[order].float()
    apart, pairs = distances(vectors, wanted, project(wanted))
    loss: Tensor = apart.mean() + PAIR_WEIGHT * pairs.mean()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return float(apart[-1].detach()), float(pairs[-1].detach())


def _alike(rows: list[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
    """Rows sorted by length, in runs of like length: little padding, few passes."""
    run: list[tuple[int, ...]] = []
    for row in rows:
        if len(run) >= 8 and len(row) > len(run[0]) * 1.25 + 1:
            yield run
            run = []
        run.append(row)
    yield run


def distances(vectors: Tensor, teacher: Tensor, projected: Tensor) -> tuple[Tensor, Tensor]:
    """At each of DIMS: (3,) mean of 1 - cosine to the projected teacher, (3,) mean square of the pairs' differences."""
    wanted = teacher @ teacher.T  # (B, B) cosines
    others = ~torch.eye(len(vectors), dtype=torch.bool)
    apart, pairs = [], []
    for dim in DIMS:
        own = F.normalize(vectors[:, :dim], dim=-1)
        apart.append((1 - (own * F.normalize(projected[:, :dim], dim=-1)).sum(-1)).mean())
        pairs.append((own @ own.T - wanted)[others].square().mean())
    return torch.stack(apart), torch.stack(pairs)


def make_optimizers(model: Nano) -> list[torch.optim.Optimizer]:
    """Muon for the matrices between hidden states, Adam for embeddings and norms (Jordan 2024)."""
    matrices = [p for n, p in model.named_parameters() if p.dim() == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.dim() != 2 or "embed" in n]
    return [
        torch.optim.Muon(matrices, lr=MUON_RATE, momentum=0.95, weight_decay=0.01),
        torch.optim.AdamW(others, lr=ADAM_RATE, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def save(run: Path, model: Nano, optimizers: list[torch.optim.Optimizer], state: State) -> None:
    """Written beside and renamed, so that a kill leaves the old one."""
    beside = run / "checkpoint.new"
    torch.save(
        {"model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers], "state": vars(state)}, beside
    )
    beside.replace(run / "checkpoint.pt")


def load(run: Path, model: Nano, optimizers: list[torch.optim.Optimizer]) -> State:
    """The state to go on from; the teacher's words and step 0 where there is no checkpoint."""
    if not (run / "checkpoint.pt").exists():
        model.load_state_dict(torch.load(run / "start.pt", weights_only=True))
        return State()
    saved = torch.load(run / "checkpoint.pt", weights_only=True)
    model.load_state_dict(saved["model"])
    for optimizer, old in zip(optimizers, saved["optimizers"], strict=True):
        optimizer.load_state_dict(old)
    return State(**saved["state"])


def _set_rates(optimizers: list[torch.optim.Optimizer], rates: list[list[float]], scale: float) -> None:
    for optimizer, base in zip(optimizers, rates, strict=True):
        for group, rate in zip(optimizer.param_groups, base, strict=True):
            group["lr"] = rate * scale


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=40.0)
    parser.add_argument("--threads", type=int, default=1, help="one is fastest when the machine is busy")
    parser.add_argument("--decay", action="store_true", help="let the rate fall to zero over this run: the last one")
    return parser.parse_args()


if __name__ == "__main__":
    main()
