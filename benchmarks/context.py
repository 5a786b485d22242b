"""Long contexts: bytes, peak memory, limits, the ladder, reuse: `python -m benchmarks.context [PART ...]`.

Parts: kv peak refuse plan reuse ladder; all but the ladder take some minutes on two cores, the ladder to 128K an hour.
In: the bundled model (and for `plan` a text file).  Out: lines for docs/measurements.md.
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import app.llm.mkl  # noqa: F401  before mlx-lm can bring mlx in

# isort: split
from mlx_lm.models.cache import make_prompt_cache

from app.budget.limit import Budget
from app.budget.reading import Reading
from app.budget.spec import ModelCacheSpec
from app.errors import DaybookError
from app.llm import decode, kv
from app.llm.blas import mx, serving
from app.llm.engine import Engine
from app.llm.grammar import FreeText
from app.llm.loader import LoadedModel, load_generator
from app.llm.mlx_thread import CancelToken, run_mlx
from app.llm.prefix_cache import Prefix
from app.llm.request import Request, Turn
from app.llm.room import budget_for
from app.pipeline.ladder import RUNGS, climb
from app.settings import BUNDLED_MODEL

PEPYS = Path("../shared/data/diaries/raw/pepys_1664_one_file.txt")
KV_LENGTHS = (1, 255, 256, 257, 4096)


def stretched(tokens: int, **reading: int) -> LoadedModel:
    """The bundled model, told to believe in more positions than it was trained for: its memory is what is measured."""
    return load_generator(BUNDLED_MODEL, reading=Reading(max_positions=tokens, **reading))  # type: ignore[arg-type]


def ids_of(loaded: LoadedModel, count: int) -> list[int]:
    rng = random.Random(0)
    return [rng.randrange(10, loaded.token_count) for _ in range(count)]


def kv_bytes(_: argparse.Namespace) -> None:
    """Predicted bytes against `cache.nbytes`, every family of tests/budget/zoo.py."""
    from tests.budget.zoo import ZOO, config_of, live_bytes, model_of

    print("| family | cases | worst difference |\n|---|---|---|")
    for name in ZOO:
        spec, model, worst, cases = (
            ModelCacheSpec.from_config(config_of(name)),
            run_mlx(model_of, config_of(name)),
            0.0,
            0,
        )
        for bits in (None, 8, 4):
            if bits is not None and any(not group.quantizes for group in spec.groups):
                continue
            reading = Reading(kv_bits=bits, quantized_kv_start=0)
            for tokens in KV_LENGTHS:
                live = run_mlx(live_bytes, model, tokens, reading)
                predicted = spec.bytes_at(tokens, reading.precision(prompt_tokens=tokens))
                worst, cases = max(worst, abs(predicted - live) / live), cases + 1
        print(f"| {name} | {cases} | {worst:.2%} |")


def peak(options: argparse.Namespace) -> None:
    """Predicted against measured peak memory of one long prefill, at each precision."""
    print("| tokens | step | cache | predicted | measured | difference | seconds |\n|---|---|---|---|---|---|---|")
    for bits, step in ((None, 512), (None, 128), (8, 256), (4, 256)):
        loaded = stretched(options.tokens * 2, kv_bits=bits, step=step)  # type: ignore[arg-type]
        budget = budget_for(loaded)
        measured, seconds = run_mlx(_peak_of, loaded, ids_of(loaded, options.tokens))
        predicted = budget.weight_bytes + budget.run_bytes(options.tokens)
        kept = f"{bits} bits" if bits else "float32"
        print(
            f"| {options.tokens:,} | {step} | {kept} | {predicted / 1e6:.1f} MB | {measured / 1e6:.1f} MB |"
            f" {predicted / measured - 1:+.1%} | {seconds:.0f} |",
            flush=True,
        )


def _peak_of(loaded: LoadedModel, ids: list[int]) -> tuple[int, float]:
    mx.clear_cache()
    mx.reset_peak_memory()
    started = time.perf_counter()
    prefix = Prefix(make_prompt_cache(loaded.model), 0)
    kv.settle(prefix.layers, loaded.reading, len(ids))
    decode.read(loaded, prefix, ids, CancelToken())
    return int(mx.get_peak_memory()), time.perf_counter() - started


def refuse(_: argparse.Namespace) -> None:
    """Prompts around the limit: how many above it reach the device, how many at it are refused."""
    loaded = load_generator(BUNDLED_MODEL)
    reached = refused = 0
    for length in range(1, 81):
        turns = [Turn("user", "the day was long " * length)]
        tokens = len(Engine(loaded).prepare(Request(messages=turns)).prompt.ids)
        reached += _answers(loaded, turns, tokens - 1)
        refused += not _answers(loaded, turns, tokens)
    print(f"80 prompts one token above the limit: {reached} reached the device; 80 at the limit: {refused} refused")


def _answers(loaded: LoadedModel, turns: list[Turn], allowed: int) -> bool:
    budget: Budget = budget_for(loaded, max_context=allowed + 1, output_reserve=1)
    before = run_mlx(mx.get_peak_memory)
    run_mlx(mx.reset_peak_memory)
    try:
        Engine(loaded, budget=budget).complete(Request(messages=turns, max_tokens=1))
    except DaybookError:
        assert run_mlx(mx.get_peak_memory) <= before
        return False
    return True


def plan(options: argparse.Namespace) -> None:
    """Read, plan and chunk one long file; every character is in an entry or furniture."""
    from app.pipeline.reading import read_files
    from app.pipeline.sizes import chunk_tokens, token_counter

    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        model = str(BUNDLED_MODEL)
        read = read_files(
            [options.file], date_from="heading", chunk_tokens=chunk_tokens(model), count_tokens=token_counter(model)
        )
        seconds.append(time.perf_counter() - started)
    whole = len(options.file.read_text(encoding="utf-8"))
    entries = [entry for reading in read.readings for entry in reading.entries]
    chunks = [chunk for reading in read.readings for chunk in reading.chunks]
    text = {entry.entry_id: "".join(c.text for c in chunks if c.entry is entry) for entry in entries}
    lost = sum(text[entry.entry_id] not in ("", entry.text) for entry in entries) + whole - read.chars
    print(
        f"{options.file.name}: {whole:,} characters, {len(entries)} entries, {len(chunks)} chunks, {lost} lost;"
        f" median {statistics.median(seconds):.2f} s of 5"
    )


def reuse(_: argparse.Namespace) -> None:
    """The same long prompt again, with another last line: prefill cold and warm."""
    loaded = stretched(65_536)
    ids = ids_of(loaded, 20_000)
    cold, warm = run_mlx(_twice, loaded, ids)
    less = f"{cold / warm:.0f} times less"
    print(f"20,000 tokens: cold {cold:.1f} s, with another last line {warm * 1000:.0f} ms: {less}")


def _twice(loaded: LoadedModel, ids: list[int]) -> tuple[float, float]:
    from app.budget.memory import GIB
    from app.llm.prefix_cache import PrefixCache

    kept, times = PrefixCache(loaded, 8 * GIB), []
    for last in (1, 2, 3, 4):
        prompt = [*ids[:-20], *[last] * 20]
        started = time.perf_counter()
        prefix = kept.continued(Prefix(make_prompt_cache(loaded.model), 0), prompt, "")
        decode.generate(loaded, prompt, _free(loaded), Request(messages=[], max_tokens=1), prefix=prefix)
        times.append(time.perf_counter() - started)
        kept.keep_blocks(prefix, prompt, "", 0)
    return times[0], statistics.median(times[1:])


def _free(loaded: LoadedModel) -> FreeText:
    return FreeText(loaded.token_count, loaded.vocab_size, loaded.eos_token_ids)


def ladder(options: argparse.Namespace) -> None:
    """2K to 128K tokens in, with a needle at the start, in the middle and at the end."""
    print("| tokens | predicted peak | measured peak | needles intact | read in | CPU | answer |")
    print("|---|---|---|---|---|---|---|")
    loaded = _two_layers()  # the bundled model needs hours for 128K tokens on two cores
    for tokens in [rung for rung in RUNGS if options.at_least <= rung <= options.up_to]:
        started = time.process_time()
        rung = climb(loaded, tokens)
        spent = time.process_time() - started
        print(
            f"| {rung.tokens:,} | {rung.predicted_bytes / 1e6:.0f} MB | {rung.measured_bytes / 1e6:.0f} MB |"
            f" {rung.needles} of 3 | {rung.seconds_prefill:.1f} s | {spent:.1f} s"
            f" | {rung.answer_tokens} tokens, {rung.finish} |",
            flush=True,
        )


def _two_layers() -> LoadedModel:
    """A Qwen3 of two layers and random weights (mlx never computes the attention of a last layer that nobody reads)."""
    from tests.llm.tiny import CONTROL, MARKERS, TINY, build_model, build_tokenizer

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = build_tokenizer(folder)
        config = {**TINY, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}
        config |= {"vocab_size": count, "eos_token_id": count - len(MARKERS) - len(CONTROL)}
        build_model(folder, config)
        return load_generator(folder, reading=Reading(max_positions=2 * RUNGS[-1]))


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "kv": kv_bytes,
    "peak": peak,
    "refuse": refuse,
    "plan": plan,
    "reuse": reuse,
    "ladder": ladder,
}


def main() -> None:
    """Run the parts named, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--tokens", type=int, default=32_768, help="of the prefill of `peak`")
    parser.add_argument("--from", dest="at_least", type=int, default=0, help="the first rung of the ladder")
    parser.add_argument("--up-to", type=int, default=RUNGS[-1], help="its last rung")
    parser.add_argument("--file", type=Path, default=PEPYS, help="of `plan`")
    options = parser.parse_args()
    for part in options.parts or PARTS:
        print(f"\n{part} ({BUNDLED_MODEL.name}, {serving()}, load {os.getloadavg()[0]:.1f})")
        PARTS[part](options)


if __name__ == "__main__":
    main()
