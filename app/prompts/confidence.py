"""How sure an answer was of each thing it states: the probability of its fields under the grammar, and what was cut.

Knows the answer's layout; knows no model. In: an answer's text and its weights.  Out: a Confidence each.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.prompts.adapter import dump_answer

# (start, end, logprob, cut) of every token that was a choice: half-open characters of the answer's text.
Weight = Sequence[float]
# What a thing stated is right or wrong by; the sentence of a fact only words what these say.
DECIDING = frozenset({"name", "type", "same_as", "source", "target", "relation", "valid_at", "invalid_at"})


@dataclass(frozen=True, slots=True)
class Confidence:
    """How sure the model was of one thing.

    fields       renormalised log-probability of each field's value, natural logarithm
    confidence   joint probability of who, what and when: 0 to 1
    cut          the share of the model's own probability that the grammar cut away from these: 0 to 1
    """

    fields: dict[str, float]
    confidence: float
    cut: float


def confidences(text: str, weights: Sequence[Weight]) -> list[Confidence]:
    """One for each name, fact or resolution of an answer, in the answer's order.

    text   as the grammar made it: its layout is known, so every field is found by its place
    """
    (stated,) = json.loads(text).values()
    found, place = [], 0
    for line, items in stated.items() if isinstance(stated, dict) else [(None, stated)]:
        head = "[" if line is None else f"{dump_answer(line)}: ["
        place = text.index(head, place) + len(head)
        for item in items:
            place = text.index("{", place)
            found.append(_confidence(item, place, weights))
            place += len(dump_answer(item))
    return found


def _confidence(item: dict[str, Any], start: int, weights: Sequence[Weight]) -> Confidence:
    fields, kept, place = {}, 1.0, start + 1
    for name, value in item.items():
        place += len(dump_answer(name)) + 2
        end = place + len(dump_answer(value))
        inside = [weight for weight in weights if weight[0] < end and weight[1] > place]
        fields[name] = round(sum(weight[2] for weight in inside), 4)
        if name in DECIDING:
            kept *= math.prod(1 - weight[3] for weight in inside)
        place = end + 2
    return Confidence(
        fields, round(math.exp(sum(fields[name] for name in DECIDING & fields.keys())), 4), round(1 - kept, 4)
    )
