"""A tiny honest model for the graph: it reads plain sentences, answers by rules, and remembers what it was asked.

"Nadia works at Helios." states one fact between its first two names; "Nadia left Helios." ends it.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid5

import app.graph.quiet  # noqa: F401  # before graphiti

# isort: split
import numpy as np
from graphiti_core.cross_encoder.client import CrossEncoderClient
from graphiti_core.embedder.client import EmbedderClient
from graphiti_core.llm_client.client import LLMClient
from graphiti_core.llm_client.config import LLMConfig
from graphiti_core.prompts import ChatPrompt, SystemMessage, UserMessage, create_prompt_library

from app.graph.drivers.kuzu import EmbeddedKuzu
from app.graph.ingest import Episode, GroundedFact, Grounding, Mention
from app.graph.store import GraphStore

GROUP = "ines"
DIM = 32
NAME = re.compile(r"\b[A-ZÀ-ÞŁ]\w*(?: [A-ZÀ-ÞŁ]\w*)*")
ENDS = {"left": "works at", "moved from": "lives in"}

_CONTEXT: ContextVar[dict[str, Any] | None] = ContextVar("context", default=None)
_ASKED = {
    "extract_nodes": ("extract_text", "extract_summaries_batch"),
    "extract_edges": ("edge", "extract_timestamps"),
    "dedupe_nodes": ("nodes",),
    "dedupe_edges": ("resolve_edge",),
}


def prompt_library() -> Any:
    """Prompts that are the structured context itself, as the project's prompt room gets it."""

    def build(context: dict[str, Any]) -> ChatPrompt:
        _CONTEXT.set(context)
        # Graphiti builds the labels of a new entity from a set: whoever writes prompts has to sort them.
        for node in context.get("extracted_nodes", []):
            node["entity_type"] = sorted(node["entity_type"])
        return ChatPrompt(
            system=SystemMessage(content="rules"), user=UserMessage(content=json.dumps(context, default=str))
        )

    return create_prompt_library({room: dict.fromkeys(names, build) for room, names in _ASKED.items()})


def sentences(text: str) -> list[str]:
    return [s.strip() for s in re.findall(r"[^.\n]+\.", text)]


def facts_in(text: str) -> list[tuple[str, str, str]]:
    """(source, target, fact) of every sentence that has two names."""
    found = [(NAME.findall(sentence), sentence) for sentence in sentences(text)]
    return [(names[0], names[1], sentence) for names, sentence in found if len(names) > 1]


def words_of(fact: str) -> list[str]:
    return sorted(re.findall(r"\w+", fact.lower()))


class FakeLM(LLMClient):  # type: ignore[misc]  # graphiti is untyped to mypy
    """Answers by rules; `asked` holds every prompt in order; `answers` plays the ledger's part."""

    def __init__(self, answers: dict[str, dict[str, Any]] | None = None) -> None:
        super().__init__(LLMConfig(model="fake", temperature=0), cache=False)
        self.asked: list[tuple[str, str]] = []
        self.computed = 0
        self.fail_at: str | None = None
        self.answers = answers if answers is not None else {}

    async def generate_response(self, messages: list[Any], *_: Any, prompt_name: str = "", **__: Any) -> dict[str, Any]:
        context = _CONTEXT.get()
        assert context is not None, f"{prompt_name} was not asked through our prompt library"
        _CONTEXT.set(None)
        prompt = messages[-1].content
        self.asked.append((prompt_name, prompt))
        if self.fail_at == prompt_name:
            raise ConnectionError("the model went away")
        key = hashlib.sha256(f"{prompt_name}\0{prompt}".encode()).hexdigest()
        if key not in self.answers:
            self.computed += 1
            self.answers[key] = _RULES[prompt_name](context)
        return json.loads(json.dumps(self.answers[key]))  # type: ignore[no-any-return]

    async def _generate_response(self, *_: Any, **__: Any) -> dict[str, Any]:
        raise NotImplementedError  # abstract in Graphiti; generate_response above never comes so far


def _entities(context: dict[str, Any]) -> dict[str, Any]:
    names = dict.fromkeys(NAME.findall(" ".join(sentences(context["episode_content"]))))
    kinds = len(context["entity_types"])
    return {
        "extracted_entities": [{"name": n, "entity_type_id": len(n) % kinds, "episode_indices": [0]} for n in names]
    }


def _edges(context: dict[str, Any]) -> dict[str, Any]:
    return {
        "edges": [
            {
                "source_entity_name": source,
                "target_entity_name": target,
                "relation_type": re.sub(r"\W+", "_", fact.split(" ")[1].upper()),
                "fact": fact,
                "valid_at": f"{context['reference_time']:%Y-%m-%d}T00:00:00Z",
                "invalid_at": None,
                "episode_indices": [0],
            }
            for source, target, fact in facts_in(context["episode_content"])
        ]
    }


