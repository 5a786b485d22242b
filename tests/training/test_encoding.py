"""What an answer is trained on: what the model decides, in the order in which a reader would come to it."""

import json
import random
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from training.encoding import RETOLD_WEIGHT, ExampleEncoder
from training.made.journal import make_journal
from training.tasks import Example, examples

NANO = Path(__file__).parents[2] / "models" / "daybook-nano"


@pytest.fixture(scope="module")
def edges() -> list[Example]:
    return [
        example
        for seed in range(881_000, 881_004)
        for example in examples(make_journal(seed), random.Random(seed))
        if example.task == "edges"
    ]


def test_what_is_decided_counts_and_what_is_given_does_not(edges: list[Example]) -> None:
    """A line that the grammar repeats weighs nothing, whether a list is empty weighs all, a retelling little."""
    tokenizer = AutoTokenizer.from_pretrained(NANO)
    encoder = ExampleEncoder(tokenizer)
    for example in edges:
        text, weights = example.answer, encoder.encode(example).weights
        spans = tokenizer(text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True)
        weight_at: dict[int, float] = {}
        for (first, last), weight in zip(spans["offset_mapping"], weights, strict=False):
            weight_at |= dict.fromkeys(range(first, last), weight)
        place = 0
        for line, facts in json.loads(text)["edges"].items():
            key = json.dumps(line, ensure_ascii=False)
            place = text.index(key, place)
            assert weight_at[place + 1] == 0.0
            place += len(key)
            assert weight_at[text.index("[", place)] == 1.0
            for fact in facts:
                place = text.index('"relation": "', place) + len('"relation": "')
                assert weight_at[place] == 1.0
                place = text.index('"fact": "', place) + len('"fact": "')
                assert weight_at[place] == RETOLD_WEIGHT
                place += len(json.dumps(fact["fact"], ensure_ascii=False)) - 1
        assert weights[-1] == 1.0  # the end of the answer
    assert any(any(json.loads(example.answer)["edges"].values()) for example in edges)


def test_facts_are_told_as_the_sentence_brings_their_ends(edges: list[Example]) -> None:
    """Where all names stand whole in a sentence, no fact comes before one whose later end is named earlier."""
    compared = 0
    for example in edges:
        writer = example.user.rpartition("the writer: ")[2].partition(" (")[0]
        for line, facts in json.loads(example.answer)["edges"].items():
            named = [{fact["source"], fact["target"]} - {writer} for fact in facts]
            if len(facts) > 1 and all(name in line for names in named for name in names):
                latest = [max(line.index(name) for name in names) for names in named]
                assert latest == sorted(latest), line
                compared += 1
    assert compared > 5
