"""Calls and prompt characters per entry, ours against Graphiti's stock prompts: `python -m benchmarks.prompts`.

Knows both prompt libraries, Graphiti and the store; no model runs. In: three texts.  Out: tables.

Both sides go through the same Graphiti, the same embedded store and the same embedder, an entry being one episode, and
a script gives both the same answers: the gold of tests/gold; elsewhere entities are the capitalised runs of words of a
sentence and facts join the first of a sentence with the next two. Nothing is a duplicate, nothing contradicts, every
summary asked for is one short sentence. Only dates differ, as each side's rules ask: ours dates every fact at once;
stock dates a fact at once if it is told in the present tense and else asks again, so it is counted both with every fact
asked again and with none. System and user messages are counted, the JSON schema of the answer on neither side. Stock is
shown ten previous entries and ours two, as each asks. Tokens are Qwen3's, where its tokenizer is at hand.
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import app.graph.quiet  # noqa: F401  # before graphiti

# isort: split
from graphiti_core.llm_client.client import LLMClient
from graphiti_core.llm_client.config import LLMConfig
from graphiti_core.nodes import EpisodeType

from app.graph.store import GraphStore
from app.graph.unasked import UnaskedReranker
from app.journal.reader import find_files, read_journal
from app.journal.sentences import split_sentences
from app.llm.embedder import QwenEmbedder
from app.llm.loader import load_embedder
from app.measure.gold import read_gold, spread
from app.prompts.library import JournalPrompts, graph_types, take_call
from app.settings import BUNDLED_EMBEDDER, ROOT

OWNER = "The writer"
TIMESTAMPS = "extract_edges.extract_timestamps"
SHARED = Path(os.environ.get("DAYBOOK_SHARED", ROOT.parent / "shared")) / "data"
_NAME = re.compile(r"(?<![.!?] )(?<!^)\b[A-Z][\w'’-]+(?: [A-Z][\w'’-]+)*")


@dataclass(frozen=True)
class Script:
    """An entry and the one set of answers both sides give."""

    day: date
    text: str
    names: list[str]
    facts: list[tuple[int, str, str, str, str]]  # sentence (from 1), source, target, relation, fact


def by_rule(day: date, text: str) -> Script:
    """Names and facts by rule, for texts without gold."""
    names: dict[str, None] = {}
    facts = []
    for number, (start, end) in enumerate(split_sentences(text), 1):
        here = list(dict.fromkeys(" ".join(m.group().split()) for m in _NAME.finditer(text[start:end])))[:4]
        names.update(dict.fromkeys(here))
        facts += [(number, here[0], it, "TOLD_OF_WITH", f"{here[0]} is told of with {it}.") for it in here[1:3]]
    return Script(day, text, list(names), facts)


def by_gold(count: int) -> list[Script]:
    """Hand-written entries with their gold; their forty writers become one, for one graph has one owner."""
    found = []
    for gold in spread(read_gold(ROOT / "tests" / "gold" / "handwritten.jsonl"), count):
        facts = []
        for fact in gold.facts or ():
            one, other = (OWNER if name == gold.owner else name for name in (fact.source, fact.target))
            named = [n for n, (a, b) in enumerate(split_sentences(gold.text), 1) if other in gold.text[a:b]]
            words = fact.relation.replace("_", " ").lower()
            facts.append((named[0] if named else 1, one, other, fact.relation, f"{one} {words} {other}."))
        found.append(Script(gold.day, gold.text, [entity.names[0] for entity in gold.entities], facts))
    return found


@dataclass
class Count:
    """What one side was asked: (characters, tokens) of each call, by prompt."""

    sizes: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))

    def all(self, *, but: str = "") -> list[tuple[int, int]]:
        return [size for prompt, sizes in self.sizes.items() if prompt != but for size in sizes]


class Scripted(LLMClient):  # type: ignore[misc]  # graphiti is untyped
    """Answers from the script and counts what it was asked."""

    def __init__(self, count_tokens: Callable[[str], int]) -> None:
        super().__init__(LLMConfig(model="script"), cache=False)
        self.count, self.count_tokens = Count(), count_tokens
        self.script = Script(date.min, "", [], [])

    async def _generate_response(self, *_arguments: Any, **_options: Any) -> dict[str, Any]:
        raise AssertionError("only the public call is used")

    async def generate_response(self, messages: Any, **options: Any) -> dict[str, Any]:
        prompt, call = options["prompt_name"], take_call()
        texts = [m["content"] for m in call.messages] if call else [m.content for m in messages]
        self.count.sizes[prompt].append((sum(map(len, texts)), sum(map(self.count_tokens, texts))))
        if call is None:
            return _stock_answer(prompt, texts[1], self.script)
        return call.finish(_our_answer(prompt, call.schema, self.script))


def _our_answer(prompt: str, schema: dict[str, Any], script: Script) -> dict[str, Any]:
    match prompt:
        case "extract_nodes.extract_text":
            return {"extracted_entities": {"1. A.": [{"name": name, "type": "Person"} for name in script.names]}}
        case "extract_edges.edge":
            keys = ("source", "target", "relation", "fact")
            dates: dict[str, str | None] = {"valid_at": script.day.isoformat(), "invalid_at": None}
            edges: dict[str, list[dict[str, str | None]]] = defaultdict(list)
            for sentence, *fact in script.facts:
                edges[f"{sentence}."].append({**dict(zip(keys, fact, strict=True)), **dates})
            return {"edges": edges}
        case "dedupe_nodes.nodes":
            items = schema["properties"]["entity_resolutions"]["prefixItems"]
            names = [item["properties"]["name"]["const"] for item in items]
            return {"entity_resolutions": [{"name": name, "same_as": None} for name in names]}
        case "dedupe_edges.resolve_edge":
            return {"verdicts": {}}
        case "extract_nodes.extract_summaries_batch":
            items = schema["properties"]["summaries"]["prefixItems"]
            return _summaries(item["properties"]["name"]["const"] for item in items)
    raise AssertionError(prompt)


def _stock_answer(prompt: str, text: str, script: Script) -> dict[str, Any]:
    match prompt:
        case "extract_nodes.extract_text":
            names = [*script.names, OWNER] if script.names else []  # as ours adds the writer
            return {"extracted_entities": [{"name": name, "entity_type_id": 1} for name in names]}
        case "extract_edges.edge":
            keys = ("source_entity_name", "target_entity_name", "relation_type", "fact")
            return {"edges": [dict(zip(keys, fact[1:], strict=True)) for fact in script.facts]}
        case "dedupe_nodes.nodes":
            total = int(re.findall(r"ENTITIES contains (\d+)", text)[0])
            answers = [{"id": i, "name": "", "duplicate_candidate_id": -1} for i in range(total)]
            return {"entity_resolutions": answers}
        case "dedupe_edges.resolve_edge":
            return {"duplicate_facts": [], "contradicted_facts": []}
        case "extract_edges.extract_timestamps":
            return {"valid_at": None, "invalid_at": None}
        case "extract_nodes.extract_summaries_batch":
            asked = re.findall(r"<ENTITIES>\n(.*)\n</ENTITIES>", text, re.DOTALL)[-1]
            return _summaries(entity["name"] for entity in json.loads(asked))
    raise AssertionError(prompt)


def _summaries(names: Iterable[str]) -> dict[str, Any]:
    return {"summaries": [{"name": name, "summary": f"{name} is named."} for name in names]}


async def measure(
    scripts: list[Script], embedder: QwenEmbedder, count_tokens: Callable[[str], int], *, ours: bool
) -> Count:
    """Ingest the entries once with one side's prompts."""
    client, prompts = Scripted(count_tokens), JournalPrompts(owner=OWNER)
    with (
        tempfile.TemporaryDirectory() as home,
        GraphStore.open(
            Path(home) / "graph.kuzu",
            llm_client=client,
            embedder=embedder,
            cross_encoder=UnaskedReranker(),
            prompt_library=prompts.library() if ours else None,
            group="bench",
        ) as store,
    ):
        before: list[str] = []
        for client.script in scripts:
            day = client.script.day
            async with store.driver.transaction():
                result = await store.graphiti.add_episode(
                    name=day.isoformat(),
                    episode_body=client.script.text,
                    source_description="private journal",
                    reference_time=datetime.combine(day, time(), UTC),
                    source=EpisodeType.text,
                    group_id="bench",
                    entity_types=graph_types(prompts.types),
                    previous_episode_uuids=before[-2:] if ours else None,
                )
            before.append(result.episode.uuid)
    return client.count


