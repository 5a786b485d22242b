"""From a row of logits to a token: the best one, or one drawn; and how probable it was.

Knows arithmetic; knows no grammar and no model.
In: logits with -inf where the answer must not go.  Out: tokens, margins, probabilities.
"""

from dataclasses import dataclass

import numpy as np

from app.llm.blas import mx
from app.llm.request import TokenLogprob

SEED_STRIDE = 1_000_003  # keeps the random keys of neighbouring seeds apart


@dataclass(frozen=True, slots=True)
class Choice:
    """How tokens are chosen; the same row in the same place of the answer always gives the same token."""

    temperature: float
    seed: int

    def scores(self, allowed: mx.array, position: int) -> mx.array:
        """What is greatest is chosen.

        Drawing is adding noise and taking the best (the Gumbel-max trick): exact in distribution. A draft token is
        right if the row draws it, which happens with just its probability; otherwise the token drawn is one of the
        others in their proportions. That is the rule of speculative sampling for a draft made with certainty.

        allowed    (1, V) float32
        position   of the token in the answer; the noise depends on it and the seed only
        source     Leviathan et al. 2023, arXiv:2211.17192
        """
        if self.temperature == 0:
            return allowed
        key = mx.random.key((self.seed * SEED_STRIDE + position) % 2**64)
        return allowed / self.temperature + mx.random.gumbel(allowed.shape, key=key)


def logprob(logits: mx.array, allowed: mx.array, token: int, count: int) -> TokenLogprob:
    """How probable `token` was under the grammar, and what the grammar took away.

    logits    (V,) as the model gave them, over tokens that have a text
    allowed   (V,) float32, -inf where the grammar forbids
    count     of the most probable tokens to tell
    """
    shares = np.array(allowed - mx.logsumexp(allowed))
    cut = 1 - np.exp(np.array(mx.logsumexp(allowed) - mx.logsumexp(logits.astype(mx.float32))))
    best = [index for index in np.argsort(-shares, kind="stable")[:count].tolist() if shares[index] > -np.inf]
    top = tuple((index, float(shares[index])) for index in best)
    return TokenLogprob(token, float(shares[token]), float(np.clip(cut, 0, 1)), top)
