"""Learning: what is better on texts it never saw is taken, within the budget, and the same run asks nothing twice."""

from pathlib import Path
from typing import Any

import dspy
import jsonschema
import pytest
from dspy import lm15

from app.learn.lessons import EDGES, ENTITIES, Lesson, examples_of, shares
from app.learn.memory import Remembering
from app.learn.study import LEAST, Meter, forecast, local_lm, study
from app.measure.gold import read_gold
from app.prompts.adapter import dump_answer
from app.prompts.programs import journal_programs

GOLD = Path(__file__).parents[1] / "gold" / "handwritten.jsonl"


class Imitator:
    """A model that copies: it answers right where its prompt shows an example, and nothing otherwise."""

    supported_params = frozenset({"response_format", "temperature", "max_tokens"})

    def __init__(self, right: dict[str, str], always: bool = False) -> None:
        self.right, self.always, self.asked = right, always, 0

    def complete(self, request: lm15.Request) -> lm15.Response:
        self.asked += 1
        text = request.messages[-1].text or ""
        shown = self.always or "Example" in str(request.system)
        answer = self.right[text] if shown and text in self.right else '{"extracted_entities": {}}'
        usage = lm15.Usage(input_tokens=1, output_tokens=1, cache_read_tokens=0)
        return lm15.Response(None, request.model, lm15.Message.assistant([lm15.TextPart(answer)]), "stop", usage)


class Shelf(dict[str, str]):
    """A memory of calls."""

    def put(self, key: str, *, answer: str, **_: Any) -> None:
        self.setdefault(key, answer)


def the_examples() -> dict[str, list[dspy.Example]]:
    return examples_of(Lesson(text) for text in read_gold(GOLD)[:16])


def learnt(always: bool = False, budget: int = 60, shelf: Shelf | None = None) -> tuple[Any, Imitator, Meter]:
    examples = the_examples()[ENTITIES]
    predict, meter = journal_programs()[ENTITIES], Meter(budget)
    right = {
        f"<entry>\n{e.entry}\n</entry>": dump_answer({"extracted_entities": e.extracted_entities}) for e in examples
    }
    model = Imitator(right, always)
    lm = local_lm("mlx/imitator", Remembering(model, shelf if shelf is not None else Shelf(), meter))
    return study(ENTITIES, predict, shares(examples), lm, meter, lambda _: None), model, meter


def test_lessons_are_calls_that_a_load_would_make() -> None:
    """Every right answer keeps to the schema of its call; what it is scored by is the gold."""
    for name, field in ((ENTITIES, "extracted_entities"), (EDGES, "edges")):
        for example in the_examples()[name]:
            jsonschema.validate({field: example[field]}, example.answer_schema)
            assert set(example.inputs()) >= {"entry", "answer_schema"}
    told = [item for example in the_examples()[EDGES] for items in example.edges.values() for item in items]
    assert len(told) > 20


def test_shares_part_the_examples() -> None:
    """Nothing is learnt from that is chosen or judged by."""
    parts = shares(list(range(17)))
    assert sorted(one for part in parts for one in part) == list(range(17))
    assert [len(part) for part in parts] == [9, 4, 4]


def test_what_is_better_on_unseen_texts_is_taken() -> None:
    """A model that needs an example gets one."""
    outcome, _, meter = learnt()
    assert (outcome.before, outcome.is_better) == (0.0, True)
    assert outcome.after > 0.9
    assert "labelled" in outcome.chosen
    assert outcome.predict.demos
    assert meter.spent <= meter.budget


def test_what_is_no_better_is_left() -> None:
    """A model that is right as it is keeps its prompt."""
    outcome, _, _ = learnt(always=True)
    assert (outcome.is_better, outcome.chosen) == (False, "")
    assert outcome.after == outcome.before > 0.9


def test_the_same_run_asks_nothing_twice() -> None:
    """A run that was made before is answered from memory, and comes to the same end."""
    shelf = Shelf()
    first, model, _ = learnt(shelf=shelf)
    again, other, _ = learnt(shelf=shelf)
    assert model.asked > 0
    assert other.asked == 0
    assert (first.after, first.chosen, first.calls) == (again.after, again.chosen, again.calls)


@pytest.mark.parametrize("budget", [forecast(16), 24, 33, 200])
def test_the_budget_is_never_passed(budget: int) -> None:
    """Whatever it is, down to the least; the judgement is always made."""
    outcome, _, meter = learnt(budget=budget)
    assert meter.spent <= budget
    assert outcome.examples == 16
    assert LEAST <= 16


def test_what_nobody_judged_is_not_counted() -> None:
    """Of a text that was decided on in part, only what was decided on is right or wrong."""
    from app.learn.study import _f1

    text = read_gold(GOLD)[0]
    partly = Lesson(text, wrong_names=frozenset({"Nobody"}), names_whole=False)
    (example,) = examples_of([partly])[ENTITIES]
    others = [entity.names[0] for entity in text.entities]

    def answered(*names: str) -> Any:
        return dspy.Prediction(extracted_entities={"1. x": [{"name": one, "type": "Person"} for one in names]})

    assert _f1(ENTITIES, example, answered(*others, "Somebody")) == 1.0
    assert _f1(ENTITIES, example, answered(*others, "Nobody")) < 1.0
