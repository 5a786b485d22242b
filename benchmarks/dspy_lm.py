"""DSPy on the engine: does everything parse, does it stand a crowd: `python -m benchmarks.dspy_lm`.

Knows DSPy, the engine and the shapes; changes nothing. In: a model folder.  Out: figures on stdout.

parse   every shape of benchmarks.dspy_shapes drawn DRAWS times at temperature 1
crowd   8 threads and 4 event loops at once, every fifth call given up at a random moment; how many jobs the device
        ever ran at a time, and whether all calls came back
"""

import argparse
import asyncio
import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import dspy
from dspy import lm15

from app.dspy_lm import AsyncMlxEngine, Flights, JSONAdapter, MlxEngine, mlx_lm
from app.llm.bounds import Bounds
from app.llm.engine import Engine
from app.llm.loader import load_generator
from app.settings import BUNDLED_MODEL
from benchmarks.dspy_shapes import programs
from benchmarks.laws import random_model

SHORT = Bounds(text_chars=60, items=4, entries=4, key_chars=16, depth=2)


def parse(engine: Engine, draws: int) -> Counter[str]:
    """How many answers of each shape did not parse."""
    failures: Counter[str] = Counter()
    for name, program, inputs in programs():
        failures[name] = 0
        for seed in range(draws):
            lm = mlx_lm(engine, temperature=1.0, seed=seed, num_retries=0)
            try:
                with dspy.context(lm=lm, adapter=JSONAdapter()):
                    program(**inputs)
            except Exception as error:  # noqa: BLE001  whatever it is, it is a failure to count and to show
                failures[name] += 1
                print(f"  {name}, draw {seed}: {type(error).__name__} {str(error)[:200]}")
    return failures


class Crowd:
    """Callers from threads and loops, some of whom give up."""

    def __init__(self, engine: Engine, calls: int, seed: int = 0) -> None:
        self.calls, self.seed = calls, seed
        self.at_once = self.most_at_once = 0
        self.ends: Counter[str] = Counter()
        self._guard = threading.Lock()
        flights = Flights(engine)
        self.sync, self.asynchronous = MlxEngine(flights), AsyncMlxEngine(flights)

    def run(self) -> float:
        """Let them all loose; returns the seconds it took."""
        inner = Engine._answer

        def watched(*call: Any) -> Any:
            with self._guard:
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
            try:
                return inner(*call)
            finally:
                with self._guard:
                    self.at_once -= 1

        Engine._answer = watched  # type: ignore[method-assign,assignment]
        started = time.perf_counter()
        try:
            shares = [self.calls // 12 + (i < self.calls % 12) for i in range(12)]
            threads = [threading.Thread(target=self._thread, args=(i, shares[i])) for i in range(8)]
            threads += [threading.Thread(target=asyncio.run, args=(self._loop(i, shares[i]),)) for i in range(8, 12)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            Engine._answer = inner  # type: ignore[method-assign]
        return time.perf_counter() - started

    def _thread(self, number: int, share: int) -> None:
        rng = random.Random(self.seed + number)
        for _ in range(share):
            if rng.random() < 0.2:  # a stream that nobody reads to its end
                events = self.sync.stream(_request(rng))
                for _ in range(rng.randrange(1, 4)):
                    next(events, None)
                events.close()  # type: ignore[attr-defined]  # it is a generator
                self._end("given up")
            else:
                self._end(self.sync.complete(_request(rng)).finish_reason)

    async def _loop(self, number: int, share: int) -> None:
        rng = random.Random(self.seed + number)
        waiting: set[asyncio.Task[None]] = set()
        for _ in range(share):
            waiting.add(
                asyncio.create_task(self._call(_request(rng), rng.random() * 0.3 if rng.random() < 0.2 else None))
            )
            if len(waiting) >= 8:
                _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if waiting:
            await asyncio.wait(waiting)

    async def _call(self, request: lm15.Request, patience: float | None) -> None:
        try:
            response = await asyncio.wait_for(self.asynchronous.complete(request), patience)
            self._end(response.finish_reason)
        except TimeoutError:
            self._end("given up")

    def _end(self, how: str) -> None:
        with self._guard:
            self.ends[how] += 1


def _request(rng: random.Random) -> lm15.Request:
    """One of a few hundred questions, so that some are in flight twice."""
    schema = {"type": "object", "properties": {"n": {"enum": list(range(50))}}, "required": ["n"]}
    config = lm15.Config(
        temperature=1.0, seed=rng.randrange(20), response_format={"type": "json_schema", "schema": schema}
    )
    return lm15.Request("mlx", (lm15.Message.user(f"A number, {rng.randrange(20)}."),), config=config)


def main() -> None:
    """Print the figures asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, default=BUNDLED_MODEL)
    parser.add_argument("--random", action="store_true", help="a tiny model of random weights instead")
    parser.add_argument("--draws", type=int, default=50, help="answers of each shape")
    parser.add_argument("--calls", type=int, default=10_000, help="calls of the crowd")
    options = parser.parse_args()
    loaded = random_model(seed=0) if options.random else load_generator(options.model)
    engine = Engine(loaded)
    if options.calls:
        crowd = Crowd(engine, options.calls)
        seconds = crowd.run()
        told = ", ".join(f"{number} {how}" for how, number in crowd.ends.items())
        print(f"crowd: {told}; {crowd.most_at_once} job at once at most; {seconds:.0f} s", flush=True)
    if options.draws:
        failures = parse(Engine(loaded, bounds=SHORT), options.draws)
        asked = options.draws * len(failures)
        print(f"parse: {failures.total()} failures in {asked} programs run, {len(failures)} shapes")


if __name__ == "__main__":
    main()
