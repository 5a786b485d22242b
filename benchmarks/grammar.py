"""What grammars cost: compile and mask times at 151,936 logits: `python -m benchmarks.grammar`.

Knows our grammars and llguidance; no model answers. In: Graphiti's schemas, JSONSchemaBench.  Out: medians, means.

Qwen3's own tokenizer, built from its published vocabulary. A schema that is refused is refused with a reason before any
answer. The mask is what the host computes; adding it to the logits is the device's work and is timed beside it. Times
are of the thread's CPU, since the machine is shared. The walk is a random obedient one: any allowed token, as a random
model would choose.
"""

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from app.errors import BadInput
from app.llm.blas import mx
from app.llm.bounds import Bounds
from app.llm.grammar import Grammars, grammar_of, mask, no_bits
from app.llm.loader import LoadedModel, load_generator
from app.llm.mlx_thread import run_mlx
from benchmarks.common import about
from benchmarks.laws import schemas
from tests.llm.tiny import build_qwen

STEPS = 24  # tokens of each walk


def walk(grammars: Grammars, schema: Any, rng: random.Random) -> tuple[float, list[float]]:
    """Seconds to compile a schema, and to compute each mask on the way through an answer."""
    started = time.thread_time()
    constraint = grammars.constraint(grammar_of(schema, Bounds()))
    compiled = time.thread_time() - started
    bits, masks = no_bits(1, grammars.loaded.vocab_size), []
    for _ in range(STEPS):
        constraint.forced()
        if constraint.is_complete():
            break
        started = time.thread_time()
        constraint.mark(bits, 0)
        masks.append(time.thread_time() - started)
        allowed = np.flatnonzero(np.unpackbits(bits.view(np.uint8)[0], bitorder="little"))
        constraint.accept(int(rng.choice(allowed)))
    return compiled, masks


def adding(loaded: LoadedModel) -> float:
    """Median seconds to add a mask to a row of logits on the device."""
    rng = np.random.default_rng(0)
    bits = np.asarray(rng.integers(-(2**31), 2**31, no_bits(1, loaded.vocab_size).shape), dtype=np.int32)
    logits, times = mx.zeros((1, loaded.vocab_size)), []
    for _ in range(50):
        started = time.perf_counter()
        mx.eval(mask(logits, bits))
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def main() -> None:
    """One row a set of schemas."""
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    loaded = load_generator(build_qwen(Path(tempfile.mkdtemp(prefix="qwen-vocabulary-"))))
    grammars, rng = Grammars(loaded), random.Random(0)
    started = time.perf_counter()
    walk(grammars, {"const": 1}, rng)
    print(about(loaded))
    print(f"the vocabulary of {loaded.vocab_size:,} is translated once, in {time.perf_counter() - started:.2f} s")
    print(f"a mask is added to the logits in {1e6 * run_mlx(adding, loaded):.0f} us (median)\n")
    print("| schemas | compiled | refused | compile p50 | p95 | mask mean | p50 | p99 |")
    print("|---|---|---|---|---|---|---|---|")
    found: dict[str, list[tuple[float, list[float]]]] = {"Graphiti": [], "JSONSchemaBench": []}
    refused = dict.fromkeys(found, 0)
    for source, schema in schemas():
        try:
            found[source].append(walk(grammars, schema, rng))
        except (BadInput, RecursionError):
            refused[source] += 1
    for source, walks in found.items():
        compiles, masks = [c for c, _ in walks], [second for _, seconds in walks for second in seconds]
        p50, p95 = (1e3 * float(np.quantile(compiles, q)) for q in (0.5, 0.95))
        middle, high = (1e6 * float(np.quantile(masks, q)) for q in (0.5, 0.99))
        print(
            f"| {source} | {len(walks)} | {refused[source]} | {p50:.1f} ms | {p95:.1f} ms "
            f"| {1e6 * statistics.mean(masks):.0f} us | {middle:.0f} us | {high:.0f} us |"
        )


if __name__ == "__main__":
    main()
