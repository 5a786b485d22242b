"""What a run will cost before it starts: calls, tokens, hours with an interval, from what earlier runs cost.

Knows sums and shares; knows no model and no journal. In: an amount of Work and a Pace.  Out: a Forecast.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from statistics import fmean, linear_regression

KEPT = 0.5  # of the weight of earlier runs, at each run: the machine of today counts most
COLD_SPREAD = 0.6  # of the logarithm of time, where no run of this model was seen: a factor of 1.8 either way
LEAST_SPREAD = 0.10  # a machine is never steadier than this
MOST_GROWTH = 0.01  # a hundred chunks at most double what the next one costs
SHORT_RUN = 50  # chunks: a run of so many is believed by half


@dataclass(frozen=True, slots=True)
class Work:
    """An amount of journal.

    tokens   of the journal's own text, as the model counts them
    held     chunks that the graph holds before the first of these: what is known is asked about again
    """

    entries: int
    chunks: int
    tokens: int
    held: int = 0

    @property
    def mean_place(self) -> float:
        """Chunks in the graph before one of these, on average."""
        return self.held + self.chunks / 2


@dataclass(frozen=True, slots=True)
class Costs:
    """What some chunks took. Seconds of the model, and of everything else: the graph, the ledger, the vectors."""

    chunks: float = 0
    tokens: float = 0
    calls: float = 0
    prompt_tokens: float = 0
    cached_tokens: float = 0
    answer_tokens: float = 0
    forward_passes: float = 0
    model_seconds: float = 0
    other_seconds: float = 0
    places: float = 0  # for each chunk, how many the graph held before it

    def __add__(self, other: "Costs") -> "Costs":
        return Costs(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Costs)))

    def scaled(self, factor: float) -> "Costs":
        return Costs(*(getattr(self, f.name) * factor for f in fields(Costs)))


# daybook-nano on the sample journals, docs/measurements.md; another model is assumed to ask and to answer as much. The
# other seconds are what neither a bare pass of the model nor its reading holds, both of which are probed: the graph (7)
# and masks, grammars and drafts, which cost the same whatever the model.
TYPICAL = Costs(
    chunks=28,
    tokens=4037,
    calls=155,
    prompt_tokens=100_575,
    cached_tokens=56_917,
    answer_tokens=37_194,
    forward_passes=1_735,
    other_seconds=24.0,
)


@dataclass(frozen=True, slots=True)
class Pace:
    """What runs of one model on one machine cost, the last ones weighing most; kept in the ledger.

    costs           sums over what was seen
    spread          mean distance of forecast and truth, in the logarithm of seconds
    peak_bytes      the most memory a run took, weights included; 0: not known
    start_seconds   of the last run, until its models were there
    runs            seen; 0 if the costs are typical ones, and the speed is a probe's
    growth          of a chunk's cost for each chunk that the graph holds, of the cost in an empty graph
    probe_seconds   what a fixed amount of reading and writing took before the last run; 0: not known
    """

    costs: Costs
    spread: float = COLD_SPREAD
    peak_bytes: int = 0
    start_seconds: float = 0.0
    runs: int = 0
    growth: float = 0.0
    probe_seconds: float = 0.0

    @classmethod
    def of_probe(cls, seconds_per_token: float, seconds_per_pass: float, peak_bytes: int) -> "Pace":
        """A first guess: typical calls at the measured speed of reading and writing.

        Of an answer twenty tokens a pass are forced or guessed: they cost what tokens of a prompt do.
        """
        read = (TYPICAL.prompt_tokens - TYPICAL.cached_tokens) * seconds_per_token
        written = TYPICAL.forward_passes * seconds_per_pass + TYPICAL.answer_tokens * seconds_per_token
        costs = replace(TYPICAL, model_seconds=read + written)
        return cls(costs, peak_bytes=peak_bytes, probe_seconds=costs.model_seconds)

    def at(self, probe: "Pace") -> "Pace":
        """The pace on the machine as it is now: its seconds follow those of a probe, then and now."""
        ratio = probe.probe_seconds / self.probe_seconds if self.probe_seconds and probe.probe_seconds else 1.0
        seconds = {name: getattr(self.costs, name) * ratio for name in ("model_seconds", "other_seconds")}
        return replace(self, costs=replace(self.costs, **seconds), probe_seconds=probe.probe_seconds)

    def after(
        self, costs: Costs, foretold: "Forecast", start_seconds: float, peak_bytes: int, growth: float = 0.0
    ) -> "Pace":
        """The pace with one more run in it; the distance of its forecast widens or narrows the next interval."""
        seconds = costs.model_seconds + costs.other_seconds + start_seconds
        distance = abs(math.log(max(seconds, 1e-3) / max(foretold.seconds, 1e-3)))
        spread = KEPT * self.spread + (1 - KEPT) * distance
        before = self.costs.scaled(KEPT) if self.runs else Costs()
        growth = KEPT * self.growth + (1 - KEPT) * growth if self.runs else growth
        peak_bytes = peak_bytes or self.peak_bytes
        return Pace(before + costs, spread, peak_bytes, start_seconds, self.runs + 1, growth, self.probe_seconds)

    def to_json(self) -> str:
        """For the ledger."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | None) -> "Pace | None":
        """What the ledger kept, or None."""
        try:
            kept = json.loads(text or "")
            return cls(**{**kept, "costs": Costs(**kept["costs"])})
        except (ValueError, TypeError, KeyError):
            return None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run will take, before it starts.

    low, high    seconds: as often as not the truth is within, and rarely far outside
    peak_bytes   of memory, weights included; 0: not known
    is_measured  from runs of this model on this machine; otherwise from a probe of its speed
    """

    calls: int
    prompt_tokens: int
    answer_tokens: int
    seconds: float
    low: float
    high: float
    peak_bytes: int
    is_measured: bool

    def error(self, seconds: float) -> float:
        """How far off it was, of the true seconds: +0.1 if it foretold a tenth too much."""
        return (self.seconds - seconds) / seconds if seconds > 0 else 0.0


def growth_of(tokens: Sequence[int], seconds: Sequence[float], held: int) -> float:
    """How much a chunk's cost rises with each chunk in the graph, of its cost in an empty one: a line through a run.

    tokens, seconds   of the run's chunks in order
    held              chunks in the graph before the first
    returns           0 to MOST_GROWTH; little for short runs, whose lines are mostly chance
    """
    if len(seconds) < 3 or not all(tokens):
        return 0.0
    rates = [taken / count for taken, count in zip(seconds, tokens, strict=True)]
    line = linear_regression(range(held, held + len(rates)), rates)
    start = max(line.intercept, fmean(rates) / 2)
    return min(max(line.slope / start, 0.0), MOST_GROWTH) * len(rates) / (len(rates) + SHORT_RUN)


def forecast(work: Work, pace: Pace) -> Forecast:
    """The costs seen, scaled to this work: half by its tokens, half by its chunks, as a call itself costs something.

    And by how full the graph will be, against how full it was.
    """
    seen = pace.costs
    scale = (work.tokens / seen.tokens + work.chunks / seen.chunks) / 2 if seen.tokens and seen.chunks else 0.0
    if scale:
        scale *= (1 + pace.growth * work.mean_place) / (1 + pace.growth * seen.places / seen.chunks)
    costs = seen.scaled(scale)
    seconds = costs.model_seconds + costs.other_seconds + pace.start_seconds
    factor = math.exp(max(pace.spread, LEAST_SPREAD))
    return Forecast(
        calls=round(costs.calls),
        prompt_tokens=round(costs.prompt_tokens),
        answer_tokens=round(costs.answer_tokens),
        seconds=seconds,
        low=seconds / factor,
        high=seconds * factor,
        peak_bytes=pace.peak_bytes,
        is_measured=pace.runs > 0,
    )
