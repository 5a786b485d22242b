"""Facts in short: the same entries and answers without all that does not make a fact right.

A fact costs 190 tokens when the app's own call is practised, and a handful of them decide it. A drill leaves out the
rules, the entry (the answer reads its sentences aloud), the retelling and the dates: 76 tokens a fact, in rows so short
that attention costs little, and five facts in the time of one (docs/measurements.md).

Knows the shape of a call that states facts.
In: Examples.  Out: the same, and after each such call one of the task "drill".
"""

import json
from collections.abc import Iterable, Iterator

from app.prompts.adapter import dump_answer
from training.tasks import Example

SYSTEM = "Under each sentence the facts it tells, in short."
DECIDED = ("source", "target", "relation")


def drill_example(example: Example) -> Example:
    """The entities of an "edges" example, and its answer in short."""
    entities = example.user[example.user.rindex("<entities>") :]
    lines = json.loads(example.answer)["edges"]
    short = {line: [{field: fact[field] for field in DECIDED} for fact in facts] for line, facts in lines.items()}
    return Example("drill", SYSTEM, entities, dump_answer({"edges": short}), example.schema)


def with_drills(stream: Iterable[Example]) -> Iterator[Example]:
    """Facts in full, and the same in short."""
    for example in stream:
        yield example
        if example.task == "edges":
            yield drill_example(example)
