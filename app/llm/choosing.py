"""From rows of logits to tokens: the best ones, or ones drawn; and how probable they were.

Knows arithmetic; knows no grammar and no model.
In: logits, and the same with -inf where the answer must not go.  Out: tokens, margins, probabilities.
"""

from dataclasses import dataclass

import numpy as np

from app.llm.blas import mx
from app.llm.request import Request, TokenLogprob

SEED_STRIDE = 1_000_003  # keeps the random keys of neighbouring seeds apart


@dataclass(frozen=True, slots=True)
class Choice:
    """The token of one row.

    margin   by how much its score beat the next best
    """

    token: int
    margin: float
    logits: mx.array
    allowed: mx.array

    def told(self, count: int) -> TokenLogprob:
        """How probable the token was among the allowed ones, with the `count` most probable of them."""
        mass = mx.logsumexp(self.allowed)
        shares = np.array(self.allowed - mass)
        cut = 1 - np.exp(np.array(mass - mx.logsumexp(self.logits.astype(mx.float32))))
        best = np.argpartition(-shares, count)[:count]  # a vocabulary is too long to be sorted
        pairs = sorted(((index, float(shares[index])) for index in best.tolist()), key=lambda pair: (-pair[1], pair[0]))
        top = tuple(pair for pair in pairs if pair[1] > -np.inf)
        return TokenLogprob(self.token, float(shares[self.token]), float(np.clip(cut, 0, 1)), top)


def choose(logits: mx.array, allowed: mx.array, request: Request, places: list[int]) -> list[Choice]:
    """One token a row: the same row at the same place of the answer always gives the same one.

    logits    (R, V) as the model gave them
    allowed   (R, V) float32, -inf where the grammar forbids
    places    of the R tokens in the answer
    """
    scores = _scores(allowed, request, places)
    best = mx.argmax(scores, axis=-1, keepdims=True)
    others = mx.where(mx.arange(scores.shape[-1]) == best, -mx.inf, scores)
    margins = mx.take_along_axis(scores, best, axis=-1) - mx.max(others, axis=-1, keepdims=True)
    mx.eval(best, margins)
    tokens, apart = np.array(best)[:, 0].tolist(), np.array(margins)[:, 0].tolist()
    return [Choice(tokens[row], apart[row], logits[row], allowed[row]) for row in range(len(places))]


def _scores(allowed: mx.array, request: Request, places: list[int]) -> mx.array:
    """What is greatest is chosen.

    Drawing is adding noise and taking the greatest (the Gumbel-max trick): exact in distribution. So a draft token is
    right if its row draws it, which happens with just its probability; and if not, the token drawn is one of the others
    in their proportions. That is the rule of speculative sampling for a draft that was certain of itself.

    source   Leviathan et al. 2023, arXiv:2211.17192
    """
    if request.temperature == 0:
        return allowed
    keys = [mx.random.key((request.seed * SEED_STRIDE + place) % 2**64) for place in places]
    noise = mx.stack([mx.random.gumbel(allowed.shape[-1:], key=key) for key in keys])
    return allowed / request.temperature + noise
