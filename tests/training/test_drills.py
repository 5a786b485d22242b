"""A drill asks for what decides a fact, and for nothing else."""

import json
import random
from pathlib import Path

from transformers import AutoTokenizer

from training.drills import with_drills
from training.encoding import ExampleEncoder
from training.made.journal import make_journal
from training.tasks import examples

NANO = Path(__file__).parents[2] / "models" / "daybook-nano"


def test_a_drill_states_the_same_facts_in_less_than_half_of_the_tokens() -> None:
    """Ends, relations and sentences are those of the call it was made of, and its lines are read aloud there too."""
    encoder, drilled, full, short = ExampleEncoder(AutoTokenizer.from_pretrained(NANO)), 0, 0, 0
    stream = with_drills(example for seed in range(3) for example in examples(make_journal(seed), random.Random(seed)))
    for example in stream:
        if example.task != "edges":
            assert example.task != "drill"
            continue
        drill = next(stream)
        assert drill.task == "drill"
        said, drilled_facts = (json.loads(answer)["edges"] for answer in (example.answer, drill.answer))
        assert list(drilled_facts) == list(said)
        for line, facts in said.items():
            assert drilled_facts[line] == [{k: fact[k] for k in ("source", "target", "relation")} for fact in facts]
            assert all(fact["source"] in drill.user and fact["target"] in drill.user for fact in facts)
        assert "<entry>" in example.user
        assert "<entry>" not in drill.user
        assert 0.0 in encoder.encode(drill).weights
        full, short = full + encoder.encode(example).length, short + encoder.encode(drill).length
        drilled += 1
    assert drilled > 5
    assert short < full / 2
