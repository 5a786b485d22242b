"""What a person is told while a long prompt is read, and what a run does when the memory is full: it waits.

Knows clocks; knows no model. In: passes of a prompt, or an attempt that may find no room.  Out: lines, or its result.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.budget.clock import PrefillClock
from app.errors import NoRoom

T = TypeVar("T")

LINE_EVERY_SECONDS = 10.0  # of a prompt that takes longer; a shorter one is not worth a word
ROOM_TRIES = 20  # with NoRoom's half a minute: ten minutes, then the run stops and can be started again


class PrefillProgress:
    """Called after each pass of a prompt; speaks only while a long one is read."""

    def __init__(self, clock: PrefillClock, say: Callable[[str], None]) -> None:
        self._clock, self._say = clock, say
        self._before, self._tokens, self._spoke = 0, 0, 0.0

    def __call__(self, read: int, tokens: int) -> None:
        now = time.monotonic()
        if tokens != self._tokens or read <= self._before:  # another prompt began
            self._spoke = now
        self._before, self._tokens = read, tokens
        if now - self._spoke < LINE_EVERY_SECONDS or read == tokens:
            return
        self._spoke = now
        left = self._clock.seconds(tokens, read)
        told = f", about {left:.0f} s left" if left is not None else ""
        self._say(f"reading a prompt: {read:,} of {tokens:,} tokens{told}")


async def when_there_is_room(attempt: Callable[[], Awaitable[T]], say: Callable[[str], None]) -> T:
    """The attempt's result; while the memory is full it is made again every `retry_seconds`.

    raises  NoRoom after ROOM_TRIES; whatever else the attempt raises, at once
    """
    for _ in range(ROOM_TRIES):
        try:
            return await attempt()
        except NoRoom as error:
            say(f"{error.message}; trying again in {error.retry_seconds} s")
            await asyncio.sleep(error.retry_seconds)
    return await attempt()
