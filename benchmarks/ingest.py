"""Whole entries into a graph, ours against stock prompts over Outlines and mlx-lm: `python -m benchmarks.ingest`.

Knows Graphiti, the engine and the peer's loop. In: chunks of diary.  Out: seconds, tokens and passes of both sides.

Same model, same embedder, same embedded store, one run. Ours goes first and answers freely. The peer is then given what
ours found: its answers are forced to state the same entities and facts, so that both sides build a graph of one size
(a small model left alone with stock prompts would write until it runs out of tokens). The peer reads every prompt from
its first token and spends a pass on each token of its answer, under Outlines' own mask, as mlx-lm does as shipped; its
facts are dated as stock prompts date them, each by a second call. Seconds are of the CPU, graph and vectors included.

With --as-shipped the peer runs a second time, in a process of its own that has mlx as its wheel came: on Linux that is
with the reference BLAS, where we put MKL in front of it. So one row tells what the engine gains, the other the whole.
"""

import argparse
import asyncio
import json
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import app.graph.quiet  # before graphiti
import app.llm.mkl  # noqa: F401  # before anything that brings mlx in

# isort: split
from graphiti_core.llm_client.client import LLMClient
from graphiti_core.llm_client.config import LLMConfig
from mlx_lm.generate import generate_step
from mlx_lm.models.cache import make_prompt_cache

from app.llm import decode
from app.llm.blas import mx, serving
from app.llm.engine import Engine
from app.llm.loader import LoadedModel
from app.llm.mlx_thread import CancelToken, run_mlx
from app.llm.prefix_cache import Prefix
from app.llm.request import Turn
from app.llm.tokens import PromptEncoder
from app.prompts.library import take_call
from benchmarks.common import Named, Text, about, bundled, bundled_embedder, clock, diary, ingest
from benchmarks.decode import outlines_backend
from benchmarks.prompts import Script, _stock_answer

MAX_ANSWER = 4096
GOLD = 1e9  # added to a gold token's logit, so that it is chosen


@dataclass
class Cost:
    """What one side spent."""

    calls: int = 0
    prompt_tokens: int = 0
    prefilled: int = 0
    answer_tokens: int = 0
    passes: int = 0
    seconds: float = 0.0


class Stock(LLMClient):  # type: ignore[misc]  # graphiti is untyped
    """Graphiti's client contract over `mlx_lm.generate_step` with Outlines' processor, its answers forced."""

    def __init__(self, loaded: LoadedModel, scripts: Sequence[Script]) -> None:
        super().__init__(LLMConfig(model="stock"), cache=False)
        self.loaded, self.scripts, self.cost, self.at = loaded, scripts, Cost(), 0
        self.encoder, self.backend = PromptEncoder(loaded.tokenizer), outlines_backend(loaded)

    async def _generate_response(self, *_arguments: Any, **_options: Any) -> dict[str, Any]:
        raise AssertionError("only the public call is used")

    async def generate_response(self, messages: Any, response_model: Any = None, **options: Any) -> dict[str, Any]:
        answer = _stock_answer(options["prompt_name"], messages[1].content, self.scripts[self.at])
        schema = response_model.model_json_schema()
        # As Graphiti's own client does: the schema stands at the end of the last message.
        note = f"\n\nRespond with a JSON object in the following format:\n\n{json.dumps(schema)}"
        turns = [Turn(message.role, message.content) for message in messages]
        turns[-1] = Turn(turns[-1].role, turns[-1].content + note)
        run_mlx(self._answer, list(self.encoder.encode(turns).ids), schema, json.dumps(answer, ensure_ascii=False))
        return answer

    def _answer(self, ids: list[int], schema: Any, answer: str) -> None:
        gold = self.encoder.encode_text(answer)[:MAX_ANSWER]
        processor = self.backend.get_json_schema_logits_processor(json.dumps(schema))
        said = 0

        def forced(tokens: mx.array, logits: mx.array) -> mx.array:
            nonlocal said
            allowed = processor(tokens, logits)
            wanted = gold[min(said, len(gold) - 1)]
            said += 1
            return mx.where(mx.arange(logits.shape[-1]) == wanted, GOLD, allowed)

        cache = make_prompt_cache(self.loaded.model)
        decode.read(self.loaded, Prefix(cache, 0), ids[:-1], CancelToken())
        last = mx.array(ids[-1:])
        model = self.loaded.model
        for _ in generate_step(last, model, max_tokens=len(gold), prompt_cache=cache, logits_processors=[forced]):
            pass
        self.cost.calls += 1
        self.cost.prompt_tokens += len(ids)
        self.cost.prefilled += len(ids)
        self.cost.answer_tokens += len(gold)
        self.cost.passes += len(gold)


