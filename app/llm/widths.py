"""Which guesses are worth their place in a pass, on this device.

Knows the measured cost of passes and how often guesses came true; knows no tokens.
In: a LoadedModel, measured once a process.  Out: Widths, asked before and told after every pass.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from mlx_lm.models.cache import make_prompt_cache

from app.llm.blas import mx, runs_on_cpu
from app.llm.drafts import LONGEST_MATCH
from app.llm.forward import forward
from app.llm.loader import LoadedModel

MEASURED = (1, 2, 4, 8, 16, 32)  # tokens of a pass
MOST_GUESSES = 16
REPEATS = 5  # the fastest counts: whatever else runs only ever adds
FIRST_HOPE = 0.6  # share of guesses that come true, before any was made
LEARNING = 0.05  # weight of the newest guess
FORGETTING = 0.002  # of what was learnt, at a guess that was not worth it
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
    # A CPU is shared: by the wall clock a busy neighbour once made every guess look dear, and passes doubled.
    clock = time.process_time if runs_on_cpu() else time.perf_counter
    least, furthest = [float("inf")] * len(MEASURED), 0.0
    for _ in range(REPEATS):  # all widths in turn, so that a bad moment is bad for each of them
        for place, width in enumerate(MEASURED):
            layers = make_prompt_cache(loaded.model)
            started = clock()
            logits = forward(loaded, tokens[:width], layers, range(width))
            mx.eval(logits)
            least[place] = min(least[place], clock() - started)
            apart = mx.max(mx.abs(logits.astype(mx.float32) - plain[:width].astype(mx.float32)))
            furthest = max(furthest, float(np.array(apart)))
    # A narrow pass costs at most what a wide one costs: where it took longer, something else had the machine.
    seconds = np.minimum.accumulate(least[::-1])[::-1]
    return PassCosts(tuple(seconds.tolist()), max(TIE_FACTOR * furthest, LEAST_TIE))


@dataclass(slots=True)
class Widths:
    """Decides which guesses are worth their place in a pass; one for an engine, used on the MLX thread only.

    fixed   always so many guesses; None: as many as pay; 0: none
    hopes   share of guesses that came true so far, by how many tokens had agreed before them
    """

    costs: PassCosts
    fixed: int | None = None
    hopes: list[float] = field(default_factory=lambda: [FIRST_HOPE] * (LONGEST_MATCH + 1))

    def pays(self, width: int, added: int, agreed: Sequence[int]) -> bool:
        """Whether a guess that adds `added` tokens to a pass over `width` is worth it.

        If it comes true, as do all before it, a pass is saved; if not, its tokens are fed in vain.

        agreed   of the guesses before it, and its own
        """
        if self.fixed is not None:
            return len(agreed) <= self.fixed
        chance = math.prod(self.hopes[tokens] for tokens in agreed)
        wasted = self.costs.of(width + added) - self.costs.of(width)
        if len(agreed) <= MOST_GUESSES and chance * self.costs.of(1) > (1 - chance) * wasted:
            return True
        # What was hopeless may not be so for ever.
        self.hopes[agreed[-1]] += FORGETTING * (FIRST_HOPE - self.hopes[agreed[-1]])
        return False

    def learn(self, agreed: Sequence[int], came_true: int) -> None:
        """Of the guesses of a draft the first `came_true` came true; those behind the first wrong one tell nothing."""
        for place, tokens in enumerate(agreed[: came_true + 1]):
            self.hopes[tokens] += LEARNING * ((place < came_true) - self.hopes[tokens])
