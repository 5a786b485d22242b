"""How many tokens to guess in one pass: as many as pay on this device.

Knows the measured cost of passes and how often guesses came true; knows no tokens.
In: a LoadedModel, measured once a process.  Out: Widths, asked before and told after every pass.
"""

import time
from dataclasses import dataclass

import numpy as np
from mlx_lm.models.cache import make_prompt_cache

from app.llm.blas import mx
from app.llm.forward import forward
from app.llm.loader import LoadedModel

MEASURED = (1, 2, 4, 8, 16, 32)  # tokens of a pass
MOST_GUESSES = 16
REPEATS = 3  # the fastest counts: a busy machine only ever adds
FIRST_HOPE = 0.6  # share of guesses that come true, before any was made
LEARNING = 0.05  # weight of the newest guess
FORGETTING = 0.002  # of what was learnt, in a pass without guesses
TIE_FACTOR = 16  # a long context may move logits more than the short one that was measured
LEAST_TIE = 1e-4


@dataclass(frozen=True, slots=True)
class PassCosts:
    """What passes of several widths cost here.

    seconds   for each width of MEASURED
    tie       logits nearer than this may change places between passes of different widths
    """

    seconds: tuple[float, ...]
    tie: float

    def of(self, width: int) -> float:
        """Seconds of a pass; between and beyond what was measured along a line."""
        beyond = max(width - MEASURED[-1], 0)
        slope = (self.seconds[-1] - self.seconds[-2]) / (MEASURED[-1] - MEASURED[-2])
        return float(np.interp(width, MEASURED, self.seconds)) + beyond * slope


_KNOWN: dict[str, PassCosts] = {}


def pass_costs(loaded: LoadedModel) -> PassCosts:
    """Measured once a process and model; on the MLX thread."""
    if loaded.fingerprint not in _KNOWN:
        _KNOWN[loaded.fingerprint] = _measure(loaded)
    return _KNOWN[loaded.fingerprint]


def _measure(loaded: LoadedModel) -> PassCosts:
    tokens = [token % loaded.token_count for token in range(MEASURED[-1])]
    one_by_one = make_prompt_cache(loaded.model)
    plain = mx.concatenate([forward(loaded, [token], one_by_one, [0]) for token in tokens])
    mx.eval(plain)  # also compiles what is compiled at first use
    seconds, furthest = [], 0.0
    for width in MEASURED:
        times = []
        for _ in range(REPEATS):
            layers = make_prompt_cache(loaded.model)
            started = time.perf_counter()
            logits = forward(loaded, tokens[:width], layers, range(width))
            mx.eval(logits)
            times.append(time.perf_counter() - started)
        seconds.append(min(times))
        apart = mx.max(mx.abs(logits.astype(mx.float32) - plain[:width].astype(mx.float32)))
        furthest = max(furthest, float(np.array(apart)))
    # A narrow pass costs at most what a wide one costs: where it took longer, something else had the machine.
    least = np.minimum.accumulate(seconds[::-1])[::-1]
    return PassCosts(tuple(least.tolist()), max(TIE_FACTOR * furthest, LEAST_TIE))


@dataclass(slots=True)
class Widths:
    """Decides how much to guess; one for an engine, used on the MLX thread only.

    fixed   always so many guesses; None: as many as pay; 0: none
    hope    share of guesses that come true, as seen so far
    length  tokens that a guess brings: itself and what it forces
    """

    costs: PassCosts
    fixed: int | None = None
    hope: float = FIRST_HOPE
    length: float = 1.0

    def best(self, unread: int) -> int:
        """How many guesses to add to a pass over `unread` tokens: the most tokens a second are expected of it."""
        if self.fixed is not None:
            return self.fixed
        expected, worth = 0.0, []
        for guesses in range(MOST_GUESSES + 1):
            expected += self.hope**guesses  # in guesses; each is as long as the next
            worth.append(expected / self.costs.of(unread + round(guesses * self.length)))
        return worth.index(max(worth))

    def learn(self, guessed: int, came_true: int, tokens: int) -> None:
        """Of the guesses of a draft the first `came_true` came true; those behind the first wrong one tell nothing."""
        if guessed == 0:  # what was hopeless may not be so for ever
            self.hope += FORGETTING * (FIRST_HOPE - self.hope)
        else:
            self.length += LEARNING * (tokens / guessed - self.length)
        for was_right in [True] * came_true + [False] * (came_true < guessed):
            self.hope += LEARNING * (was_right - self.hope)
