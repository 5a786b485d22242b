"""Programs: what is served is what is evaluated, and what is saved is private and comes back."""

import json
import stat
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy.utils import DummyLM
from pydantic import BaseModel

from app.errors import BadInput
from app.prompts.adapter import JSONAdapter, answers_within, output_schema, sketch
from app.prompts.library import JournalPrompts, PromptCall, take_call
from app.prompts.programs import Tightened, journal_programs, programs_quoting, save_program
from app.prompts.signatures import ENTITY_TYPES

ENTRY = "1. Met Eva in Bonn yesterday and said nothing."
DEMO = {"entry": ENTRY, "extracted_entities": {ENTRY: [{"name": "Eva", "type": "Person"}]}}


class Recorded(DummyLM):  # type: ignore[misc]
    """Remembers what it was sent, and answers the same to everything."""

    supports_response_schema = True
    supported_params = frozenset({"response_format"})

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__([{}])
        self.answer, self.sent = answer, list[tuple[Any, Any]]()

    def __call__(self, messages: Any = None, **options: Any) -> list[str]:
        self.sent.append((messages, options.get("response_format")))
        return [json.dumps(self.answer)]


def asked(prompts: JournalPrompts) -> PromptCall:
    types = [
        {"entity_type_name": "Entity" if n == "Thing" else n, "entity_type_id": i} for i, n in enumerate(ENTITY_TYPES)
    ]
    prompts.extract_text(
        {"episode_content": "Met Eva in Bonn.", "episode_timestamp": "2024-04-03T00:00:00+00:00", "entity_types": types}
    )
    call = take_call()
    assert call is not None
    return call


@pytest.mark.parametrize("compiled", [False, True])
def test_the_served_prompt_is_the_one_that_is_evaluated(tmp_path: Path, compiled: bool) -> None:
    """Byte for byte, with its schema, bare and compiled; and a compiled program changes what is served."""
    program = journal_programs()["extract_entities"]
    if compiled:
        program.demos = [dspy.Example(**DEMO, answer_schema={}).with_inputs("entry")]
        program.signature = program.signature.with_instructions("List the names, Zoë.")
        save_program(program, tmp_path, "extract_entities")
    prompts = JournalPrompts("Ada", programs=journal_programs(folder=tmp_path))
    call = asked(prompts)
    lm = Recorded({"extracted_entities": {}})
    with dspy.context(lm=lm, adapter=JSONAdapter()):
        Tightened(prompts.programs[call.program])(answer_schema=call.schema, **call.inputs)
    ((messages, response_format),) = lm.sent
    assert messages == call.messages
    assert response_format["json_schema"]["schema"] == call.schema
    assert ("said nothing" in call.messages[0]["content"]) is compiled
    assert (call.messages == asked(JournalPrompts("Ada")).messages) is not compiled


def test_a_saved_program_is_its_owners_alone(tmp_path: Path) -> None:
    """Mode 0600 in a folder of mode 0700, no model in it, only the prompt's own fields; the next save replaces it."""
    program = journal_programs()["extract_entities"]
    program.demos = [{**DEMO, "answer_schema": {"secret": 1}}]
    for _ in range(2):
        path = save_program(program, tmp_path / "prompts", "extract_entities")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["extract_entities.json"]
    state = json.loads(path.read_text())
    assert (state["lm"], state["demos"]) == (None, [DEMO])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("extract_entities.json", "{", "no compiled program"),
        ("extract_entities.json", "[]", "no compiled program"),
        ("extract_entities.json", '{"signature": {"fields": []}}', "other fields"),
        ("extract_names.json", "{}", "no prompt of ours"),
    ],
)
def test_a_file_that_is_no_program_is_refused(tmp_path: Path, name: str, content: str, said: str) -> None:
    """One clear line, and no half-loaded prompt."""
    (tmp_path / name).write_text(content)
    with pytest.raises(BadInput, match=said):
        journal_programs(folder=tmp_path)


def test_how_sure_a_model_must_be_is_part_of_a_program(tmp_path: Path) -> None:
    """It is saved and served with it; a file from before there was one takes everything."""
    program = journal_programs()["extract_edges"]
    program.min_confidence = 0.25
    path = save_program(program, tmp_path, "extract_edges")
    assert journal_programs(folder=tmp_path)["extract_edges"].min_confidence == 0.25
    state = json.loads(path.read_text(encoding="utf-8"))
    del state["min_confidence"]
    path.write_text(json.dumps(state), encoding="utf-8")
    assert journal_programs(folder=tmp_path)["extract_edges"].min_confidence == 0.0


def test_a_program_compiled_for_other_rules_is_refused(tmp_path: Path) -> None:
    """What it learnt to say may be what the grammar of today refuses."""
    path = save_program(journal_programs()["extract_edges"], tmp_path, "extract_edges")
    state = json.loads(path.read_text(encoding="utf-8"))
    for rules in ("of old", None):
        path.write_text(json.dumps({**state, "rules": rules}), encoding="utf-8")
        with pytest.raises(BadInput, match="compiled for other rules"):
            journal_programs(folder=tmp_path)


def test_programs_that_quote_a_text_are_found(tmp_path: Path) -> None:
    """By any sentence of it, however it is broken into lines; short ones are nobody's in particular."""
    program = journal_programs()["extract_entities"]
    program.demos = [DEMO]
    path = save_program(program, tmp_path, "extract_entities")
    assert programs_quoting(tmp_path, ["Met Eva in Bonn\nyesterday and said nothing."]) == [path]
    assert programs_quoting(tmp_path, ["Met Eva", "Met Otto in Bonn yesterday."]) == []
    assert programs_quoting(tmp_path / "nowhere", ["Met Eva in Bonn yesterday"]) == []


def test_a_tighter_schema_holds_inside_alone() -> None:
    """After the call the signature's own schema is asked for again."""
    lm = Recorded({"answer": "yes"})
    predict = dspy.Predict("question -> answer")
    with dspy.context(lm=lm, adapter=JSONAdapter()):
        with answers_within({"type": "object"}):
            predict(question="?")
        predict(question="?")
    (_, inside), (_, outside) = lm.sent
    assert inside["json_schema"]["schema"] == {"type": "object"}
    assert outside["json_schema"]["schema"] == output_schema(predict.signature)


class Node(BaseModel):
    """A tree."""

    name: str
    children: "list[Node]"


def test_a_type_that_holds_itself_is_named() -> None:
    """The sketch of a recursive type ends."""
    assert sketch(list[Node]) == '[{"name": string, "children": [Node, ...]}, ...]'