def scripts_of(*paths: Path, limit: int) -> list[Script]:
    """The first entries of journal files, by date; none where the files are not at hand."""
    if not all(path.exists() for path in paths):
        return []
    found = [(entry.date, entry.text) for path in find_files(paths) for entry in read_journal(path).entries]
    return [by_rule(day, text) for day, text in sorted(found)[:limit]]


def token_counter(folder: Path) -> Callable[[str], int] | None:
    """Qwen3's own tokenizer, built from its published vocabulary; None where that is not at hand."""
    if not folder.is_dir():
        return None
    from tokenizers import Tokenizer

    with tempfile.TemporaryDirectory() as built:
        subprocess.run([sys.executable, folder / "build_tokenizer.py", built], check=True, stdout=subprocess.DEVNULL)
        tokenizer = Tokenizer.from_file(str(Path(built) / "Qwen3" / "tokenizer.json"))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def text_row(name: str, side: str, sizes: list[tuple[int, int]], entries: int, stock: list[tuple[int, int]]) -> str:
    """Per entry: calls, characters, tokens; and the characters as a share of stock's."""
    chars, tokens = (sum(size[i] for size in sizes) for i in (0, 1))
    share = chars / sum(size[0] for size in stock)
    counts = f"{len(sizes) / entries:.1f} | {chars / entries:,.0f} | {tokens / entries:,.0f}"
    return f"| {name} | {side} | {counts} | {share:.0%} |"


