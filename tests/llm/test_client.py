"""The laws of GraphitiLM: Graphiti's contract kept, every answer in shape, none asked twice."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest
from graphiti_core.llm_client.config import LLMConfig, ModelSize
from graphiti_core.prompts.lib import BUILTIN_PROMPT_SPECS
from graphiti_core.prompts.models import Message
from graphiti_core.prompts.summarize_nodes import Summary
from pydantic import BaseModel, create_model, field_validator

from app.errors import DaybookError, PromptTooLong, Truncated
from app.llm.calls import CallStats, PromptStats
from app.llm.client import GraphitiLM
from app.llm.engine import Engine
from app.llm.loader import LoadedModel
from app.llm.room import budget_for
from tests.llm.tiny import SHARED

RECORDED = SHARED / "data" / "graphiti_prompts.jsonl.gz"
MODELS = {
    spec.response_model.__name__: spec.response_model for spec in BUILTIN_PROMPT_SPECS.values() if spec.response_model
}


class Shelf:
    """A memory of calls, as the ledger keeps one."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.prompt_names: list[str] = []

    def get(self, key: str) -> str | None:
        return self.answers.get(key)

    def put(self, key: str, *, prompt_name: str, answer: str, **figures: Any) -> None:
        assert set(figures) == {"prompt_tokens", "answer_tokens", "cached_tokens", "seconds", "weights"}
        self.answers[key] = answer
        self.prompt_names.append(prompt_name)


@dataclass
class Special:
    """What a prompt builder of ours leaves."""

    weigh = None

    messages: list[dict[str, str]]
    schema: dict[str, Any]
    finish: Callable[[dict[str, Any]], dict[str, Any]]


def lm_with(engine: Engine, **options: Any) -> GraphitiLM:
    return GraphitiLM(None, None, engine=engine, **options)


def talk(text: str = "I met Marie.") -> list[Message]:
    return [Message(role="system", content="Summarise."), Message(role="user", content=text)]


def recorded_calls() -> list[dict[str, Any]]:
    """The last call of each prompt that Graphiti's recording holds: the fullest."""
    with gzip.open(RECORDED, "rt", encoding="utf-8") as lines:
        calls = [json.loads(line) for line in lines]
    return list({call["prompt_name"]: call for call in calls}.values())


@pytest.mark.skipif(not RECORDED.is_file(), reason=f"Graphiti's recorded prompts are not at {RECORDED}")
async def test_recorded_prompts_of_graphiti_get_answers_in_shape(short_engine: Engine) -> None:
    """A random-weight model answers real prompts with what their response models and schemas accept."""
    lm = lm_with(short_engine)
    for call in recorded_calls():
        schema = call["json_schema"]
        response_model = MODELS.get(call["response_model"]) or _own_model(call["response_model"], schema)
        answer = await lm.generate_response(
            [Message(**message) for message in call["messages"]],
            response_model=response_model,
            max_tokens=call["max_tokens"],
            model_size=ModelSize(call["model_size"]),
            group_id=call["group_id"],
            prompt_name=call["prompt_name"],
            attribute_extraction=call["attribute_extraction"],
            model=None,
        )
        jsonschema.Draft202012Validator(schema).validate(answer)
    assert sum(stats.calls for stats in lm.stats.by_prompt.values()) == len(recorded_calls())


def _own_model(name: str, schema: dict[str, Any]) -> type[BaseModel]:
    """The owner's entity types of the recording: optional texts."""
    fields: dict[str, Any] = dict.fromkeys(schema["properties"], (str | None, None))
    made: type[BaseModel] = create_model(name, **fields)
    return made


def test_an_outlines_model_is_enough(tiny: LoadedModel) -> None:
    """The documented construction works on every platform, and temperature is 0 whatever the config says."""
    import outlines

    outlines_model = outlines.from_mlxlm(tiny.model, tiny.tokenizer)
    lm = GraphitiLM(outlines_model, tiny.tokenizer, config=LLMConfig(model="mine", temperature=1, max_tokens=99))
    assert (lm.model, lm.temperature, lm.max_tokens, lm.cache_enabled) == ("mine", 0, 99, False)
    shared = GraphitiLM(outlines_model, tiny.tokenizer, loaded=tiny)
    assert shared.engine.loaded is tiny


async def test_the_caller_s_messages_are_left_alone(short_engine: Engine) -> None:
    """Graphiti's own client appends to them in place; a second call would then differ."""
    messages = talk("zero\u200bwidth")
    before = [message.model_copy() for message in messages]
    lm = lm_with(short_engine)
    first = await lm.generate_response(messages, response_model=Summary, attribute_extraction=True)
    assert messages == before
    assert first == await lm.generate_response(messages, response_model=Summary, attribute_extraction=True)


