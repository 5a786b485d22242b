"""The laws of the Outlines model: whatever Outlines can ask for, it gets, through the same loop as everyone else."""

import json
import re
from collections.abc import Callable
from enum import Enum
from typing import Any, Literal

import outlines
import pytest
from graphiti_core.llm_client.config import LLMConfig
from outlines.types import CFG, JsonSchema, Regex
from pydantic import BaseModel, Field

from app.errors import BadInput
from app.llm.client import GraphitiLM
from app.llm.engine import Engine
from app.llm.loader import LoadedModel
from app.llm.outlines_model import EngineModel, from_engine
from app.llm.request import Request, Turn


class Person(BaseModel):
    name: str = Field(max_length=12)
    age: int = Field(ge=0, le=120)


class Place(Enum):
    GHENT = "Ghent"
    LUND = "Lund"


def _is_person(text: str) -> bool:
    return bool(Person.model_validate_json(text))


TYPES: list[tuple[Any, Callable[[str], Any]]] = [
    (Person, _is_person),
    (
        JsonSchema({"type": "object", "properties": {"n": {"enum": [1, 2]}}}),
        lambda text: json.loads(text)["n"] in (1, 2),
    ),
    (Regex("[0-9]{4}-[0-9]{2}"), lambda text: re.fullmatch("[0-9]{4}-[0-9]{2}", text)),
    (CFG('start: "a" "b"? "c"'), lambda text: text in ("abc", "ac")),
    (Literal["Marie", "Pepys"], lambda text: text in ("Marie", "Pepys")),
    (Place, lambda text: text in ("Ghent", "Lund")),
    (bool, lambda text: text in ("True", "False")),
    (int, lambda text: isinstance(int(text), int)),
]


@pytest.mark.parametrize(("type_", "holds"), TYPES, ids=lambda value: getattr(value, "__name__", str(value))[:20])
def test_a_generator_keeps_to_its_type(short_engine: Engine, type_: Any, holds: Callable[[str], Any]) -> None:
    """Greedy, drawn and streamed answers of a random model; the text is the engine's own."""
    generator = outlines.Generator(from_engine(short_engine), type_)
    assert holds(generator("Who?", temperature=1.0, seed=2))
    text = generator("Who?")
    assert holds(text)
    assert "".join(generator.stream("Who?")) == text
    assert short_engine.complete(Request(messages=[Turn("user", "Who?")], output_type=type_)).text == text
    assert generator.batch(["Who?", "Who?"]) == [text, text]


def test_one_line_changes(tiny: LoadedModel) -> None:
    """What `mlx_lm.load` returns goes in as into `outlines.from_mlxlm`; a Chat and a plain call work as there."""
    model = from_engine(tiny.model, tiny.tokenizer)
    chat = outlines.inputs.Chat([{"role": "system", "content": "Names only."}, {"role": "user", "content": "Who?"}])
    assert model(chat, Literal["Marie", "Pepys"]) in ("Marie", "Pepys")
    plain = model.engine.complete(Request(messages=[Turn("user", "Who?")], max_tokens=3))
    assert model("Who?", max_tokens=3) == plain.text


def test_graphiti_s_client_shares_its_engine(short_engine: Engine) -> None:
    """GraphitiLM(outlines_model, tokenizer) loads nothing again where the Outlines model is ours."""
    model = EngineModel(short_engine)
    assert GraphitiLM(model, model.mlx_tokenizer, config=LLMConfig()).engine is short_engine


def test_what_the_engine_cannot_do_is_refused(short_engine: Engine) -> None:
    """An unknown wish, or a prompt that is no text, is an error of ours."""
    model = EngineModel(short_engine)
    with pytest.raises(BadInput, match="top_k"):
        model("Who?", top_k=3)
    with pytest.raises(BadInput, match="no prompt"):
        model(["Who?", b"image"])
