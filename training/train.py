"""Train daybook-nano: `python -m training.train --minutes 60`; run it again to go on from the last checkpoint.

Knows batches and weights. In: seeds.  Out: training/runs/NAME/checkpoint.pt and a log line a minute.

The rate is held constant and falls only in a last run with `--decay`, so that training can be stopped and
resumed at any minute and still end well (warm-up, stable, decay). With `--processes 2` two processes update the same
weights in shared memory without locks (Hogwild, arxiv.org/abs/1106.5730), each with journals and an optimiser of its
own: where one of the cores is busy with other work now and then, nobody waits for the slower one.
"""

import argparse
import dataclasses
import itertools
import json
import signal
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.multiprocessing
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from app.prompts.fingerprint import prompts_fingerprint
from training.batches import KEPT, KEPT_IN_SHORT, Batch, batches, copy_batches
from training.model import Nano, NanoConfig
from training.tokenizer import load_tokenizer

RUNS = Path(__file__).parent / "runs"
MODELS = Path(__file__).parent.parent / "models"
PROMPT_WEIGHT = 0.0  # invented names cannot be predicted: learning to read the prompt aloud is mostly noise
RATE = 6e-4  # Adam; at 1.5e-3 the noise of 2,048-token batches held entities at 0.49 nats a token
WARM_UP_STEPS = 50  # of every run: without a checkpoint its optimiser knows nothing yet
COPY_STEPS = 150  # a game of pure copying first: it takes the heads of copy_at_birth a minute to become exact
SEEDS_PER_RUN = 10_000_000  # every run, and every process of it, draws journals of its own


@dataclass
class State:
    """What a checkpoint holds besides weights and optimisers."""

    steps: int = 0
    tokens: int = 0
    runs: int = 0
    minutes: float = 0.0


def main() -> None:
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a kill saves as Ctrl-C does
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the shell had it ignored
    torch.set_num_threads(options.threads)
    run = RUNS / options.name
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = load_tokenizer(tokenizer_folder(run))
    model = Nano(shape_at(run / "checkpoint.pt", len(tokenizer))).to(device).share_memory()
    optimizer = make_optimizer(model)
    state = load_checkpoint(run / "checkpoint.pt", model, optimizer)
    print(
        f"{sum(p.numel() for p in model.parameters()):,} weights, prompts {prompts_fingerprint()}, {state}", flush=True
    )
    done = torch.zeros(options.processes, 2, dtype=torch.int64).share_memory_()
    for place in range(1, options.processes):
        arguments = (model, dataclasses.replace(state), options, done, place)
        torch.multiprocessing.get_context("spawn").Process(target=train_beside, args=arguments, daemon=True).start()
    try:
        train(model, optimizer, state, options, done)
    finally:
        save_checkpoint(run / "checkpoint.pt", model, optimizer, state)


def train_beside(model: Nano, state: State, options: argparse.Namespace, done: Tensor, place: int) -> None:
    """What another process does: train the shared weights, and leave logging and saving to the first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the first ends the others
    torch.set_num_threads(options.threads)
    optimizer = make_optimizer(model)
    if (checkpoint := RUNS / options.name / "checkpoint.pt").exists():
        optimizer.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["optimizer"])
    train(model, optimizer, state, options, done, place)


def train(
    model: Nano,
    optimizer: torch.optim.Optimizer,
    state: State,
    options: argparse.Namespace,
    done: Tensor,
    place: int = 0,
) -> None:
    """One run of `options.minutes`; the process at place 0 writes a log line a minute and a checkpoint every few.

    done   (processes, 2): steps and tokens of each process, in shared memory
    """
    run, device, before = RUNS / options.name, next(model.parameters()).device, dataclasses.replace(state)
    state.runs += len(done)
    tokenizer, first_seed = load_tokenizer(tokenizer_folder(run)), (before.runs + 1 + place) * SEEDS_PER_RUN
    stream = itertools.chain(
        copy_batches(model.config.vocab_size, COPY_STEPS - state.steps),
        batches(tokenizer, first_seed, PROMPT_WEIGHT, KEPT_IN_SHORT if options.in_short else KEPT),
    )
    if options.compile:
        for layer in model.model.layers:
            layer.compile(dynamic=True)
    started = logged = saved = time.monotonic()
    losses: dict[str, list[float]] = defaultdict(list)
    for batch in stream:
        elapsed = time.monotonic() - started
        first = torch.multiprocessing.parent_process()
        if elapsed > options.minutes * 60 or (first and not first.is_alive()):  # killed, it could tell nobody
            break
        scale = min(1.0, (int(done[:, 0].sum()) + 1) / WARM_UP_STEPS)
        scale *= max(0.0, 1 - elapsed / (options.minutes * 60)) if options.decay else 1.0
        for group in optimizer.param_groups:
            group["lr"] = RATE * scale
        losses[batch.task].append(step(model, optimizer, batch, device))
        done[place] += torch.tensor([1, batch.prefix.numel() + int((batch.weights > 0).sum())])
        steps, tokens = done.sum(dim=0).tolist()
        state.steps, state.tokens = before.steps + steps, before.tokens + tokens
        state.minutes = before.minutes + elapsed / 60
        if place == 0 and time.monotonic() - logged > 60:
            logged = time.monotonic()
            line = {task: round(sum(v) / len(v), 4) for task, v in sorted(losses.items())}
            print(
                f"{state.minutes:.0f} min, {state.steps:,} steps, {state.tokens / 1e6:.2f}M tokens",
                json.dumps(line),
                flush=True,
            )
            losses.clear()
        if place == 0 and time.monotonic() - saved > 180:
            saved = time.monotonic()
            save_checkpoint(run / "checkpoint.pt", model, optimizer, state)


def tokenizer_folder(run: Path) -> Path:
    """The run's own tokenizer, else that of the model in the repository: weights and tokenizer belong together."""
    return run / "tokenizer" if (run / "tokenizer").exists() else MODELS / f"daybook-{run.name}"


