"""A scripted engine: it reads the very prompts a model would get, answers by rules, and keeps to the grammar.

"Nadia works at Helios." states one fact between its first two names, "I met Nadia." one of the writer;
"Nadia left Helios." ends what "works at" told.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from app.ledger.store import Ledger
from app.llm.request import Completion, Request
from app.pipeline import embedding, models
from app.pipeline.request import GRAPH_NAME
from app.prompts.relations import relations_between
from tests.fakes import ENDS, HashEmbedder, NoReranker, empty_graph, words_of

OWNER = "Anna Keller"
NAME = re.compile(r"\b(?!I\b|Rain\b|It\b|Nothing\b)[A-ZÀ-ÞŁ]\w+(?: [A-ZÀ-ÞŁ]\w+)*")
FIELD = re.compile(r"<(\w+)>\n(.*?)\n</\1>", re.DOTALL)

Answer = dict[str, Any]


@dataclass(frozen=True)
class Loaded:
    """What the client and the pipeline read of a loaded model."""

    name: str = "scripted"
    fingerprint: str = "0" * 64
    tokenizer: Any = None


@dataclass(frozen=True)
class Question:
    """A prompt's fields and the schema of its answer."""

    fields: dict[str, str]
    schema: Answer
    key: str


class ScriptedEngine:
    """The engine's two calls; `asked` and `computed` keep and count, `before` may end or stop the process at any."""

    def __init__(self, before: Callable[[int], None] = lambda _: None) -> None:
        self.loaded = Loaded()
        self.computed = 0
        self.asked: list[Question] = []
        self.before = before

    def prepare(self, request: Request) -> Question:
        messages, output_type = request.messages, request.output_type
        text = json.dumps([[turn.role, turn.content] for turn in messages])
        key = hashlib.sha256(f"{text}\0{json.dumps(output_type, sort_keys=True)}".encode()).hexdigest()
        return Question(dict(FIELD.findall(messages[-1].content)), output_type, key)

    async def aanswer(self, question: Question) -> Completion:
        self.before(self.computed)
        self.computed += 1
        self.asked.append(question)
        (kind,) = question.schema["properties"].keys() & _RULES.keys()
        answer = _RULES[kind](question)
        jsonschema.validate(answer, question.schema)
        return Completion((1, 2), json.dumps(answer), 10, 4, 2, 0.0, 0.0, "stop")


def sentences(question: Question) -> list[tuple[int, str]]:
    return [(int(n), text) for n, text in re.findall(r"^(\d+)\. (.*)$", question.fields.get("entry", ""), re.MULTILINE)]


def _entities(question: Question) -> Answer:
    told, found = dict(sentences(question)), dict[str, list[Answer]]()
    seen: set[str] = set()
    for line, array in question.schema["properties"]["extracted_entities"]["properties"].items():
        allowed = array["items"]["properties"]["name"]
        allowed = allowed.get("enum", [allowed.get("const")])
        names = dict.fromkeys(
            name for name in NAME.findall(told[int(line.split(".")[0])]) if name in allowed and name not in seen
        )
        found[line] = [{"name": n, "type": "Person"} for n in names][: array["maxItems"]]
        seen |= {*names}
    return {"extracted_entities": found}


def _resolutions(question: Question) -> Answer:
    known = re.findall(r"^([^(\n]+) \(", question.fields.get("known_entities", ""), re.MULTILINE)
    found = []
    for item in question.schema["properties"]["entity_resolutions"]["prefixItems"]:
        name, same = item["properties"]["name"]["const"], item["properties"]["same_as"]
        alike = (k for k in known if k in same.get("enum", ()) and set(k.split()) & set(name.split()))
        found.append({"name": name, "same_as": next(alike, None)})
    return {"entity_resolutions": found}


