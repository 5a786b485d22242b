"""How sure a model must be is learnt where it helps, and left as it is where it does not."""

import json
from datetime import date
from typing import Any

import pytest

from app.learn.abstain import learn_confidence
from app.learn.lessons import Lesson
from app.measure.gold import GoldEntity, GoldFact, GoldText
from app.prompts.adapter import dump_answer
from app.prompts.library import PromptCall
from app.prompts.programs import journal_programs

DAY = date(2024, 4, 3)
OWNER = "Mia Lind"


def lesson(number: int) -> Lesson:
    """Eva met Bo; nothing is told of Ada."""
    text = f"Eva met Bo. Ada came, the {number}th."
    entities = tuple(GoldEntity((name,), "Person") for name in ("Eva", "Bo", "Ada"))
    return Lesson(GoldText(str(number), "w", DAY, OWNER, text, entities, facts=(GoldFact("Eva", "Bo", "MET"),)))


class Reader:
    """Finds all names; states the true fact and a false one, each as sure as it is told to be."""

    def __init__(self, true: float, false: float) -> None:
        self.sure = {"Bo": true, "Ada": false}
        self.asked: list[str] = []

    def __call__(self, call: PromptCall) -> tuple[str, list[Any]]:
        self.asked.append(call.program)
        lines = call.schema["properties"]
        if call.program == "extract_entities":
            found = lines["extracted_entities"]["properties"]
            names = {line: [name for name in ("Eva", "Bo", "Ada") if name in line] for line in found}
            said = {line: [{"name": name, "type": "Person"} for name in here] for line, here in names.items()}
            return dump_answer({"extracted_entities": said}), []
        first, *rest = lines["edges"]["properties"]
        common = {"relation": "MET", "valid_at": "2024-04-03", "invalid_at": None}
        facts = [{"source": "Eva", "target": other, "fact": f"Eva met {other}.", **common} for other in self.sure]
        ordered = ("source", "target", "relation", "fact", "valid_at", "invalid_at")
        text = json.dumps(
            {"edges": {first: [{name: fact[name] for name in ordered} for fact in facts], **{one: [] for one in rest}}}
        )
        weights = []
        for other, logprob in self.sure.items():
            start = text.index(f'"target": "{other}') + len('"target": ')
            weights.append((start, start + 1, logprob, 0.0))
        return text, weights


def learnt(reader: Any) -> Any:
    return learn_confidence([lesson(i) for i in range(12)], journal_programs(), reader)


def test_what_is_wrong_and_unsure_is_left_out() -> None:
    """Half of the facts are false and less sure: without them the unseen texts are right; each is read once."""
    reader = Reader(true=-0.1, false=-2.0)
    found = learnt(reader)
    assert (found.texts, found.before, found.after) == (12, pytest.approx(2 / 3), 1.0)
    assert 0.135 < found.confidence < 0.91
    assert reader.asked == ["extract_entities", "extract_edges"] * 12


def test_where_it_helps_nothing_nothing_is_left_out() -> None:
    """The true facts are the less sure ones: no confidence parts them from the false."""
    found = learnt(Reader(true=-2.0, false=-0.1))
    assert (found.confidence, found.after) == (0.0, found.before)


def test_a_call_without_an_answer_states_nothing() -> None:
    """A prompt too long, or an answer that does not end, is a text without facts."""
    found = learnt(lambda _: None)
    assert (found.before, found.after, found.confidence) == (0.0, 0.0, 0.0)
