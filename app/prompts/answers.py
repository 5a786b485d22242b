"""What becomes of an answered fact: evidence for the graph, and Graphiti's own shape.

Knows the answer's fields; knows no prompt. In: one answered item.  Out: a GroundedFact, an edge.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.journal.types import Span
from app.prompts.confidence import Confidence

Answer = dict[str, Any]
# A word or a piece of two characters and more four times on end, a longer piece twice, or a label within the words.
_STUCK = re.compile(r"(\b\w+)(?:\W+\1\b){3}|([^\W\d].{1,60}?)\2{3}|(\w.{11,60}?)\W*\3|[A-Z]{2,}_[A-Z]")


@dataclass(frozen=True, slots=True)
class GroundedFact:
    """A fact as it was answered, with the half-open span of its sentence in the episode's text."""

    source: str
    target: str
    fact: str
    span: Span
    relation: str
    valid_at: date
    invalid_at: date | None
    sure: Confidence | None = None

    @property
    def confidence(self) -> float | None:
        """Joint probability of its ends, relation and dates; None where it is not known."""
        return self.sure.confidence if self.sure else None


def grounded(item: Answer, span: Span, sure: Confidence | None) -> GroundedFact:
    """What the graph's evidence is made of."""
    valid_at, invalid_at = _held(item)
    return GroundedFact(
        item["source"], item["target"], item["fact"], span, item["relation"],
        date.fromisoformat(valid_at), date.fromisoformat(invalid_at) if invalid_at else None, sure,
    )  # fmt: skip


def _held(item: Answer) -> tuple[str, str | None]:
    """A fact cannot end before it began; such an answer says only when it held."""
    valid_at, invalid_at = item["valid_at"], item["invalid_at"]
    return valid_at, invalid_at if invalid_at is not None and invalid_at > valid_at else None


def graphiti_edge(item: Answer) -> Answer:
    """The same in the words of Graphiti's ExtractedEdges."""
    valid_at, invalid_at = _held(item)
    return {
        "source_entity_name": item["source"],
        "target_entity_name": item["target"],
        "relation_type": item["relation"],
        "fact": item["fact"],
        "valid_at": instant(valid_at),
        "invalid_at": instant(invalid_at),
        "episode_indices": [0],
    }


def is_stuck(said: str, told: str = "") -> bool:
    """Whether its writer got stuck, says the same again and again or a label for words: such a fact tells nothing.

    told   the text that it is about: "Tora! Tora! Tora! Tora!" may stand there
    """
    return any(match.group() not in told for match in _STUCK.finditer(said))


def instant(day: str | None) -> str | None:
    """A day as Graphiti writes moments."""
    return None if day is None else f"{day}T00:00:00Z"
