"""How sure an answer was, in characters: what the model chose where, and what the grammar took from it.

Knows tokens and their text; knows no prompt. In: a Completion with logprobs.  Out: Weights.
"""

from typing import Any

from app.llm.request import Completion
from app.llm.streaming import TextStream

# (start, end, logprob, cut): half-open characters of the answer's text; see TokenLogprob.
Weight = tuple[int, int, float, float]
_DIGITS = 4  # what lies below is noise of the device, and would make equal answers differ


def weights_of(tokenizer: Any, completion: Completion) -> list[Weight] | None:
    """Of every token that was a choice, in order; None where the request did not ask for logprobs.

    tokenizer   mlx-lm's TokenizerWrapper (untyped)
    """
    if completion.logprobs is None:
        return None
    stream, found = TextStream(tokenizer), list[Weight]()
    for token in completion.logprobs:
        start = len(stream.text)
        stream.add([token.token])
        if token.cut is not None:
            found.append((start, len(stream.text), round(token.logprob, _DIGITS), round(token.cut, _DIGITS)))
    return found
