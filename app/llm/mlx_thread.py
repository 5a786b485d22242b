"""The engine's one thread: whatever touches mlx (load, prefill, decode, embed, free) runs here, one job at a time.

Knows jobs and their order; does not know what they compute.
In: a function and its arguments, from any thread or event loop.  Out: its result or its exception.
"""

import asyncio
import atexit
import itertools
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar, TypeVarTuple

from app.errors import Cancelled, OutOfMemory, TimedOut
from app.llm.lock import MLX_LOCK, MLXLock

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

INTERACTIVE, BACKGROUND = 0, 1  # a person waits: ask, search, server | nobody waits: ingestion
# How MLX says it on a processor ("Unable to allocate 9 bytes"), on Metal ("Insufficient Memory") and on CUDA.
_NO_MEMORY = re.compile(r"unable to allocate|attempting to allocate|insufficient memory|out of memory", re.IGNORECASE)
EXIT_WAIT_SECONDS = 30.0  # at exit, for a job that cannot be polled (reading weights); then the process ends anyway


class CancelToken:
    """A caller's way to stop a job it has given up; the job polls it between prefill chunks and between tokens.

    timeout_seconds   from now, waiting for the device included; None: as long as it takes
    """

    def __init__(self, timeout_seconds: float | None = None) -> None:
        self._event = threading.Event()
        self._deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        self._timeout_seconds = timeout_seconds

    def cancel(self) -> None:
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set() or self._is_late()

    def check(self) -> None:
        """Raise Cancelled if the caller gave up, TimedOut if the time is over."""
        if self._event.is_set():
            raise Cancelled("the caller gave up")
        if self._is_late():
            raise TimedOut(f"not answered within {self._timeout_seconds:g} seconds", hint="allow more time")

    def _is_late(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline


@dataclass(eq=False)
class Job:
    """One piece of device work. The lowest priority goes first, then whose caller was served longest ago, then age."""

    priority: int
    number: int
    work: "Callable[[], Any] | None"  # Any: a job may return anything
    token: CancelToken
    caller: str = ""
    future: "Future[Any]" = field(default_factory=Future)

    def cancel(self) -> None:
        """Tell a running job to stop, and keep a waiting one from starting."""
        self.token.cancel()
        self.future.cancel()


class MlxThread:
    """A queue and the one thread that serves it, started by the first job.

    MLX streams belong to the thread that made them (mlx >= 0.31.2) and Metal aborts on concurrent encoders, hence one
    thread. It holds `lock` around each job, so foreign code that takes the lock has the device to itself.
    """

    def __init__(self, lock: MLXLock = MLX_LOCK) -> None:
        self._lock = lock
        self._start_over()
        os.register_at_fork(after_in_child=self._start_over)
        atexit.register(self.stop)

    def _start_over(self) -> None:
        """Empty and threadless; also what a forked child must begin with."""
        self._changed = threading.Condition()
        self._waiting: list[Job] = []
        self._running: Job | None = None
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._numbers = itertools.count()
        self._served: dict[str, int] = {}  # when each caller last had the device; as many as there are keys

    def submit(
        self,
        work: "Callable[[], Any]",
        *,
        priority: int = INTERACTIVE,
        token: CancelToken | None = None,
        caller: str = "",
    ) -> Job:
        """Queue `work`; interactive before background, then whichever caller waited longest, then first come.

        caller  who shares the device with others in turns, however many jobs each has queued
        raises  RuntimeError from inside a job, or by the holder of the lock: either would wait for itself
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError("a job on the MLX thread asked for another one; call the function directly")
        if self._lock.held_here():
            raise RuntimeError("the holder of MLX_LOCK asked for a job, which needs the lock; release it first")
        with self._changed:
            if self._stopping:
                raise RuntimeError("the MLX thread has stopped; this process is exiting")
            job = Job(priority, next(self._numbers), work, token or CancelToken(), caller)
            self._waiting.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="mlx", daemon=True)
                self._thread.start()
            self._changed.notify()
        return job

    def cancelled(self) -> bool:
        """For a job without a token at hand: has the caller of the running job given up?"""
        return self._running is not None and self._running.token.cancelled

    def stop(self) -> None:
        """Cancel what waits and what runs, and wait for the device to be idle; called at exit."""
        with self._changed:
            self._stopping = True
            for job in self._waiting if self._running is None else [self._running, *self._waiting]:
                job.cancel()
            self._changed.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(EXIT_WAIT_SECONDS)

    def _serve(self) -> None:
        while self._wait_for_work():
            # The lock first, the choice second: who is most urgent is known only when the device is ours.
            with self._lock:
                self._running = self._next_job()
                if self._running is not None:
                    self._run(self._running)
                    self._running = None
        _release_streams()

    def _wait_for_work(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            return not self._stopping

    def _next_job(self) -> Job | None:
        """The most urgent job still wanted."""
        with self._changed:
            while self._waiting:
                job = min(self._waiting, key=lambda job: (job.priority, self._served.get(job.caller, -1), job.number))
                self._waiting.remove(job)
                if job.future.set_running_or_notify_cancel():
                    self._served[job.caller] = next(self._numbers)
                    return job
            return None

    def _run(self, job: Job) -> None:
        work, job.work = job.work, None  # what the job holds is freed on this thread, not on the caller's
        assert work is not None
        try:
            job.token.check()
            try:
                result = work()
            finally:
                # A failed job may leave kernels behind; the lock is passed on only when none runs.
                _finish_device_work()
        except BaseException as error:  # noqa: BLE001  every exception belongs to the caller, whatever it is
            # A new error, not one raised from this: its frames hold what has to be freed.
            job.future.set_exception(OutOfMemory() if _is_out_of_memory(error) else error)
        else:
            job.future.set_result(result)


def _is_out_of_memory(error: BaseException) -> bool:
    """MLX has no error of its own for it."""
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and bool(_NO_MEMORY.search(str(error))))


def _finish_device_work() -> None:
    if "mlx.core" in sys.modules:
        sys.modules["mlx.core"].synchronize()


def _release_streams() -> None:
    # A Python thread that used mlx leaves an operating-system thread behind unless it gives its streams back.
    if "mlx.core" in sys.modules:
        sys.modules["mlx.core"].clear_streams()


MLX_THREAD = MlxThread()


def run_mlx(fn: Callable[[*Ts], T], *args: *Ts, priority: int = INTERACTIVE, cancel: CancelToken | None = None) -> T:
    """Run `fn(*args)` on the MLX thread and wait; results must be evaluated arrays or plain Python values.

    cancel    a token `fn` polls; whoever holds it may stop the job, and a KeyboardInterrupt here sets it
    raises    whatever `fn` raises; OutOfMemory where the device had none left; Cancelled if the token was set;
              RuntimeError from inside a job
    """
    job = MLX_THREAD.submit(lambda: fn(*args), priority=priority, token=cancel)
    try:
        result: T = job.future.result()
    except BaseException:  # Ctrl-C while waiting stops the device's job too; it goes on
        job.cancel()
        raise
    return result


async def arun_mlx(
    fn: Callable[[*Ts], T], *args: *Ts, priority: int = INTERACTIVE, cancel: CancelToken | None = None
) -> T:
    """`run_mlx` for an event loop: a cancelled caller returns at once, its job stops at the next poll of the token."""
    job = MLX_THREAD.submit(lambda: fn(*args), priority=priority, token=cancel)
    try:
        result: T = await asyncio.wrap_future(job.future)
    except BaseException:  # Ctrl-C while waiting stops the device's job too; it goes on
        job.cancel()
        raise
    return result


def cancelled() -> bool:
    """Inside a job: has its caller given up?"""
    return MLX_THREAD.cancelled()


__all__ = [
    "BACKGROUND",
    "INTERACTIVE",
    "MLX_LOCK",
    "MLX_THREAD",
    "CancelToken",
    "MlxThread",
    "arun_mlx",
    "cancelled",
    "run_mlx",
]
