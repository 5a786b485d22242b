"""What is said while a prompt is read, and how a full memory is waited for."""

import pytest

from app.budget.clock import PrefillClock
from app.errors import NoRoom
from app.pipeline import waiting
from app.pipeline.waiting import PrefillProgress, when_there_is_room


def test_only_a_long_prompt_is_worth_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing for prompts that take moments, however many; a line every ten seconds of one that takes longer."""
    now = [1000.0]
    monkeypatch.setattr("app.pipeline.waiting.time.monotonic", lambda: now[0])
    clock, said = PrefillClock(), list[str]()
    clock.record(0, 1000, 10.0)
    progress = PrefillProgress(clock, said.append)
    for tokens in (700, 1142, 1142, 9000):
        now[0] += 60
        progress(512, tokens)
    assert said == []
    for read in range(1024, 9000, 512):
        now[0] += 4
        progress(read, 9000)
    assert said[0] == "reading a prompt: 2,048 of 9,000 tokens, about 70 s left"
    assert len(said) == 5


async def test_a_full_memory_is_waited_for_and_not_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempt is made again until there is room; after ROOM_TRIES its NoRoom comes through."""
    waits, said, full = list[float](), list[str](), [3]

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def attempt() -> str:
        full[0] -= 1
        if full[0] >= 0:
            raise NoRoom("the memory is full", retry_seconds=7)
        return "done"

    monkeypatch.setattr("app.pipeline.waiting.asyncio.sleep", sleep)
    assert await when_there_is_room(attempt, said.append) == "done"
    assert waits == [7, 7, 7]
    assert said[0] == "the memory is full; trying again in 7 s"
    full[0] = 10**6
    with pytest.raises(NoRoom):
        await when_there_is_room(attempt, said.append)
    assert len(waits) == 3 + waiting.ROOM_TRIES