def run_ours(loaded: LoadedModel, texts: Sequence[Text]) -> tuple[Cost, list[Script]]:
    """Ingest freely; what was found becomes the peer's script."""
    client = Named(None, loaded.tokenizer, engine=Engine(loaded), specialise=take_call)
    scripts: list[Script] = []

    def note(number: int, result: Any) -> None:
        names = {node.uuid: node.name for node in result.nodes}
        facts = [
            (1, names[edge.source_node_uuid], names[edge.target_node_uuid], edge.name, edge.fact)
            for edge in result.edges
            if {edge.source_node_uuid, edge.target_node_uuid} <= names.keys()
        ]
        scripts.append(Script(texts[number].day, texts[number].text, list(names.values()), facts))

    embedder, started = bundled_embedder(), clock()
    asyncio.run(ingest(client, embedder, texts, ours=True, after=note))
    seconds, total = clock() - started, client.stats.total()
    prefilled = total.prompt_tokens - total.cached_tokens
    cost = Cost(total.calls, total.prompt_tokens, prefilled, total.answer_tokens, total.forward_passes, seconds)
    return cost, scripts


def run_stock(loaded: LoadedModel, texts: Sequence[Text], scripts: Sequence[Script]) -> Cost:
    """Ingest with stock prompts and forced answers."""
    client = Stock(loaded, scripts)

    def next_script(number: int, _: Any) -> None:
        client.at = min(number + 1, len(scripts) - 1)

    embedder, started = bundled_embedder(), clock()
    asyncio.run(ingest(client, embedder, texts, ours=False, after=next_script))
    client.cost.seconds = clock() - started
    return client.cost


def run_as_shipped(scripts: Sequence[Script], chunks: int) -> tuple[str, Cost]:
    """`run_stock` where mlx was imported before our BLAS; what multiplied there, and the cost."""
    with tempfile.TemporaryDirectory() as folder:
        told, answer = Path(folder) / "scripts", Path(folder) / "cost"
        told.write_bytes(pickle.dumps(scripts))
        code = "import sys, mlx.core; from benchmarks import ingest; ingest.answer_as_shipped(*sys.argv[1:])"
        subprocess.run([sys.executable, "-c", code, str(told), str(answer), str(chunks)], check=True)
        blas, cost = pickle.loads(answer.read_bytes())
    return str(blas), cost


def answer_as_shipped(told: str, answer: str, chunks: str) -> None:
    """The other process."""
    scripts = pickle.loads(Path(told).read_bytes())
    cost = run_stock(bundled(), diary(int(chunks)), scripts)
    Path(answer).write_bytes(pickle.dumps((serving(), cost)))


def main() -> None:
    """Both sides, one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--chunks", type=int, default=8)
    parser.add_argument("--as-shipped", action="store_true", help="the peer also with the BLAS that mlx came with")
    options = parser.parse_args()
    loaded, texts = bundled(), diary(options.chunks)
    run_ours(loaded, texts[:1])  # kernels and grammars are made at first use, on both sides alike
    ours, scripts = run_ours(loaded, texts)
    rows = {f"Graphiti stock, Outlines, mlx-lm, with {serving()}": run_stock(loaded, texts, scripts)}
    if options.as_shipped:
        blas, cost = run_as_shipped(scripts, options.chunks)
        rows[f"the same as shipped, with {blas}"] = cost
    print(f"{about(loaded)}; {len(texts)} chunks, {sum(len(s.names) for s in scripts)} entities, ", end="")
    print(f"{sum(len(s.facts) for s in scripts)} facts\n")
    print("| side | calls | prompt tokens | prefilled | answer tokens | passes | CPU seconds | ours is faster |")
    print("|---|---|---|---|---|---|---|---|")
    for name, cost in (*rows.items(), ("ours", ours)):
        counts = (
            f"{cost.calls} | {cost.prompt_tokens:,} | {cost.prefilled:,} | {cost.answer_tokens:,} | {cost.passes:,}"
        )
        print(f"| {name} | {counts} | {cost.seconds:.1f} | {cost.seconds / ours.seconds:.1f} times |")
    stock = next(iter(rows.values()))
    print(f"\nOurs prefills {ours.prefilled / stock.prefilled:.1%} of stock's tokens.")


if __name__ == "__main__":
    main()
