"""How far a confidence can be believed: a curve fitted to what was right, and what abstaining would buy.

Knows pairs of numbers. In: (confidence, was it right).  Out: a monotone curve, an error, a table of thresholds.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

Judged = Sequence[tuple[float, bool]]
_BINS = 10


@dataclass(frozen=True, slots=True)
class Step:
    """Confidences from `start` on were right in `share` of `count` cases."""

    start: float
    share: float
    count: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """What would stay if facts below `confidence` were left out: a share of all facts, and how many are right."""

    confidence: float
    kept: float
    right: float


@dataclass(frozen=True, slots=True)
class Curve:
    """A calibration: from a confidence to the share of facts that are right there; it never falls.

    error_before, error_after   expected calibration error of the raw and of the fitted confidence, the latter
                                measured on facts the fit did not see (five folds)
    """

    steps: tuple[Step, ...]
    error_before: float
    error_after: float
    thresholds: tuple[Threshold, ...]


def fit(judged: Judged) -> Curve | None:
    """Isotonic regression by pooling adjacent violators; None for fewer than ten facts.

    source  Zadrozny and Elkan 2002; Ayer et al. 1955
    """
    if len(judged) < 10:
        return None
    folds = [[pair for i, pair in enumerate(judged) if i % 5 == fold] for fold in range(5)]
    unseen = []
    for fold in range(5):
        steps = _pool([pair for other in range(5) if other != fold for pair in folds[other]])
        unseen += [(share_right(steps, confidence), right) for confidence, right in folds[fold]]
    return Curve(_pool(judged), expected_error(judged), expected_error(unseen), _thresholds(judged))


def expected_error(judged: Judged) -> float:
    """Mean distance between confidence and share right, over ten bins of equal width, by how full they are."""
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(_BINS)]
    for pair in judged:
        bins[min(int(pair[0] * _BINS), _BINS - 1)].append(pair)
    distances = (
        abs(sum(confidence for confidence, _ in pairs) - sum(right for _, right in pairs)) for pairs in bins if pairs
    )
    return sum(distances) / len(judged) if judged else 0.0


def _pool(judged: Judged) -> tuple[Step, ...]:
    blocks: list[tuple[float, int, int]] = []  # start, right, count
    for confidence, pairs in groupby(sorted(judged), key=lambda pair: pair[0]):
        rights = [right for _, right in pairs]
        start, right, count = confidence, sum(rights), len(rights)
        while blocks and blocks[-1][1] * count >= right * blocks[-1][2]:  # the share would not rise
            start, more_right, more = blocks.pop()
            right, count = right + more_right, count + more
        blocks.append((start, right, count))
    return tuple(Step(start, right / count, count) for start, right, count in blocks)


def share_right(steps: Sequence[Step], confidence: float) -> float:
    """How often facts of this confidence are right."""
    place = bisect_right([step.start for step in steps], confidence) - 1
    return steps[max(place, 0)].share


def _thresholds(judged: Judged) -> tuple[Threshold, ...]:
    """At ten even shares of the facts, the surest last."""
    ordered = sorted(judged)
    found: dict[float, Threshold] = {}
    for tenth in range(10):
        floor = ordered[tenth * len(ordered) // 10][0]
        kept = [right for confidence, right in ordered if confidence >= floor]
        found[floor] = Threshold(floor, len(kept) / len(ordered), sum(kept) / len(kept))
    return tuple(found.values())
