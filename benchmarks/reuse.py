"""A long prompt with a new last line, cold and with its blocks kept: `python -m benchmarks.reuse [--flat N]`.

Knows the engine. In: a tiny model of random weights.  Out: seconds and a ratio; or with --flat N the memory of the
caches over N different prompts of a template, which overflow their budget many times.
"""

import argparse
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

from app.llm.blas import mx
from app.llm.engine import Engine
from app.llm.loader import LoadedModel, load_generator
from app.llm.mlx_thread import run_mlx
from app.llm.request import Request, Turn
from benchmarks.common import about, diary, peak_megabytes
from tests.llm.tiny import TINY, build_model, build_tokenizer

BUDGET = 8_000_000  # bytes of the caches under --flat: some twenty prompts


def flat(loaded: LoadedModel, count: int) -> None:
    """Ten rows: what the caches hold, what mlx holds, and what the process ever held."""
    engine = Engine(loaded, prefix_bytes=BUDGET)
    chunks = [chunk.text for chunk in diary(count)]
    print(f"{about(loaded)}\n\n| prompts | caches, MB of {BUDGET / 1e6:.0f} | mlx, MB | peak of the process, MB |")
    print("|---|---|---|---|")
    for number in range(1, count + 1):
        rules = Turn("system", "Find who is named. Answer in JSON.")
        words = f"{number}. {chunks[number % len(chunks)]} " * 3  # more than a block, and unlike every other
        engine.complete(Request(messages=[rules, Turn("user", words)], output_type={"const": 1}, is_template=True))
        if number % max(count // 10, 1) == 0:
            held = run_mlx(mx.get_active_memory)
            figures = (engine._prefixes.nbytes / 1e6, held / 1e6, peak_megabytes())
            print(f"| {number:,} | {' | '.join(f'{figure:,.1f}' for figure in figures)} |", flush=True)


def main() -> None:
    """Cold once a run, warm once a run, and once more after a restart from disk."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tokens", type=int, default=16_384)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--flat", type=int, metavar="N", help="only the memory of the caches over N prompts")
    options = parser.parse_args()
    wanted = options.tokens
    folder = Path(tempfile.mkdtemp(prefix="long-"))
    build_model(folder, {**TINY, "vocab_size": (build_tokenizer(folder) // 64 + 1) * 64})
    loaded = replace(load_generator(folder), max_context_tokens=2 * wanted)
    if options.flat:
        flat(loaded, options.flat)
        return
    text = "\n".join(chunk.text for chunk in diary(10_000))
    ids = loaded.tokenizer.encode(text)[: wanted - 100]
    text = loaded.tokenizer.decode(ids)

    def ask(line: str) -> Request:
        return Request(messages=[Turn("user", f"{text}\n{line}")], output_type={"const": 1})

    print(about(loaded))
    cold, warm, restarted, tokens = [], [], [], (0, 0)
    for run in range(options.runs):
        home = Path(tempfile.mkdtemp(prefix="kv-"))
        engine = Engine(loaded, kv_folder=home, blocks_on_disk=True)
        first = engine.complete(ask(f"What happened first, {run}?"))
        second = engine.complete(ask(f"And then, {run}?"))
        later = Engine(loaded, kv_folder=home, blocks_on_disk=True).complete(ask(f"And in the end, {run}?"))
        cold.append(first.seconds_prefill)
        warm.append(second.seconds_prefill)
        restarted.append(later.seconds_prefill)
        tokens = (second.prompt_tokens, second.cached_tokens)
    a, b, c = (statistics.median(seconds) for seconds in (cold, warm, restarted))
    print(f"{tokens[0]:,} prompt tokens, {tokens[1]:,} of them kept, median of {options.runs}:")
    print("| read | seconds | times faster |\n|---|---|---|")
    print(f"| cold | {a:.2f} | 1 |\n| new last line, blocks in memory | {b:.3f} | {a / b:.0f} |")
    print(f"| after a restart, blocks on disk | {c:.3f} | {a / c:.0f} |")


if __name__ == "__main__":
    main()
