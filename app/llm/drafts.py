"""Guess how an answer goes on: it often repeats the prompt, or itself.

Knows token ids and what a grammar allows; knows no model.
In: the tokens so far.  Out: a Draft, which one pass of the model confirms or cuts short.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.llm.grammar import Constraint

LONGEST_MATCH = 6  # tokens; a longer agreement says no more about what follows
MOST_TRIES = 4  # places in the text whose continuation the grammar may refuse before the guessing ends


@dataclass(frozen=True, slots=True)
class Draft:
    """Tokens that may come next: `guesses` are the places of those that are guessed, the others are forced by them."""

    tokens: tuple[int, ...] = ()
    guesses: tuple[int, ...] = ()


NOTHING = Draft()


class Lookup:
    """The text so far, prompt and answer, searched for what followed the last time the same words were said."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids = np.array(ids, dtype=np.int64)
        self._length = len(ids)

    def add(self, tokens: Sequence[int]) -> None:
        end = self._length + len(tokens)
        if end > len(self._ids):
            self._ids = np.concatenate([self._ids, np.zeros(max(end, 256), dtype=np.int64)])
        self._ids[self._length : end] = tokens
        self._length = end

    def draft(self, constraint: Constraint, guesses: int, room: int, *, fast_forward: bool) -> Draft:
        """Up to `guesses` guesses and less than `room` tokens; the constraint is left standing behind them."""
        tokens: list[int] = []
        places: list[int] = []
        while len(places) < guesses and len(tokens) + 1 < room and not constraint.is_complete():
            guess = next((token for token in self._following(tokens) if constraint.may_take(token)), None)
            if guess is None:
                break
            places.append(len(tokens))
            tokens.append(guess)
            if fast_forward:
                tokens += constraint.forced()
        return Draft(tuple(tokens), tuple(places))

    def _following(self, draft: Sequence[int]) -> Iterator[int]:
        """What followed in the text where it last agreed with its end and the draft; the longest agreement first."""
        known = self._ids[: self._length]
        tail = [*known[-LONGEST_MATCH:].tolist(), *draft][-LONGEST_MATCH:]
        # agreeing[n]: where the places end that agree in n + 1 tokens.
        agreeing = [np.flatnonzero(known[:-1] == tail[-1])]
        for back in range(1, len(tail)):
            ends = agreeing[-1]
            ends = ends[ends >= back]
            agreeing.append(ends[known[ends - back] == tail[-1 - back]])
        seen: set[int] = set()
        for ends in reversed(agreeing):
            for end in ends[: -MOST_TRIES - 1 : -1]:
                token = int(known[end + 1])
                if token not in seen:
                    seen.add(token)
                    yield token
                if len(seen) == MOST_TRIES:
                    return
