"""One evaluation as plain values: figures of the scores, the curve, and what each prompt cost.

Knows scores; prints nothing. In: Scores and costs.  Out: an Evaluation, the same for text, JSON and page.
"""

from dataclasses import dataclass

from app.measure.calibration import Curve, fit
from app.measure.score import Scores, Tally


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quality, 0 to 1; an accuracy has no precision and recall.

    of       how many gold items it was measured on
    """

    what: str
    value: float
    precision: float | None
    recall: float | None
    of: int


@dataclass(frozen=True, slots=True)
class PromptCost:
    """What the calls of one prompt took; seconds are of the model alone."""

    prompt: str
    calls: int
    prompt_tokens: int
    cached_tokens: int
    answer_tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything `evaluate` tells of one set.

    unread           chunks that were put aside, whose names and facts count as not found
    min_confidence   facts below it were left out
    """

    gold: str
    model: str
    fingerprint: str
    texts: int
    unread: int
    min_confidence: float
    figures: tuple[Figure, ...]
    calibration: Curve | None
    prompts: tuple[PromptCost, ...]
    seconds: float


def figures_of(scores: Scores) -> tuple[Figure, ...]:
    """What could be measured, in the order in which a person asks."""
    found = [
        _f1("names of a text", scores.names),
        _f1("names, the very characters", scores.spans),
        _accuracy("type of the names found", scores.types),
    ]
    if scores.identified:
        f1, precision, recall = scores.identity_f1, scores.identity_precision, scores.identity_recall
        found.append(Figure("who is who (B3)", f1, precision, recall, scores.identified))
    found += [
        _f1("facts: the two ends", scores.ends),
        _f1("facts: ends and relation", scores.facts),
        _accuracy("first day of the facts found", scores.dates),
        _accuracy("stands in the text as read", scores.grounding),
    ]
    return tuple(figure for figure in found if figure.of)


def calibration_of(scores: Scores) -> Curve | None:
    """The curve of the facts' confidence; None where it is not known, or of too few."""
    return fit(scores.judged)


def _f1(what: str, tally: Tally) -> Figure:
    return Figure(what, tally.f1, tally.precision, tally.recall, int(tally.gold))


def _accuracy(what: str, tally: Tally) -> Figure:
    return Figure(what, tally.precision, None, None, int(tally.gold))
