"""Decode alone: ours, each lever on and off, against Outlines over mlx-lm: `python -m benchmarks.decode`.

Knows the engine, Outlines and mlx-lm. In: the questions that a diary's ingestion asks, answered by the bundled model.
Out: tables of forward passes, CPU seconds and ratios, all sides in one run.

The peer is `mlx_lm.generate` with Outlines' own llguidance processor, cache and prompt the same; its mask runs a Metal
kernel, so that on other devices, and only there, the same mask is added with plain array operations. Both sides follow
one compiled grammar. Seconds are of the CPU (all threads), because the machine is shared; on Metal
and CUDA they are of the clock. The prompt is read before the clock starts, on both sides.

llama.cpp is a second peer where it is at hand; benchmarks/llama.py says how it gets there.
"""

import argparse
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import app.llm.mkl  # noqa: F401  # before anything that brings mlx in

# isort: split
import llguidance.mlx
import numpy as np
from mlx_lm.generate import generate_step
from mlx_lm.models.cache import make_prompt_cache
from outlines import from_mlxlm
from outlines.backends.llguidance import LLGuidanceBackend, LLGuidanceLogitsProcessor

from app.llm import decode
from app.llm.blas import mx
from app.llm.engine import Engine, Question
from app.llm.grammar import mask
from app.llm.loader import LoadedModel
from app.llm.mlx_thread import CancelToken, run_mlx
from app.llm.prefix_cache import Prefix
from app.llm.request import Completion
from app.llm.widths import Widths, pass_costs
from benchmarks import llama
from benchmarks.common import Asked, about, bars, bundled, clock, record

LEVERS: dict[str, tuple[bool, int | None]] = {
    "plain: one token a pass": (False, 0),
    "forced tokens": (True, 0),
    "drafts": (False, None),
    "forced tokens and drafts": (True, None),
}


def read(loaded: LoadedModel, question: Question) -> tuple[float, Prefix]:
    """Seconds of reading all but the last token of the prompt, from the first."""
    prefix, started = Prefix(make_prompt_cache(loaded.model), 0), clock()
    decode.read(loaded, prefix, question.prompt.ids[:-1], CancelToken())
    return clock() - started, prefix


def ours(
    loaded: LoadedModel, engine: Engine, question: Question, lever: tuple[bool, int | None]
) -> tuple[float, float, Completion]:
    """Seconds of reading, seconds of decoding, and the answer."""
    forced, guesses = lever
    widths = None if guesses == 0 else Widths(pass_costs(loaded), guesses)
    seconds_read, prefix = read(loaded, question)
    started = clock()
    constraint = engine._grammars.constraint(question.grammar)
    answer = decode.generate(
        loaded, question.prompt.ids, constraint, question.request, prefix=prefix, fast_forward=forced, widths=widths
    )
    return seconds_read, clock() - started, answer


def peer(loaded: LoadedModel, backend: Any, question: Question) -> tuple[float, list[int]]:
    """Seconds of decoding and the tokens of mlx-lm's own loop with Outlines' processor."""
    assert question.grammar is not None
    _, prefix = read(loaded, question)
    started = clock()
    processor = LLGuidanceLogitsProcessor(question.grammar.compiled, backend.llg_tokenizer, "mlx")
    tokens: list[int] = []
    last = mx.array(question.prompt.ids[-1:])
    steps = generate_step(
        last,
        loaded.model,
        max_tokens=question.request.max_tokens,
        prompt_cache=prefix.layers,
        logits_processors=[processor],
    )
    for token, _ in steps:
        if token in loaded.eos_token_ids:
            break
        tokens.append(int(token))
    return clock() - started, tokens


def outlines_backend(loaded: LoadedModel) -> Any:
    """Outlines' llguidance backend; off Metal its mask is the same addition without the kernel."""
    if not mx.metal.is_available():
        llguidance.mlx.apply_token_bitmask = lambda logits, bits: mask(
            logits if logits.ndim == 2 else logits[None], np.atleast_2d(bits)
        )
    return LLGuidanceBackend(from_mlxlm(loaded.model, loaded.tokenizer))


