"""Guess how an answer goes on: it often repeats the prompt, or itself.

Knows token ids and what a grammar allows; knows no model.
In: the tokens so far, and which guess pays.  Out: a Draft, which one pass of the model confirms or cuts short.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.llm.grammar import Constraint

LONGEST_MATCH = 6  # tokens; a longer agreement says no more about what follows
MOST_TRIES = 4  # places in the text whose continuation the grammar may refuse before the guessing ends


# Asked for each guess: tokens of the pass without it, those it adds, and how many tokens agreed before it and before
# each guess on the way to it.
Pays = Callable[[int, int, Sequence[int]], bool]


@dataclass(frozen=True, slots=True)
class Draft:
    """Tokens that may come next: `guesses` are the places of those that are guessed, the others are forced by them.

    agreed   for each guess, how many tokens before it stand before the place in the text that it was taken from
    """

    tokens: tuple[int, ...] = ()
    guesses: tuple[int, ...] = ()
    agreed: tuple[int, ...] = ()


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

    def draft(self, constraint: Constraint, unread: int, room: int, pays: Pays, *, fast_forward: bool) -> Draft:
        """Guesses while they pay, and less than `room` tokens; the constraint is left standing behind them.

        unread   tokens that the pass feeds in any case
        """
        tokens: list[int] = []
        places: list[int] = []
        agreed: list[int] = []
        while len(tokens) + 1 < room and not constraint.is_complete():
            found = next((guess for guess in self._following(tokens) if constraint.may_take(guess[0])), None)
            if found is None:
                break
            added = [found[0], *(constraint.forced() if fast_forward else ())]
            if not pays(unread + len(tokens), len(added), [*agreed, found[1]]):
                constraint.take_back(len(added))
                break
            places.append(len(tokens))
            agreed.append(found[1])
            tokens += added
        return Draft(tuple(tokens), tuple(places), tuple(agreed))

    def _following(self, draft: Sequence[int]) -> Iterator[tuple[int, int]]:
        """What followed in the text where it last agreed with its end and the draft, and in how many tokens it agreed.

        The longest agreement comes first.
        """
        known = self._ids[: self._length]
        tail = [*known[-LONGEST_MATCH:].tolist(), *draft][-LONGEST_MATCH:]
        # agreeing[n]: where the places end that agree in n + 1 tokens.
        agreeing = [np.flatnonzero(known[:-1] == tail[-1])]
        for back in range(1, len(tail)):
            ends = agreeing[-1]
            ends = ends[ends >= back]
            agreeing.append(ends[known[ends - back] == tail[-1 - back]])
        seen: set[int] = set()
        for back in reversed(range(len(agreeing))):
            for end in agreeing[back][: -MOST_TRIES - 1 : -1]:
                token = int(known[end + 1])
                if token not in seen:
                    seen.add(token)
                    yield token, back + 1
                if len(seen) == MOST_TRIES:
                    return