async def test_stock_prompts_keep_graphiti_s_language_and_attribute_notes(
    short_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system message carries both notes, the user's text is cleaned, and no schema is pasted in."""
    sent: list[Any] = []
    prepare = short_engine.prepare

    def watch(request: Any) -> Any:
        sent.append(request.messages)
        return prepare(request)

    monkeypatch.setattr(short_engine, "prepare", watch)
    await lm_with(short_engine).generate_response(
        talk("a\u200bb\x07"), response_model=Summary, attribute_extraction=True
    )
    system, user = sent[0]
    assert "ATTRIBUTE EXTRACTION" in system.content
    assert "same language" in system.content
    assert user.content == "ab"


async def test_a_specialised_call_sends_its_own_messages_and_finishes_its_own_answer(short_engine: Engine) -> None:
    """The tightened schema constrains, `finish` gives Graphiti's shape, and the response model has the last word."""
    special = Special(
        messages=[{"role": "system", "content": "Choose."}, {"role": "user", "content": "b or c?"}],
        schema={"type": "object", "properties": {"pick": {"enum": ["b", "c"]}}},
        finish=lambda answer: {"summary": f"picked {answer['pick']}"},
    )
    waiting = [special]
    lm = lm_with(short_engine, specialise=lambda: waiting.pop() if waiting else None)
    answer = await lm.generate_response(talk(), response_model=Summary, prompt_name="x")
    assert answer["summary"] in {"picked b", "picked c"}
    assert "picked" not in (await lm.generate_response(talk(), response_model=Summary))["summary"]


async def test_a_foregone_answer_asks_nobody(short_engine: Engine) -> None:
    """A schema that allows one answer costs no call; its builder still finishes it."""
    schema = {"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"], "additionalProperties": False}
    lm = lm_with(short_engine, specialise=lambda: Special([], schema, lambda answer: {"summary": str(answer)}))
    assert await lm.generate_response(talk(), Summary, prompt_name="x") == {"summary": "{'a': None}"}
    assert lm.stats.by_prompt == {}


async def test_an_answered_call_is_not_repeated(short_engine: Engine) -> None:
    """The second run takes the answer from the memory, without the device, and counts it as replayed."""
    shelf, stats = Shelf(), CallStats()
    first = await lm_with(short_engine, calls=shelf, stats=stats).generate_response(
        talk(), response_model=Summary, prompt_name="summarize"
    )
    again = CallStats()
    replay = lm_with(short_engine, calls=shelf, stats=again)
    assert await replay.generate_response(talk(), response_model=Summary, prompt_name="summarize") == first
    assert again.by_prompt == {"summarize": PromptStats(calls=1, replayed=1)}
    assert stats.total().calls == 1
    assert stats.total().answer_tokens > 0
    assert shelf.prompt_names == ["summarize"]
    await replay.generate_response(talk("Another day."), response_model=Summary)
    assert len(shelf.answers) == 2


async def test_running_out_of_tokens_is_truncated_and_not_retried(short_engine: Engine) -> None:
    """Graphiti would sleep and ask the same again after a JSONDecodeError; ours is none, and nothing is kept."""
    shelf = Shelf()
    lm = lm_with(short_engine, calls=shelf)
    with pytest.raises(Truncated):
        await lm.generate_response(talk(), response_model=MODELS["CombinedExtraction"], max_tokens=3)
    with pytest.raises(Truncated):
        await lm._generate_response_with_retry(talk(), MODELS["CombinedExtraction"], 3)
    assert shelf.answers == {}


async def test_a_prompt_that_is_too_long_is_refused(tiny: LoadedModel) -> None:
    """Nothing is ever cut off in silence."""
    with pytest.raises(PromptTooLong):
        await lm_with(Engine(tiny, budget=budget_for(tiny, max_context=40))).generate_response(
            talk("x" * 99), response_model=Summary
        )


class Fussy(BaseModel):
    """A rule no grammar knows."""

    summary: str

    @field_validator("summary")
    @classmethod
    def _refuse(cls, value: str) -> str:
        raise ValueError(f"do not like {value}")


async def test_a_refused_answer_names_fields_and_no_text(short_engine: Engine) -> None:
    """pydantic's message would quote the journal into the log."""
    lm = lm_with(short_engine)
    with pytest.raises(DaybookError, match=r"p: Fussy refuses the answer \(summary\)") as caught:
        await lm.generate_response(talk(), response_model=Fussy, prompt_name="p")
    assert "do not like" not in f"{caught.value}{caught.value.__cause__}"


class Person(BaseModel):
    """A type with a default, which must not be written over what is known."""

    occupation: str | None = None
    city: str = "unknown"


async def test_attribute_extraction_fills_no_default(short_engine: Engine) -> None:
    """A field the answer leaves out stays out, so that Graphiti keeps the value it has."""
    special = Special(
        messages=[{"role": "user", "content": "?"}],
        schema={"type": "object", "properties": {"occupation": {"const": "baker"}}},
        finish=lambda answer: answer,
    )
    lm = lm_with(short_engine, specialise=lambda: special)
    kept = await lm.generate_response(talk(), response_model=Person, attribute_extraction=True)
    filled = await lm.generate_response(talk(), response_model=Person)
    assert kept == {"occupation": "baker"}
    assert filled == {"occupation": "baker", "city": "unknown"}


async def test_without_a_response_model_the_answer_is_some_object(short_engine: Engine) -> None:
    """Graphiti always gets a dict."""
    assert isinstance(await lm_with(short_engine).generate_response(talk()), dict)
    assert isinstance(await lm_with(short_engine)._generate_response(talk()), dict)
