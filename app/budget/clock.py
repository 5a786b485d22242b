"""How long this machine takes to read a prompt: a*L + b*L*L, fitted to real prefills, the last ones weighing most.

Knows sums; measures nothing itself. In: prefills as they happen.  Out: seconds for a length, a length for seconds.
"""

import json
from dataclasses import asdict, dataclass

from app.budget.spec import largest

KEPT = 0.98  # of the weight of what was seen before, at each prefill: the last fifty count most
FIRST_KEPT_TOKENS = 32  # a shorter prefill measures the start of a kernel, not the reading


@dataclass(slots=True)
class PrefillClock:
    """Sums of an exponentially weighted least-squares fit of seconds = a*(n - c) + b*(n*n - c*c).

    A prefill reads the tokens from c, where the cache ends, to n; each attends to all before it. Attention makes the
    second term, everything else the first.
    """

    xx: float = 0.0
    xy: float = 0.0
    yy: float = 0.0
    xt: float = 0.0
    yt: float = 0.0
    seen: int = 0

    def record(self, cached: int, tokens: int, seconds: float) -> None:
        """A prefill that read the tokens from `cached` up to `tokens` in `seconds`."""
        if tokens - cached < FIRST_KEPT_TOKENS or seconds <= 0:
            return
        # By relative error: weighed by 1/x, or a few long prompts would decide what short ones cost.
        x, y = tokens - cached, tokens**2 - cached**2
        for name, value in (("xx", x * x), ("xy", x * y), ("yy", y * y), ("xt", x * seconds), ("yt", y * seconds)):
            setattr(self, name, getattr(self, name) * KEPT + value / (x * x))
        self.seen += 1

    @property
    def rates(self) -> tuple[float, float] | None:
        """(a, b) in seconds a token and seconds a token squared, neither below zero; None before the first prefill."""
        if not self.seen:
            return None
        determinant = self.xx * self.yy - self.xy**2
        if determinant > 1e-9 * self.xx * self.yy:
            a = (self.xt * self.yy - self.yt * self.xy) / determinant
            b = (self.yt * self.xx - self.xt * self.xy) / determinant
            if a >= 0 and b >= 0:
                return a, b
            if a < 0:
                return 0.0, self.yt / self.yy
        return self.xt / self.xx, 0.0

    def seconds(self, tokens: int, cached: int = 0) -> float | None:
        """What reading from `cached` to `tokens` takes; None before the first prefill."""
        rates = self.rates
        return rates[0] * (tokens - cached) + rates[1] * (tokens**2 - cached**2) if rates else None

    def tokens_within(self, seconds: float, *, most: int) -> int:
        """The longest prompt read in `seconds`; `most` where nothing was measured yet."""
        return largest(most, lambda tokens: (self.seconds(tokens) or 0.0) <= seconds)

    def to_json(self) -> str:
        """For the ledger."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | None) -> "PrefillClock":
        """What the ledger kept; a clock that has seen nothing if it kept nothing or something else."""
        try:
            return cls(**json.loads(text)) if text else cls()
        except (ValueError, TypeError):
            return cls()