def prompt_row(prompt: str, sides: list[list[tuple[int, int]]]) -> str:
    """Per prompt, stock beside ours: calls, median and mean characters and median tokens of a call."""
    cells = [f"{len(sizes)}" for sizes in sides]
    chars = [[size[0] for size in sizes] or [0] for sizes in sides]
    cells += [f"{statistics.median(one):,.0f}" for one in chars] + [f"{statistics.mean(one):,.0f}" for one in chars]
    cells += [f"{statistics.median([size[1] for size in sizes] or [0]):,.0f}" for sizes in sides]
    return f"| {prompt} | {' | '.join(cells)} |"


def main() -> None:
    """Print a line a text and side, and one a prompt."""
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    texts = {
        "sample journals": scripts_of(ROOT / "data" / "journals", limit=18),
        "hand-written, tests/gold": by_gold(10),
        "Pepys, June 1662": scripts_of(SHARED / "diaries" / "raw" / "pepys_1662_06-07_markdown", limit=10),
    }
    embedder = QwenEmbedder(load_embedder(BUNDLED_EMBEDDER), 256)
    count_tokens = token_counter(SHARED / "tokenizer_qwen") or (lambda _text: 0)
    print("| text | side | calls an entry | characters an entry | tokens an entry | of stock's characters |")
    print("|---|---|---|---|---|---|")
    total: tuple[Count, Count] = (Count(), Count())
    for name, scripts in texts.items():
        if not scripts:
            print(f"| {name} | not at hand | | | | |")
            continue
        stock, ours = (asyncio.run(measure(scripts, embedder, count_tokens, ours=side)) for side in (False, True))
        for whole, part in zip(total, (stock, ours), strict=True):
            for prompt, sizes in part.sizes.items():
                whole.sizes[prompt] += sizes
        named = f"{name}, {len(scripts)} entries"
        print(text_row(named, "stock, each fact dated by a second call", stock.all(), len(scripts), stock.all()))
        print(text_row(named, "stock, no second calls", stock.all(but=TIMESTAMPS), len(scripts), stock.all()))
        print(text_row(named, "ours", ours.all(), len(scripts), stock.all()), flush=True)
    print("\n| prompt | calls, stock | ours | median characters, stock | ours | mean, stock | ours ", end="")
    print("| median tokens, stock | ours |\n|---|---|---|---|---|---|---|---|---|")
    for prompt in sorted(total[0].sizes.keys() | total[1].sizes.keys()):
        print(prompt_row(prompt, [side.sizes.get(prompt, []) for side in total]))


if __name__ == "__main__":
    main()