def table(name: str, rows: dict[str, dict[str, list[float]]]) -> None:
    print(f"\n| {name} | answers | tokens | passes a token | CPU ms a token | against mlx-lm + Outlines |")
    print("|---|---|---|---|---|---|")
    base = sum(rows["mlx-lm + Outlines"]["seconds"]) / sum(rows["mlx-lm + Outlines"]["tokens"])
    for side, row in rows.items():
        tokens, seconds = sum(row["tokens"]), sum(row["seconds"])
        each = seconds / tokens
        print(
            f"| {side} | {len(row['tokens'])} | {tokens:,.0f} | {sum(row['passes']) / tokens:.3f} "
            f"| {1000 * each:.2f} | {base / each:.1f} times |"
        )
    pairs = zip(rows["mlx-lm + Outlines"]["seconds"], rows["forced tokens and drafts"]["seconds"], strict=True)
    print(f"\nMedian of the answers' own ratios: {statistics.median(a / b for a, b in pairs):.1f} times.")


def compare(loaded: LoadedModel, asked: Sequence[Asked], others: Sequence[llama.Llama], plot: Path | None) -> None:
    engine, backend = Engine(loaded), outlines_backend(loaded)
    rows: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    by_prompt: dict[str, list[Completion]] = defaultdict(list)
    pairs: dict[str, list[llama.Pair | str]] = {other.name: [] for other in others}
    same = 0

    def note(side: str, seconds: float, tokens: int, passes: int) -> None:
        for name, value in (("seconds", seconds), ("tokens", tokens), ("passes", passes)):
            rows[side][name].append(value)

    questions = [(one.prompt, engine.prepare(one.request)) for one in asked]
    run_mlx(lambda: [ours(loaded, engine, questions[0][1], lever) for lever in LEVERS.values()])  # compiled once
    for prompt, question in questions:
        seconds, tokens = run_mlx(peer, loaded, backend, question)
        note("mlx-lm + Outlines", seconds, len(tokens), len(tokens))
        for name, lever in LEVERS.items():
            seconds_read, spent, completion = run_mlx(ours, loaded, engine, question, lever)
            note(name, spent, len(completion.token_ids), completion.forward_passes)
        for other in others:
            pairs[other.name].append(other.beside(question, completion, seconds_read, spent))
        same += tuple(tokens) == completion.token_ids
        by_prompt[prompt].append(completion)
    print(about(loaded))
    table("decode", rows)
    if others:
        print("\n" + llama.agreement(loaded, others[0], [question for _, question in questions[::4]]))
    llama.report(pairs)
    if plot is not None:
        named = {f"ours, {side}" if side in LEVERS else side: row for side, row in rows.items()}
        each = {side: 1000 * sum(row["seconds"]) / sum(row["tokens"]) for side, row in named.items()}
        each |= {side: llama.milliseconds(met) for side, met in pairs.items()}
        each = dict(sorted(each.items(), key=lambda bar: -bar[1]))
        plot.write_text(bars("CPU milliseconds for a token of an answer, daybook-nano", each, "ms"))
    print(f"\nOf {len(asked)} answers {same} are token for token mlx-lm's own.\n")
    print("| prompt | answers | tokens | passes | passes a token |\n|---|---|---|---|---|")
    for prompt, completions in sorted(by_prompt.items()):
        tokens_of = sum(len(completion.token_ids) for completion in completions)
        passes = sum(completion.forward_passes for completion in completions)
        print(f"| {prompt} | {len(completions)} | {tokens_of:,} | {passes:,} | {passes / tokens_of:.3f} |")


def main() -> None:
    """Record a diary's questions, then answer them on every side."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--chunks", type=int, default=12, help="chunks of diary to ingest for their questions")
    parser.add_argument("--plot", type=Path, help="write a bar chart there (SVG)")
    options, loaded = parser.parse_args(), bundled()
    with llama.sides(loaded) as others:
        compare(loaded, record(loaded, options.chunks), others, options.plot)


if __name__ == "__main__":
    main()