def step(model: Nano, optimizer: torch.optim.Optimizer, batch: Batch, device: torch.device) -> float:
    """One update; returns the mean loss of the answers' tokens."""
    prefix, ids, weights = batch.prefix.to(device), batch.ids.to(device), batch.weights.to(device)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        _, shared = model.hidden(prefix[None])
        hidden, _ = model.hidden(ids[:, :-1], shared)
        asked = weights[:, 1:] > 0  # logits are computed of these alone
        logits = model.logits(hidden[asked])
    losses = F.cross_entropy(logits.float(), ids[:, 1:][asked], reduction="none")
    weights = weights[:, 1:][asked]
    weighted: Tensor = (losses * weights).sum() / weights.sum()
    weighted.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(losses[weights == 1.0].mean().detach())


def make_optimizer(model: Nano) -> torch.optim.Optimizer:
    """Adam, with a little decay on the matrices between hidden states."""
    matrices = [p for n, p in model.named_parameters() if p.dim() == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.dim() != 2 or "embed" in n]
    groups = [{"params": matrices, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.98))


def save_checkpoint(path: Path, model: Nano, optimizer: torch.optim.Optimizer, state: State) -> None:
    """Written beside and renamed, so that a kill leaves the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    torch.save(
        {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "state": vars(state),
            "prompts": prompts_fingerprint(),
        },
        beside,
    )
    beside.replace(path)


def shape_at(path: Path, vocab_size: int) -> NanoConfig:
    """Of the run's checkpoint, which `training.grow` may have given layers, else of the model in the repository."""
    if path.exists():
        return NanoConfig.of(torch.load(path, map_location="cpu", weights_only=True, mmap=True)["model"])
    if (exported := MODELS / f"daybook-{path.parent.name}" / "model.safetensors").exists():
        return NanoConfig.of(load_file(str(exported)))
    return NanoConfig(vocab_size=vocab_size)


def load_checkpoint(path: Path, model: Nano, optimizer: torch.optim.Optimizer) -> State:
    """The state to go on from: the run's checkpoint, else the model in the repository, else nothing.

    Says so when the prompts have changed since: the model is then stale until it has learnt the new ones.
    """
    if path.exists():
        saved = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        state, prompts = State(**saved["state"]), saved["prompts"]
    elif (origin_file := (exported := MODELS / f"daybook-{path.parent.name}") / "origin.json").exists():
        model.load_state_dict(load_file(str(exported / "model.safetensors")))
        origin = json.loads(origin_file.read_text())
        prompts = origin["prompts"]
        state = State(origin["training_steps"], origin["training_tokens"], 1, origin["training_minutes"])
    else:
        return State()
    if prompts != prompts_fingerprint():
        print(f"stale: trained on prompts {prompts}, the app now asks {prompts_fingerprint()}; going on", flush=True)
    return state


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default="nano", help="folder under training/runs")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=1, help="of each process; one is fastest when busy")
    parser.add_argument("--processes", type=int, default=1, help="that train the same weights side by side")
    parser.add_argument("--compile", action="store_true", help="fused loops: 1.7 times as fast; needs a C++ compiler")
    parser.add_argument("--in-short", action="store_true", help="practise mostly facts in short: all runs but the last")
    parser.add_argument("--decay", action="store_true", help="let the rate fall to zero over this run: the last one")
    return parser.parse_args()


if __name__ == "__main__":
    main()