def _edges(question: Question) -> Answer:
    listed = question.fields["entities"].splitlines()
    endpoints = [line.removeprefix("the writer: ").split(" (")[0] for line in listed]
    (day,) = re.findall(r"^\d{4}-\d\d-\d\d", question.fields["entry"])
    lines = {int(line.split(".")[0]): line for line in question.schema["properties"]["edges"]["properties"]}
    found: dict[str, list[Answer]] = {line: [] for line in lines.values()}
    for number, text in sentences(question):
        told = re.sub(r"^I\b", OWNER, re.sub(r"[\x00-\x1f]", "", text))
        names = NAME.findall(told)
        verb = re.sub(r"[^A-Z]", "", (told.removeprefix(names[0]).split() or [""])[0].upper()) if names else ""
        is_asked = number in lines  # about a sentence that names and means nobody nothing is
        is_told = len({*names[:2]} & {*endpoints}) == 2 and told.startswith(names[0])
        if is_asked and is_told and len(told) <= 120 and len(verb) > 1:
            of_people = relations_between("Person", "Person")  # everybody is one here
            relation = next((name for name in of_people if name.startswith(verb)), "CONNECTED_WITH")
            ends = {"source": names[0], "target": names[1], "relation": relation}
            found[lines[number]].append({**ends, "fact": told, "valid_at": day, "invalid_at": None})
    return {"edges": found}


def _same_facts(question: Question) -> Answer:
    def listed(field: str) -> list[tuple[int, str]]:
        return [(int(n), t) for n, t in re.findall(r"^(\d+)\. (.*)$", question.fields.get(field, ""), re.MULTILINE)]

    new = question.fields["new_fact"]
    ended = [new.replace(verb, was) for verb, was in ENDS.items() if verb in new]
    same, others = listed("same_entities"), listed("other_facts")
    repeated = [fact for _, fact in same if words_of(fact) == words_of(new)]
    return {
        "verdicts": {
            f"{n}. {fact}": "same" if fact in repeated else "ended" if fact in ended else "other"
            for n, fact in [*same, *others]
        }
    }


def _answer(question: Question) -> Answer:
    """Every line that names all the names of the question answers it, in its own words."""
    wanted = set(NAME.findall(question.fields["question"].split(" ", 1)[1]))
    lines = question.fields["facts_of_journal"].splitlines()
    chosen = [line for line in lines if wanted and wanted <= set(NAME.findall(line))][:5]
    told = " ".join(line.rpartition(" (")[0] for line in chosen)
    return {"facts": dict.fromkeys(chosen, "yes"), "answer": told or "Nobody knows."}


_RULES: dict[str, Callable[[Question], Answer]] = {
    "extracted_entities": _entities,
    "entity_resolutions": _resolutions,
    "edges": _edges,
    "verdicts": _same_facts,
    "answer": _answer,
    "summaries": lambda question: {
        "summaries": [
            {"name": item["properties"]["name"]["const"], "summary": "Is named."}
            for item in question.schema["properties"]["summaries"]["prefixItems"]
        ]
    },
}


def install(patch: pytest.MonkeyPatch, before: Callable[[int], None] = lambda _: None) -> ScriptedEngine:
    """Let every load of this process ask a scripted engine, and every search embed by letters."""
    engine = ScriptedEngine(before)

    def open_models(_model: str, _embedder: str, ledger: Ledger, _say: object = None) -> models.Models:
        client, stats = models.open_client(engine, ledger)  # type: ignore[arg-type]
        return models.Models(client, HashEmbedder(), NoReranker(), stats, "model: scripted")

    patch.setattr(models, "open_models", open_models)
    patch.setattr(embedding, "open_embedder", lambda _name, _ledger: HashEmbedder())
    return engine


def fresh_home(folder: Path) -> Path:
    """A home with an empty graph: Kuzu takes longer to make one than a small journal takes to load."""
    home = folder / "home"
    home.mkdir(mode=0o700, parents=True)
    empty_graph(home / GRAPH_NAME)
    return home


def write_journal(path: Path, *entries: tuple[str | date, str]) -> Path:
    """A Markdown journal of (day, text)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(f"# {day}\n\n{text}\n" for day, text in entries), encoding="utf-8")
    return path


WEEKS = (
    ("2024-03-04", "Nadia works at Helios. Thomas lives in Lyon. I met Nadia at the river."),
    ("2024-03-11", "Nadia met Thomas. Zoë visited Łódź. Rain all day."),
    ("2024-03-18", "nothing happened and nobody came."),
    ("2024-04-21", "Nadia left Helios. Thomas moved from Lyon. Nadia met Thomas."),
)
