"""Tool calls in an answer: whatever weights say, the text reads back as text and calls whose arguments fit."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import validate

from app.llm.engine import Engine
from app.llm.functions import Function, FunctionCall
from app.llm.grammar import Grammars, grammar_of
from app.llm.loader import LoadedModel, load_generator
from app.llm.request import Request, Turn
from app.llm.tokens import PromptEncoder
from app.llm.tool_calls import OPEN, Argument, Called, CallReader, Said, ToolCalls, described, tool_rules, write_calls
from app.settings import BUNDLED_MODEL
from tests.llm.test_grammar import walk
from tests.llm.tiny import SHORT

WEATHER = Function("weather", "of a place", {"type": "object", "properties": {"city": {"type": "string"}}})
ADD = Function("add", "", {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"enum": ["x", "<b>"]}}})
KINDS = [
    ToolCalls((WEATHER, ADD), must_call=True),
    ToolCalls((WEATHER, ADD), must_call=True, parallel=False),
    ToolCalls((ADD,), content={"type": "object", "properties": {"n": {"type": "integer"}}}),
]


def parts_of(text: str, cut: random.Random, *, or_json: bool = False) -> list[Said | Called | Argument]:
    """What a reader makes of a text that arrives in pieces."""
    reader, at = CallReader(or_json=or_json), 0
    parts: list[Said | Called | Argument] = []
    while at < len(text):
        size = cut.randint(1, 9)
        parts += reader.add(text[at : at + size])
        at += size
    return [*parts, *reader.close()]


def read(text: str, cut: random.Random, *, or_json: bool = False) -> tuple[str, list[FunctionCall]]:
    said, calls = "", list[list[str]]()
    for part in parts_of(text, cut, or_json=or_json):
        if isinstance(part, Said):
            said += part.text
        elif isinstance(part, Called):
            calls.append([part.name, ""])
        else:
            calls[-1][1] += part.text
    return said, [FunctionCall(name, json.loads(arguments)) for name, arguments in calls]


@pytest.fixture(scope="module")
def nano() -> LoadedModel:
    """The bundled model: its tokenizer knows no marks of tool calls."""
    return load_generator(BUNDLED_MODEL)


@pytest.fixture(params=["marks are tokens", "marks are characters"])
def grammars(request: pytest.FixtureRequest, tiny: LoadedModel, nano: LoadedModel) -> Grammars:
    return Grammars(tiny if request.param == "marks are tokens" else nano)


def visible(grammars: Grammars) -> set[str]:
    return PromptEncoder(grammars.loaded.tokenizer).visible


@pytest.mark.parametrize("kind", KINDS)
def test_every_walk_through_the_grammar_is_calls_that_fit(grammars: Grammars, kind: ToolCalls) -> None:
    """Adversarial answers read back as calls of these functions, or as the content asked for instead."""
    rng = random.Random(7)
    for _ in range(8):
        text = walk(grammars, grammar_of(kind, SHORT, visible(grammars)), rng)
        if kind.content is not None and not text.startswith("<tool_call>"):
            validate(json.loads(text), kind.content)
            continue
        said, calls = read(text, rng)
        assert said == ""
        assert 1 <= len(calls) <= (8 if kind.parallel else 1)
        for call in calls:
            validate(call.arguments, {f.name: f.parameters for f in kind.functions}[call.name])


def test_text_may_stand_before_a_call_and_alone(grammars: Grammars) -> None:
    """The grammar of a free choice takes text, text and a call, a call alone; and no other function."""
    call = write_calls([FunctionCall("add", {"a": 1, "b": "x"})])
    grammar, tokenizer = grammar_of(ToolCalls((ADD,)), SHORT, visible(grammars)), grammars.loaded.tokenizer._tokenizer
    for text, fits in {
        "": True, "5 < 6, or so": True, f"Let me see.\n{call}": True, call: True, f"{call}\n{call}": True,
        call.replace("add", "sub"): False, f"{call} and": False,
    }.items():  # fmt: skip
        matcher = grammars.constraint(grammar)._matcher  # type: ignore[attr-defined]
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert (matcher.try_consume_tokens(ids) == len(ids) and matcher.is_accepting()) == fits, text


PROSE = st.text(alphabet="ab<\n>/tool_ca", max_size=30).filter(lambda text: OPEN not in text)  # as the grammar has it


@given(PROSE, st.lists(st.text(max_size=12), max_size=3), st.integers())
def test_what_was_written_is_read_back(said: str, cities: list[str], seed: int) -> None:
    """Calls written and read in pieces of any size are the same calls after the same text."""
    calls = [FunctionCall("weather", {"city": city}) for city in cities]
    text = "\n".join(filter(None, [said, write_calls(calls)]))
    assert read(text, random.Random(seed)) == (said.rstrip("\n") if calls else said, calls)


@given(PROSE, st.integers(), st.integers(0, 60))
def test_a_call_cut_off_is_never_said(said: str, seed: int, length: int) -> None:
    """Of an answer that ended within a call the text before it stays text, and no mark shows."""
    call = write_calls([FunctionCall("weather", {"city": "Graz"})])
    parts = parts_of(f"{said}\n{call[: len('<tool_call>') + length]}", random.Random(seed))
    assert "".join(part.text for part in parts if isinstance(part, Said)) == said.rstrip("\n")


@given(st.dictionaries(st.text(), st.sampled_from(["<tool_call>", "a\n<tool_call>\n", "</tool_call>"])), st.integers())
def test_json_that_quotes_the_marks_is_json(told: dict[str, str], seed: int) -> None:
    """Where JSON may be said instead of calls, its strings may hold anything; a call is a call still."""
    text = json.dumps(told, ensure_ascii=False)
    said = [part.text for part in parts_of(text, random.Random(seed), or_json=True) if isinstance(part, Said)]
    assert "".join(said) == text
    call = FunctionCall("weather", told)
    assert read(write_calls([call]), random.Random(seed), or_json=True) == ("", [call])


def test_the_engine_answers_with_calls(short_engine: Engine) -> None:
    """A request whose output type is tool calls is answered with them, drawn or greedy."""
    for seed in range(5):
        request = Request(
            messages=[Turn("user", "What is the weather?")], tools=[described(WEATHER)],
            output_type=KINDS[0], temperature=1.0, seed=seed,
        )  # fmt: skip
        assert read(short_engine.complete(request).text, random.Random(seed))[1]


def test_rules_name_every_function() -> None:
    """What the system message says holds each function's name and schema."""
    rules = tool_rules([WEATHER, ADD])
    assert '"name": "weather"' in rules
    assert json.dumps(ADD.parameters) in rules
