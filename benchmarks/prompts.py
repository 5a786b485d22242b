"""Calls and prompt characters per entry, ours against Graphiti's stock prompts: `python -m benchmarks.prompts`.

Knows both prompt libraries, Graphiti and the store; no model runs. In: three texts.  Out: a table.

Both sides go through the same Graphiti, the same embedded store and the same embedder, and a script gives both the
same answers: entities are the capitalised runs of words of a sentence, facts join the first of a sentence with the
next two, nothing is a duplicate and nothing contradicts. Dates are answered as each side's rules ask: ours with the
entry's date, stock with none where the text names none. Stock prompts are counted without the JSON schema, which a
grammar makes superfluous; our schema is not counted either. Previous entries: ours two, stock ten, as each asks.
"""

import argparse
import asyncio
import os
import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
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
from app.prompts.library import JournalPrompts, graph_types, take_call
from app.settings import BUNDLED_EMBEDDER, ROOT

OWNER = "The writer"
_NAME = re.compile(r"(?<![.!?] )(?<!^)\b[A-Z][\w'’-]+(?: [A-Z][\w'’-]+)*")


@dataclass
class Script:
    """The one set of answers of an entry."""

    names: list[str]
    facts: list[tuple[int, str, str, str]]  # sentence (from 1), source, target, fact


def script_of(text: str) -> Script:
    """Names and facts by rule, the same for both sides."""
    names: dict[str, None] = {}
    facts = []
    for number, (start, end) in enumerate(split_sentences(text), 1):
        here = list(dict.fromkeys(" ".join(m.group().split()) for m in _NAME.finditer(text[start:end])))[:4]
        names.update(dict.fromkeys(here))
        facts += [(number, here[0], other, f"{here[0]} is told of with {other}.") for other in here[1:3]]
    return Script(list(names), facts)


@dataclass
class Count:
    """What one side was asked."""

    calls: Counter[str] = field(default_factory=Counter)
    chars: Counter[str] = field(default_factory=Counter)


class Scripted(LLMClient):  # type: ignore[misc]  # graphiti is untyped
    """Answers from the script and counts what it was asked."""

    def __init__(self) -> None:
        super().__init__(LLMConfig(model="script"), cache=False)
        self.count, self.script, self.day = Count(), Script([], []), ""

    async def _generate_response(self, *_arguments: Any, **_options: Any) -> dict[str, Any]:
        raise AssertionError("only the public call is used")

    async def generate_response(self, messages: Any, **options: Any) -> dict[str, Any]:
        prompt, call = options["prompt_name"], take_call()
        texts = [m["content"] for m in call.messages] if call else [m.content for m in messages]
        self.count.calls[prompt] += 1
        self.count.chars[prompt] += sum(map(len, texts))
        if call is None:
            return _stock_answer(prompt, texts[1], self.script)
        return call.finish(_our_answer(prompt, call.schema, self.script, self.day))


def _our_answer(prompt: str, schema: dict[str, Any], script: Script, day: str) -> dict[str, Any]:
    match prompt:
        case "extract_nodes.extract_text":
            return {"extracted_entities": [{"name": name, "type": "Person"} for name in script.names]}
        case "extract_edges.edge":
            keys = ("sentence", "source", "target", "fact")
            rest = {"relation": "TOLD_OF_WITH", "valid_at": day, "invalid_at": None}
            return {"edges": [dict(zip(keys, fact, strict=True)) | rest for fact in script.facts]}
        case "dedupe_nodes.nodes":
            items = schema["properties"]["entity_resolutions"]["prefixItems"]
            names = [item["properties"]["name"]["const"] for item in items]
            return {"entity_resolutions": [{"name": name, "same_as": None} for name in names]}
        case "dedupe_edges.resolve_edge":
            return {"duplicate_facts": [], "contradicted_facts": []}
        case "extract_nodes.extract_summaries_batch":
            items = schema["properties"]["summaries"]["prefixItems"]
            names = [item["properties"]["name"]["const"] for item in items]
            return {"summaries": [{"name": name, "summary": f"{name} is named."} for name in names]}
    raise AssertionError(prompt)


