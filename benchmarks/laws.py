"""The two laws that must hold without exception, over everything: `python -m benchmarks.laws [--levers] [--answers N]`.

Knows the engine and public schemas. In: recorded prompts and JSONSchemaBench.  Out: counts; exit code 1 if a law broke.

levers    every recorded prompt of Graphiti, models of random weights from three seeds, float32: the greedy tokens of
          all combinations of levers against the plain loop of one token a pass
answers   N answers of random weights, greedy and drawn, to Graphiti's schemas and to those of JSONSchemaBench that
          compile: each is read by `json` and judged by `jsonschema` in decimals; they know nothing of our grammar
"""

import argparse
import gzip
import itertools
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema

from app.errors import BadInput, Truncated
from app.llm.engine import Engine
from app.llm.grammar import grammar_of
from app.llm.loader import LoadedModel, load_generator
from app.llm.request import Request, Turn
from benchmarks.common import SHARED, about, exact_json
from tests.llm.tiny import SHORT, TINY, build_model, build_tokenizer

SEEDS = (1, 2, 3)
PROMPT_CHARS = 600  # of each message: a random model learns nothing from more, and all 364 take hours
LEVERS: dict[str, dict[str, Any]] = {
    f"forced {'on' if forced else 'off'}, drafts {'on' if drafts else 'off'}, reuse {'on' if reuse else 'off'}": {
        "fast_forward": forced,
        "guesses": 6 if drafts else 0,
        "prefix_bytes": 2**30 if reuse else 0,
    }
    for forced, drafts, reuse in itertools.product([True, False], repeat=3)
}
SAY_EVERY = 250  # answers
PLAIN: dict[str, Any] = {"fast_forward": False, "guesses": 0, "prefix_bytes": 0}


def random_model(seed: int) -> LoadedModel:
    """A tiny Qwen3 of random weights."""
    folder = Path(tempfile.mkdtemp(prefix="random-weights-"))
    build_model(folder, {**TINY, "vocab_size": (build_tokenizer(folder) // 64 + 1) * 64}, seed=seed)
    return load_generator(folder)


def recorded() -> list[dict[str, Any]]:
    """Graphiti's own prompts, as it sent them."""
    with gzip.open(SHARED / "graphiti_prompts.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def asked(call: dict[str, Any]) -> Request:
    turns = [Turn(message["role"], message["content"][-PROMPT_CHARS:]) for message in call["messages"]]
    return Request(messages=turns, output_type=call["json_schema"], is_template=True)


def levers(seeds: tuple[int, ...], every: int) -> int:
    """Compare all combinations with the plain loop; returns how many answers differ."""
    differ, compared, passes, tokens = Counter[str](), 0, Counter[str](), 0
    for seed in seeds:
        loaded = random_model(seed)
        print(f"seed {seed}: {about(loaded)}", flush=True)
        engines = {name: Engine(loaded, bounds=SHORT, **chosen) for name, chosen in LEVERS.items() if chosen != PLAIN}
        plain = Engine(loaded, bounds=SHORT, **PLAIN)
        for call in recorded()[::every]:
            wanted = plain.complete(asked(call)).token_ids
            compared += 1
            tokens += len(wanted)
            for name, engine in engines.items():
                completion = engine.complete(asked(call))
                differ[name] += completion.token_ids != wanted
                passes[name] += completion.forward_passes
    print("\n| levers | answers | differ from the plain loop | passes a token |\n|---|---|---|---|")
    for name in engines:
        print(f"| {name} | {compared:,} | {differ[name]} | {passes[name] / tokens:.2f} |")
    return differ.total()


def schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """Graphiti's response models as it sends them, then JSONSchemaBench."""
    seen: set[str] = set()
    for call in recorded():
        text = json.dumps(call["json_schema"], sort_keys=True)
        if text not in seen:
            seen.add(text)
            yield "Graphiti", call["json_schema"]
    with gzip.open(SHARED / "json_conformance" / "jsonschemabench" / "dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield "JSONSchemaBench", json.loads(line)["schema"]


def usable(engine: Engine, source: str, schema: Any, refused: Counter[str]) -> bool:
    """Whether our grammar takes a schema; what it refuses, it refuses before any answer."""
    try:
        engine._grammars.constraint(grammar_of(schema, SHORT))
    except (BadInput, RecursionError):
        refused[source] += 1
        return False
    return True


def answers(count: int, first: int) -> int:
    """Ask for `count` answers of random weights; returns how many the independent validator refuses."""
    engine = Engine(random_model(1), bounds=SHORT)
    refused, given, invalid, cut = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    wanted = [(source, schema) for source, schema in schemas() if usable(engine, source, schema, refused)]
    judges = [jsonschema.validators.validator_for(schema)(exact_json(json.dumps(schema))) for _, schema in wanted]
    reasons, started = Counter[str](), time.monotonic()
    for number in range(first, first + count):
        place = number % len(wanted)
        source, schema = wanted[place]
        turns = [Turn("user", f"{number}: {random.Random(number).choice(['Marie', 'Pepys', 'Ghent'])}?")]
        request = Request(messages=turns, output_type=schema, temperature=number // len(wanted) % 3 * 0.7, seed=number)
        try:
            text = engine.complete(request).text
        except Truncated:
            cut[source] += 1
            continue
        given[source] += 1
        problem = next(judges[place].iter_errors(exact_json(text)), None)
        if (number + 1) % SAY_EVERY == 0:
            print(
                f"{given.total():,} answers, {invalid.total()} invalid, {cut.total()} cut", file=sys.stderr, flush=True
            )
        if problem is not None:
            invalid[source] += 1
            reasons[f"{source}: {problem.validator}"] += 1
    print(f"{about(engine.loaded)}; {time.monotonic() - started:.0f} s\n")
    print("| schemas | taken | refused at compile time | answers | cut at max_tokens | invalid |")
    print("|---|---|---|---|---|---|")
    for source in ("Graphiti", "JSONSchemaBench"):
        taken = sum(name == source for name, _ in wanted)
        print(f"| {source} | {taken} | {refused[source]} | {given[source]:,} | {cut[source]} | {invalid[source]} |")
    print(dict(reasons) or "")
    return invalid.total()


def main() -> int:
    """Run what is asked for; 1 if a law was broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--levers", action="store_true", help="compare all combinations of levers")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="of the random weights")
    parser.add_argument("--every", type=int, default=1, help="take every n-th recorded prompt")
    parser.add_argument("--answers", type=int, default=0, help="answers to judge")
    parser.add_argument("--first", type=int, default=0, help="number of the first of them: each has its own seed")
    options = parser.parse_args()
    broken = levers(tuple(options.seeds), options.every) if options.levers else 0
    broken += answers(options.answers, options.first) if options.answers else 0
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
