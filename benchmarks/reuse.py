"""A long prompt with a new last line, read cold and with its blocks kept: `python -m benchmarks.reuse [--tokens N]`.

Knows the engine. In: a tiny model of random weights.  Out: seconds and a ratio.
"""

import argparse
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

from app.llm.engine import Engine
from app.llm.loader import load_generator
from app.llm.request import Request, Turn
from benchmarks.common import about, diary
from tests.llm.tiny import TINY, build_model, build_tokenizer


def main() -> None:
    """Cold once a run, warm once a run, and once more after a restart from disk."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tokens", type=int, default=16_384)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    wanted = options.tokens
    folder = Path(tempfile.mkdtemp(prefix="long-"))
    build_model(folder, {**TINY, "vocab_size": (build_tokenizer(folder) // 64 + 1) * 64})
    loaded = replace(load_generator(folder), max_context_tokens=2 * wanted)
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