def _stock_answer(prompt: str, text: str, script: Script) -> dict[str, Any]:
    match prompt:
        case "extract_nodes.extract_text":
            return {"extracted_entities": [{"name": name, "entity_type_id": 1} for name in [*script.names, OWNER]]}
        case "extract_edges.edge":
            return {
                "edges": [
                    {"source_entity_name": a, "target_entity_name": b, "relation_type": "TOLD_OF_WITH", "fact": fact}
                    for _, a, b, fact in script.facts
                ]
            }
        case "dedupe_nodes.nodes":
            total = int(re.findall(r"ENTITIES contains (\d+)", text)[0])
            answers = [{"id": i, "name": "", "duplicate_candidate_id": -1} for i in range(total)]
            return {"entity_resolutions": answers}
        case "dedupe_edges.resolve_edge":
            return {"duplicate_facts": [], "contradicted_facts": []}
        case "extract_edges.extract_timestamps":
            return {"valid_at": None, "invalid_at": None}
        case "extract_nodes.extract_summaries_batch":
            return {"summaries": []}
    raise AssertionError(prompt)


async def measure(texts: list[tuple[date, str]], embedder: QwenEmbedder, *, ours: bool) -> Count:
    """Ingest the entries once with one side's prompts."""
    client, prompts = Scripted(), JournalPrompts(owner=OWNER)
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
        for day, text in texts:
            client.script, client.day = script_of(text), day.isoformat()
            async with store.driver.transaction():
                result = await store.graphiti.add_episode(
                    name=day.isoformat(),
                    episode_body=text,
                    source_description="private journal",
                    reference_time=_midnight(day),
                    source=EpisodeType.text,
                    group_id="bench",
                    entity_types=graph_types(prompts.types),
                    previous_episode_uuids=before[-2:] if ours else None,
                )
            before.append(result.episode.uuid)
    return client.count


def _midnight(day: date) -> Any:
    from datetime import UTC, datetime, time

    return datetime.combine(day, time(), UTC)


def texts_of(*paths: Path, limit: int) -> list[tuple[date, str]]:
    """The first entries of journal files, by date."""
    found = [(e.date, e.text) for path in find_files(paths) for e in read_journal(path).entries]
    return sorted(found)[:limit]


def main() -> None:
    """Print one line a text and side, and one a prompt."""
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    shared = Path(os.environ.get("DAYBOOK_SHARED", ROOT.parent / "shared")) / "data" / "diaries" / "raw"
    texts = {
        "sample journals, 18 entries": texts_of(ROOT / "data" / "journals", limit=18),
        "Pepys, 10 days of June 1662": texts_of(shared / "pepys_1662_06-07_markdown", limit=10),
        "Barbellion, 10 entries of 1911": texts_of(shared / "barbellion_1911_cp1252_crlf.txt", limit=10),
    }
    embedder = QwenEmbedder(load_embedder(BUNDLED_EMBEDDER), 256)
    print("| text | side | calls an entry | prompt characters an entry | of stock |\n|---|---|---|---|---|")
    by_prompt = {True: Count(), False: Count()}
    for name, entries in texts.items():
        stock_chars = 0.0
        for ours in (False, True):
            count = asyncio.run(measure(entries, embedder, ours=ours))
            by_prompt[ours].calls.update(count.calls)
            by_prompt[ours].chars.update(count.chars)
            calls, chars = count.calls.total() / len(entries), count.chars.total() / len(entries)
            stock_chars = stock_chars if ours else chars
            share = f"{chars / stock_chars:.0%}"
            print(f"| {name} | {'ours' if ours else 'stock'} | {calls:.1f} | {chars:,.0f} | {share} |", flush=True)
    print("\n| prompt | stock calls | ours | stock characters a call | ours |\n|---|---|---|---|---|")
    for prompt in sorted(by_prompt[False].calls | by_prompt[True].calls):
        row = [f"{by_prompt[side].calls[prompt]}" for side in (False, True)]
        row += [f"{by_prompt[s].chars[prompt] / max(1, by_prompt[s].calls[prompt]):,.0f}" for s in (False, True)]
        print(f"| {prompt} | {' | '.join(row)} |")


if __name__ == "__main__":
    main()