def _same_entities(context: dict[str, Any]) -> dict[str, Any]:
    def candidate(name: str) -> int:
        same = [c for c in context["existing_nodes"] if set(name.split()) & set(c["name"].split())]
        return int(same[0]["candidate_id"]) if same else -1

    return {
        "entity_resolutions": [
            {"id": node["id"], "name": node["name"], "duplicate_candidate_id": candidate(node["name"])}
            for node in context["extracted_nodes"]
        ]
    }


def _same_facts(context: dict[str, Any]) -> dict[str, Any]:
    new = context["new_edge"]
    ended = [new.replace(verb, was).split(".")[0] for verb, was in ENDS.items() if verb in new]
    everything = [*context["existing_edges"], *context["edge_invalidation_candidates"]]
    return {
        "duplicate_facts": [e["idx"] for e in context["existing_edges"] if words_of(e["fact"]) == words_of(new)],
        "contradicted_facts": [e["idx"] for e in everything if any(e["fact"].startswith(was) for was in ended)],
    }


_RULES: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "extract_nodes.extract_text": _entities,
    "extract_nodes.extract_summaries_batch": lambda context: {
        "summaries": [{"name": e["name"], "summary": f"{e['name']} is named."} for e in context["entities"]]
    },
    "extract_edges.edge": _edges,
    "extract_edges.extract_timestamps": lambda _: {"valid_at": None, "invalid_at": None},
    "dedupe_nodes.nodes": _same_entities,
    "dedupe_edges.resolve_edge": _same_facts,
}


class HashEmbedder(EmbedderClient):  # type: ignore[misc]
    """A vector of letter triples: texts that share many are near."""

    async def create(self, input_data: Any) -> list[float]:
        return _vector(input_data if isinstance(input_data, str) else next(iter(input_data)))

    async def create_batch(self, input_data_list: list[str]) -> list[list[float]]:
        return [_vector(text) for text in input_data_list]

    async def embed_many(self, texts: Sequence[str]) -> Any:
        return np.array([_vector(text) for text in texts], np.float32).reshape(-1, DIM)

    async def embed_query(self, text: str) -> list[float]:
        return _vector(text)


def _vector(text: str) -> list[float]:
    sums = [0.0] * DIM
    for start in range(max(1, len(text) - 2)):
        digest = hashlib.blake2b(text[start : start + 3].lower().encode(), digest_size=8).digest()
        sums[digest[0] % DIM] += 1.0 if digest[1] % 2 else -1.0
    length = math.sqrt(sum(x * x for x in sums)) or 1.0
    return [x / length for x in sums]


class NoReranker(CrossEncoderClient):  # type: ignore[misc]
    """Nothing in this house reranks by a model while it loads journals."""

    async def rank(self, *_: Any) -> list[tuple[str, float]]:
        raise AssertionError("nobody should ask")


@cache
def _empty_graph() -> bytes:
    """An empty database's file, made once per process: making one costs more than loading an episode."""
    with TemporaryDirectory() as folder:
        EmbeddedKuzu(Path(folder) / "graph.kuzu").shut()
        return (Path(folder) / "graph.kuzu").read_bytes()


def empty_graph(path: Path) -> Path:
    """Lay an empty database at `path` unless there is one."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_empty_graph())
    return path


def open_store(path: Path, lm: FakeLM | None = None, group: str = GROUP) -> GraphStore:
    """A graph at `path` with every part faked that would need a model."""
    return GraphStore.open(
        empty_graph(path),
        llm_client=lm or FakeLM(),
        embedder=HashEmbedder(),
        cross_encoder=NoReranker(),
        prompt_library=prompt_library(),
        group=group,
    )


def an_episode(text: str, day: str = "2024-03-04", order: int = 0) -> Episode:
    return Episode(str(uuid5(UUID(int=7), f"{day}/{order}/{text}")), day, text, date.fromisoformat(day), order)


def ground(episode: Episode, file_start: int = 0) -> Callable[[], Grounding]:
    """Evidence as the prompt room tells it: the sentence of each fact, the first place of each name."""
    text = episode.text

    def told() -> Grounding:
        facts = [
            GroundedFact(a, b, fact, file_start + text.find(fact), file_start + text.find(fact) + len(fact), fact)
            for a, b, fact in dict.fromkeys(facts_in(text))
        ]
        names = dict.fromkeys(NAME.findall(" ".join(sentences(text))))
        starts = {name: file_start + text.find(name) for name in names}
        return Grounding(facts, [Mention(name, at, at + len(name)) for name, at in starts.items()])

    return told


WEEKS = (
    an_episode("Nadia works at Helios. Thomas lives in Lyon. Thomas met Nadia at the river.", "2024-03-04"),
    an_episode("Nadia met Thomas. Will gave IT a book. Rain all day.", "2024-03-11"),
    an_episode("At Helios works Nadia. Zoë visited Łódź. Nadia visited Łódź.", "2024-03-11", 1),
    an_episode("nothing happened and nobody came.", "2024-03-18"),
    an_episode("Nadia left Helios. Thomas moved from Lyon. Thomas lives in Grenoble. Nadia met Thomas.", "2024-04-21"),
)
