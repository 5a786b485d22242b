"""The laws of the one thread and its lock: one job at a time, in order, whoever gives up."""

import asyncio
import random
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from app.errors import Cancelled, OutOfMemory
from app.llm.lock import MLXLock
from app.llm.mlx_thread import BACKGROUND, MLX_LOCK, MLX_THREAD, CancelToken, MlxThread, arun_mlx, cancelled, run_mlx

ROOT = Path(__file__).parents[2]


class Device:
    """Counts how many jobs are on it at once; a job is a nap that watches its token."""

    def __init__(self) -> None:
        self.inside = self.peak = self.jobs = 0

    def job(self, seconds: float) -> int:
        self.inside += 1
        self.peak = max(self.peak, self.inside)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not cancelled():
            time.sleep(0.0002)
        self.jobs += 1
        self.inside -= 1
        return self.jobs


async def _many_tasks(device: Device, seed: int, cancelled_tasks: list[int]) -> None:
    rng = random.Random(seed)
    tasks = [asyncio.create_task(arun_mlx(device.job, rng.random() * 0.002)) for _ in range(225)]

    async def give_some_up() -> None:
        for task in rng.sample(tasks, 60):
            await asyncio.sleep(rng.random() * 0.004)
            task.cancel()

    results = await asyncio.gather(give_some_up(), *tasks, return_exceptions=True)
    cancelled_tasks.append(sum(isinstance(result, asyncio.CancelledError) for result in results))


