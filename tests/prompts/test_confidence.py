"""How sure a fact was is read off the characters of its fields."""

import math

import pytest

from app.prompts.adapter import dump_answer
from app.prompts.confidence import confidences
from app.prompts.inputs import number_text
from tests.prompts.test_library import TEXT, _edges, _prompts

FACT = {
    "source": 'Clara "C" Weiß', "target": "Siemens", "relation": "WORKS_AT", "fact": "Clara works.",
    "valid_at": "2024-04-03", "invalid_at": None,
}  # fmt: skip


def weighed(text: str, *choices: tuple[str, float, float]) -> list[tuple[int, int, float, float]]:
    """Weights of tokens by their text, each after the one before."""
    found, place = [], 0
    for words, logprob, cut in choices:
        start = text.index(words, place)
        place = start + len(words)
        found.append((start, place, logprob, cut))
    return found


def test_a_field_has_the_weights_of_its_own_characters() -> None:
    """Sums by field; the sentence of the fact does not count; forced fields are certain; facts in their order."""
    second = {**FACT, "source": "Siemens", "target": "Zoë"}
    text = dump_answer({"edges": {'1. "{[': [FACT], "2. Nothing.": [], "3. B.": [second]}})
    weights = weighed(
        text, ("Clara", -0.5, 0.2), ("Siemens", -0.25, 0.5), ("WORKS", -1.0, 0.0), ("_AT", -0.5, 0.0),
        ("Clara works", -9.0, 0.9), ("Zoë", -0.75, 0.1),
    )  # fmt: skip
    first, other = confidences(text, weights)
    assert first.fields == {
        "source": -0.5,
        "target": -0.25,
        "relation": -1.5,
        "fact": -9.0,
        "valid_at": 0,
        "invalid_at": 0,
    }
    assert (first.confidence, first.cut) == (round(math.exp(-2.25), 4), 0.6)
    assert (other.fields["target"], other.cut) == (-0.75, 0.1)


def test_a_token_that_reaches_into_a_field_counts_for_it() -> None:
    """The quote that ends a name is a decision on the name."""
    text = dump_answer({"edges": {"1. A.": [FACT]}})
    (one,) = confidences(text, weighed(text, ('", "relation', -0.5, 0.0)))
    assert one.fields["target"] == -0.5


@pytest.mark.parametrize(("least", "learnt", "kept"), [(0.0, 0.5, 2), (0.5, 0.0, 1), (None, 0.5, 1), (None, 0.0, 2)])
def test_less_sure_facts_are_left_out(least: float | None, learnt: float, kept: int) -> None:
    """Below --min-confidence, else what was learnt, a fact reaches nothing; without weights all stay."""
    prompts = _prompts()
    prompts.min_confidence = least
    prompts.programs["extract_edges"].min_confidence = learnt
    fact = {**FACT, "source": "Clara Weiss", "fact": "Clara Weiss works at Siemens."}
    lines = number_text(TEXT, None).lines()
    answer = {"edges": {lines[0]: [fact], lines[1]: [{**fact, "fact": "Clara Weiss left Siemens."}], lines[2]: []}}
    call, text = _edges(prompts), dump_answer(answer)
    assert call.weigh is not None
    call.weigh(text, weighed(text, ("Clara", -0.1, 0.0), (lines[1], 0.0, 0.0), ("Clara Weiss", -2.0, 0.0)))
    assert len(call.finish(answer)["edges"]) == len(prompts.facts) == kept
    assert len(_edges(prompts).finish(answer)["edges"]) == 2
