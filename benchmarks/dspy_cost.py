"""What DSPy costs over calling the engine, told apart from a noisy machine: `python -m benchmarks.dspy_cost`.

Knows DSPy and the engine; changes nothing. In: a model folder.  Out: two ratios with their intervals, on stdout.

The same prompt goes through DSPy and to the engine alone, in turns (A B B A), after one call that warms its cache.
Time is CPU time, which other processes do not lengthen by waiting:

added    CPU time of the calling thread through DSPy less that without, of a pair; the device's thread does the same
         work on both sides, so the ratio 1 + added / (CPU time of the process for the engine's call) is the cost
check    CPU time of the whole process through DSPy over that without, of a pair: noisier, but blind to nothing

Each is a median over pairs, with the 95 % interval of the bootstrap.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import dspy

from app.dspy_lm import JSONAdapter, mlx_lm
from app.llm.engine import Engine
from app.llm.loader import load_generator
from app.llm.request import Request, Turn
from app.prompts.adapter import output_schema
from app.prompts.programs import journal_programs
from app.settings import BUNDLED_MODEL

ENTRY = "2024-04-03, Wednesday\n1. Met Clara Weiss at the Café Sperl yesterday.\n2. She works at Siemens in Graz now."
RESAMPLES = 2000
Seconds = tuple[float, float]  # CPU time of the calling thread, and of the process


class IsIll(dspy.Signature):  # type: ignore[misc]
    """Say whether the entry speaks of an illness."""

    entry: str = dspy.InputField()
    is_ill: Literal["yes", "no"] = dspy.OutputField()


def timed(call: Callable[[], Any]) -> Seconds:
    """What one call takes."""
    thread, process = time.thread_time(), time.process_time()
    call()
    return time.thread_time() - thread, time.process_time() - process


def pairs_of(engine: Engine, predict: dspy.Predict, rounds: int) -> list[tuple[Seconds, Seconds]]:
    """(through DSPy, engine alone) of equal calls that follow each other, two pairs a round."""
    lm, adapter, schema = mlx_lm(engine), JSONAdapter(), output_schema(predict.signature)
    found: list[tuple[Seconds, Seconds]] = []
    for number in range(rounds + 1):
        entry = f"{ENTRY}\n3. It was the {number}th time."
        messages = adapter.format(predict.signature, predict.demos, {"entry": entry})
        turns = [Turn(message["role"], message["content"]) for message in messages]

        def by_dspy(entry: str = entry) -> None:
            with dspy.context(lm=lm, adapter=adapter):
                predict(entry=entry)

        def by_engine(turns: list[Turn] = turns) -> None:
            engine.complete(Request(messages=turns, output_type=schema, is_template=True))

        by_engine()
        first, second, third, fourth = timed(by_dspy), timed(by_engine), timed(by_engine), timed(by_dspy)
        if number:  # the first round compiles and warms
            found += [(first, second), (fourth, third)]
    return found


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """(median, low, high) of the 95 % bootstrap interval."""
    rng = random.Random(0)
    medians = sorted(statistics.median(rng.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return statistics.median(values), medians[RESAMPLES // 40], medians[-RESAMPLES // 40]


def main() -> None:
    """A journal's prompt, and a question of one word: the shortest call there is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, default=BUNDLED_MODEL)
    parser.add_argument("--rounds", type=int, default=40, help="two pairs of calls each")
    options = parser.parse_args()
    engine = Engine(load_generator(options.model))
    for name, predict in (
        ("names of an entry", journal_programs()["extract_entities"]),
        ("yes or no", dspy.Predict(IsIll)),
    ):
        pairs = pairs_of(engine, predict, options.rounds)
        alone = statistics.median(engine_only[1] for _, engine_only in pairs)
        added = interval([(through[0] - single[0]) * 1e3 for through, single in pairs])
        cost = interval([1 + (through[0] - single[0]) / single[1] for through, single in pairs])
        check = interval([through[1] / single[1] for through, single in pairs])
        print(
            f"{name}: engine {alone * 1e3:.1f} ms; added {_told(added, 2)} ms; ratio {_told(cost, 4)};"
            f" check, whole process {_told(check, 3)}; {len(pairs)} pairs",
            flush=True,
        )


def _told(found: tuple[float, float, float], digits: int) -> str:
    middle, low, high = found
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


if __name__ == "__main__":
    main()