def test_four_loops_and_three_threads_put_one_job_at_a_time_on_the_device() -> None:
    """1,500 jobs, 4 event loops, 3 threads, random cancellations: never two at once, none lost, no deadlock."""
    device, given_up = Device(), list[int]()

    def run_a_loop(seed: int) -> None:
        asyncio.run(_many_tasks(device, seed, given_up))

    def run_a_thread(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(200):
            run_mlx(device.job, rng.random() * 0.001, priority=rng.randrange(2))

    callers = [threading.Thread(target=run_a_loop, args=(seed,)) for seed in range(4)]
    callers += [threading.Thread(target=run_a_thread, args=(seed,)) for seed in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert not any(caller.is_alive() for caller in callers)
    assert device.peak == 1
    assert sum(given_up) > 0
    assert device.jobs >= 1500 - sum(given_up)
    run_mlx(int)  # the last abandoned job has left the device
    assert device.inside == 0


async def test_a_cancelled_caller_does_not_let_a_second_job_onto_the_device() -> None:
    """A caller who gives up returns at once, but the next job starts only after the abandoned one has stopped."""
    started, may_end, order = threading.Event(), threading.Event(), list[str]()

    def stubborn() -> None:
        started.set()
        may_end.wait(10)
        order.append("first ends")

    first = asyncio.create_task(arun_mlx(stubborn))
    await asyncio.to_thread(started.wait, 10)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.create_task(arun_mlx(order.append, "second runs"))
    await asyncio.sleep(0.02)
    assert order == []
    may_end.set()
    await second
    assert order == ["first ends", "second runs"]


async def test_a_cancelled_caller_sets_the_token_the_job_polls() -> None:
    """Cancelling the awaiting task is visible inside the running job."""
    started, seen = threading.Event(), threading.Event()
    token = CancelToken()

    def poll() -> None:
        started.set()
        while not token.cancelled:
            time.sleep(0.001)
        seen.set()

    task = asyncio.create_task(arun_mlx(poll, cancel=token))
    await asyncio.to_thread(started.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(seen.wait, 10)


def test_a_token_set_beforehand_keeps_the_job_from_running() -> None:
    """Work nobody wants any more is refused with Cancelled."""
    token, ran = CancelToken(), list[int]()
    token.cancel()
    with pytest.raises(Cancelled):
        run_mlx(ran.append, 1, cancel=token)
    assert ran == []


def _while_the_device_is_busy(submit: Callable[[], None]) -> None:
    """Queue jobs behind a job that waits, so that their order is the queue's choice."""
    gate = threading.Event()
    blocker = MLX_THREAD.submit(lambda: gate.wait(10))
    submit()
    gate.set()
    blocker.future.result(10)


def test_interactive_work_goes_first_and_each_class_is_first_come_first_served() -> None:
    """Waiting jobs run by priority, and in order of arrival within one priority."""
    order, jobs = list[str](), list[threading.Event]()

    def submit() -> None:
        for name, priority in [("b1", BACKGROUND), ("a1", 0), ("b2", BACKGROUND), ("a2", 0), ("a3", 0)]:
            done = threading.Event()
            jobs.append(done)

            def work(name: str = name, done: threading.Event = done) -> None:
                order.append(name)
                done.set()

            MLX_THREAD.submit(work, priority=priority)

    _while_the_device_is_busy(submit)
    assert all(done.wait(10) for done in jobs)
    assert order == ["a1", "a2", "a3", "b1", "b2"]


def test_callers_take_turns_however_many_jobs_each_has_queued() -> None:
    """One who asks once waits for one job of each other caller, not for their whole queues."""
    thread, order, gate = MlxThread(), list[str](), threading.Event()
    first = thread.submit(gate.wait)
    jobs = [thread.submit(partial(order.append, caller), caller=caller) for caller in "aaaabbc"]
    gate.set()
    for job in [first, *jobs]:
        job.future.result(10)
    assert "".join(order) == "abcabaa"
    thread.stop()


def test_the_lock_keeps_our_jobs_off_the_device() -> None:
    """Foreign code that holds MLX_LOCK has the device to itself; our job starts after it lets go."""
    ran = threading.Event()
    with MLX_LOCK:
        caller = threading.Thread(target=run_mlx, args=(ran.set,))
        caller.start()
        assert not ran.wait(0.05)
    assert ran.wait(10)
    caller.join(10)


def test_a_job_that_asks_for_a_job_is_refused() -> None:
    """Waiting for oneself is a RuntimeError, not a deadlock; so is asking while holding the lock."""
    with pytest.raises(RuntimeError, match="asked for another"):
        run_mlx(lambda: run_mlx(int))
    with MLX_LOCK, pytest.raises(RuntimeError, match="holder of MLX_LOCK"):
        run_mlx(int)


async def test_an_exception_reaches_its_caller_and_the_thread_lives_on() -> None:
    """Whatever a job raises is raised where it was asked for."""

    def fail() -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        run_mlx(fail)
    with pytest.raises(LookupError, match="mine"):
        await arun_mlx(fail)
    assert await arun_mlx(int, "7") == 7


def test_every_job_runs_on_the_same_thread() -> None:
    """MLX arrays and streams belong to one thread."""
    names = {run_mlx(threading.get_ident) for _ in range(5)}
    assert len(names) == 1
    assert threading.get_ident() not in names


async def test_the_lock_is_fair_and_a_cancelled_waiter_leaves_the_queue() -> None:
    """Waiters get the lock in the order they asked; one who gives up is skipped."""
    lock, order = MLXLock(), list[int]()

    async def take(number: int) -> None:
        async with lock:
            order.append(number)

    async with lock:
        tasks = [asyncio.create_task(take(number)) for number in range(4)]
        await asyncio.sleep(0)
        assert lock.waiters() == 4
        tasks[1].cancel()
        await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == [0, 2, 3]
    assert not lock.locked()


async def test_a_waiter_cancelled_as_its_turn_comes_hands_the_lock_on() -> None:
    """Granted and cancelled in the same breath: the lock is free again, and the next waiter gets it."""
    lock, order = MLXLock(), list[int]()

    async def take(number: int) -> None:
        async with lock:
            order.append(number)

    await lock.__aenter__()
    tasks = [asyncio.create_task(take(number)) for number in range(2)]
    await asyncio.sleep(0)
    await lock.__aexit__(None, None, None)
    tasks[0].cancel()
    await asyncio.wait_for(tasks[1], 10)
    assert order == [1]
    assert not lock.locked()


def test_the_lock_is_importable_from_the_room_without_waking_mlx() -> None:
    """`from app.llm import MLX_LOCK` gives the one lock and loads neither mlx nor a model library."""
    code = (
        "import sys; from app.llm import MLX_LOCK; import app.llm.lock as lock; assert MLX_LOCK is lock.MLX_LOCK;"
        "assert 'mlx' not in sys.modules and 'mlx_lm' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=ROOT)


NO_MEMORY = (
    MemoryError(),
    RuntimeError("[malloc] Unable to allocate 4294967296 bytes."),
    RuntimeError("[METAL] Command buffer execution failed: Insufficient Memory (00000008)"),
    RuntimeError(
        "[metal::malloc] Attempting to allocate 9 bytes which is greater than the maximum allowed buffer size"
    ),
)


@pytest.mark.parametrize("failure", NO_MEMORY, ids=["python", "processor", "metal", "one metal buffer"])
def test_a_device_without_memory_has_one_name(failure: Exception) -> None:
    """Whatever MLX calls it, the caller gets OutOfMemory, nothing of the failed job is held, and the next job runs."""

    class Held:
        """Stands for the arrays of a job."""

    held: list[weakref.ref[Held]] = []

    def job() -> None:
        array = Held()
        held.append(weakref.ref(array))
        raise type(failure)(*failure.args)

    with pytest.raises(OutOfMemory) as raised:
        run_mlx(job)
    assert raised.value.__context__ is None
    assert held[0]() is None
    assert run_mlx(lambda: 3) == 3


def test_another_failure_of_a_job_keeps_its_own_name() -> None:
    """Only what says that memory is missing is OutOfMemory."""
    with pytest.raises(RuntimeError, match="a mistake"):
        run_mlx(mistake)


def mistake() -> None:
    raise RuntimeError("a mistake")


def test_a_stopped_thread_cancels_what_waits_and_refuses_more() -> None:
    """After stop() nothing hangs: the running job sees its token, waiting callers are cancelled, new ones refused."""
    engine, started = MlxThread(MLXLock()), threading.Event()

    def poll() -> None:
        started.set()
        while not engine.cancelled():
            time.sleep(0.001)

    running = engine.submit(poll)
    assert started.wait(10)
    waiting = engine.submit(int)
    engine.stop()
    assert running.future.done()
    assert waiting.future.cancelled()
    with pytest.raises(RuntimeError, match="has stopped"):
        engine.submit(int)


@pytest.mark.parametrize(
    "ending",
    [
        "pass",
        "MLX_THREAD.submit(lambda: [time.sleep(0.01) for _ in iter(cancelled, True)])",
        "pid = os.fork(); run_mlx(int)\nif pid: assert os.waitpid(pid, 0)[1] == 0",
    ],
    ids=["idle", "with a job running", "after a fork"],
)
def test_a_process_ends_although_it_used_the_thread(ending: str) -> None:
    """Neither exit nor fork leaves a thread that hangs; a forked child gets a thread of its own."""
    code = (
        "import os, time, warnings; warnings.simplefilter('ignore')\n"
        "from app.llm.mlx_thread import MLX_THREAD, cancelled, run_mlx\n"
        f"run_mlx(int)\n{ending}\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=ROOT)
