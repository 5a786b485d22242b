"""MLX_LOCK: a fair lock for the one device, taken with `with` from any thread or `async with` from any event loop.

Knows threads and futures; knows neither mlx nor the work done under it.
In: a caller who wants the device.  Out: the device, to one caller at a time, in the order they asked.
"""

import asyncio
import os
import threading
from collections import deque
from concurrent.futures import Future
from types import TracebackType

Holder = tuple[int, int]  # thread, asyncio task (0 outside a loop)


class MLXLock:
    """FIFO mutex; a waiter that is cancelled leaves the queue and never keeps the lock.

    An asyncio.Lock belongs to one loop and wakes waiters of other loops unsafely, so it cannot guard a device that
    several loops share. Here each waiter is a `concurrent.futures.Future`, which wakes threads and loops alike.
    """

    def __init__(self) -> None:
        self._start_over()
        os.register_at_fork(after_in_child=self._start_over)

    def _start_over(self) -> None:
        """A forked child inherits no holder: the threads that held or waited live in the parent."""
        self._guard = threading.Lock()
        self._held = False
        self._holder: Holder | None = None
        self._queue: deque[Future[None]] = deque()

    def locked(self) -> bool:
        return self._held

    def waiters(self) -> int:
        return len(self._queue)

    def held_here(self) -> bool:
        """True if the calling thread (or the running asyncio task) holds the lock."""
        return self._holder is not None and self._holder == _me()

    def __enter__(self) -> "MLXLock":
        turn = self._ask()
        if turn is not None:
            try:
                turn.result()
            except BaseException:  # who stops waiting, for Ctrl-C too, must leave the queue or it stands still
                self._step_back(turn)
                raise
        self._holder = _me()
        return self

    async def __aenter__(self) -> "MLXLock":
        turn = self._ask()
        if turn is not None:
            try:
                await asyncio.wrap_future(turn)  # wakes the right loop through call_soon_threadsafe
            except BaseException:  # who stops waiting, for Ctrl-C too, must leave the queue or it stands still
                self._step_back(turn)
                raise
        self._holder = _me()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._pass_on()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._pass_on()

    def _ask(self) -> "Future[None] | None":
        """None if the lock was free and is now ours, else our place in the queue."""
        with self._guard:
            if self.held_here():
                raise RuntimeError("MLX_LOCK is already held here; it is not re-entrant")
            if not self._held:
                self._held = True
                return None
            turn: Future[None] = Future()
            self._queue.append(turn)
            return turn

    def _step_back(self, turn: "Future[None]") -> None:
        # A turn that can no longer be cancelled was granted while we were giving up: hand it on.
        if not turn.cancel():
            self._pass_on()

    def _pass_on(self) -> None:
        with self._guard:
            self._holder = None
            while self._queue:
                turn = self._queue.popleft()
                if turn.set_running_or_notify_cancel():
                    turn.set_result(None)  # handed over: the lock stays held
                    return
            self._held = False


def _me() -> Holder:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return threading.get_ident(), id(task) if task is not None else 0


MLX_LOCK = MLXLock()
