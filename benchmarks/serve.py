"""The server under load: `python -m benchmarks.serve [--only NAME] [--seconds 120]`.

Knows the server from outside, over a real socket, and the engine beside it; changes nothing. In: nothing.
Out: figures on stdout.

structured   2,000 answers of a random-weight model over the schemas of jsonschemabench, checked by jsonschema
crowd        200 clients at once; every answer that of its own request or a clean 429; memory and threads of the server
left         500 callers who hang up at a random moment; how long the device then stays busy
overhead     the same requests through the server and through the engine alone, in turns
second       the second turn of a chat of 20,000 tokens, in the same process and after a restart
"""

import argparse
import asyncio
import gzip
import json
import os
import platform
import random
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import uvicorn

from app.llm.bounds import Bounds
from app.llm.embedder import QwenEmbedder
from app.llm.engine import Engine
from app.llm.loader import load_embedder, load_generator
from app.llm.mlx_thread import run_mlx
from app.llm.request import Request, Turn
from app.server.app import Served, build
from app.server.desk import Desk
from app.server.metrics import Metrics
from app.server.serve import listen
from app.settings import BUNDLED_EMBEDDER
from benchmarks.common import exact_json
from tests.llm.tiny import CONTROL, MARKERS, SHARED, TINY, build_model, build_tokenizer

WORDS = "and so on " * 900
SMALL = Bounds(text_chars=40, items=3, entries=3, key_chars=12, depth=2)
MODEL = "random"


def random_model(folder: Path, **shape: Any) -> Path:
    """Two layers of random weights behind a byte-level tokenizer."""
    folder = folder / MODEL
    folder.mkdir()
    count = build_tokenizer(folder)
    eos = [count - len(MARKERS) - 1, count - len(MARKERS) - len(CONTROL)]
    build_model(folder, {**TINY, **shape, "vocab_size": (count // 64 + 1) * 64, "eos_token_id": eos})
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "model_max_length": 40_960}))
    return folder


@contextmanager
def server(engine: Engine, **desk: Any) -> Iterator[tuple[str, Desk]]:
    """A server in this process, over a real socket."""
    taken = Desk(engine, Metrics(), **desk)
    served = Served(taken, QwenEmbedder(load_embedder(BUNDLED_EMBEDDER), 64), "embedder")
    listening = listen("127.0.0.1", 0)
    running = uvicorn.Server(uvicorn.Config(build(served), log_level="error", ws="none", timeout_keep_alive=75))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}", taken
    running.should_exit = True
    thread.join(10)
    listening.close()


def asked(text: str, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **more}


def structured(folder: Path, wanted: int) -> None:
    """Answers over every schema that compiles, drawn at temperature 1, until there are as many as wanted."""
    path = SHARED / "data" / "json_conformance" / "jsonschemabench" / "dev.jsonl.gz"
    with gzip.open(path, "rt") as lines:
        schemas = [json.loads(line) for line in lines]
    counts: Counter[str] = Counter()
    refused: set[int] = set()
    with (
        server(Engine(load_generator(random_model(folder)), bounds=SMALL)) as (url, _),
        httpx.Client(timeout=120) as client,
    ):
        for round_ in range(wanted):
            for place, line in enumerate(schemas):
                if place in refused or counts["answers"] >= wanted:
                    continue
                schema = line.get("json_schema") or line.get("schema") or line
                schema = json.loads(schema) if isinstance(schema, str) else schema
                form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
                body = asked("Answer.", response_format=form, temperature=1.0, seed=round_, max_tokens=3000)
                response = client.post(f"{url}/v1/chat/completions", json=body)
                if response.status_code != 200:
                    refused.add(place)
                    counts[f"refused with {response.status_code}"] += 1
                    continue
                choice = response.json()["choices"][0]
                if choice["finish_reason"] == "length":
                    counts["cut at 3,000 tokens, said so"] += 1
                    continue
                counts["answers"] += 1
                if counts["answers"] % 200 == 0:
                    print(f"structured: {dict(counts)}", flush=True)
                counts["invalid"] += not is_valid(choice["message"]["content"], schema, place)
            if counts["answers"] >= wanted or len(refused) == len(schemas):
                break
    print(f"structured: {len(schemas)} schemas; {dict(counts)}")


def is_valid(text: str, schema: Any, place: int) -> bool:
    try:
        exact, answer = exact_json(json.dumps(schema)), exact_json(text)
        jsonschema.validators.validator_for(exact)(exact).validate(answer)
    except (ValueError, jsonschema.ValidationError) as error:
        print(f"  schema {place}: {str(error).splitlines()[0][:160]}")
        return False
    return True


def crowd(folder: Path, seconds: float, clients: int = 200) -> None:
    """Greedy answers are known beforehand; half of the clients stream."""
    engine = Engine(load_generator(random_model(folder)), bounds=SMALL)
    texts = [f"Question number {number}" for number in range(20)]
    expected = {text: engine.complete(Request(messages=[Turn("user", text)], max_tokens=8)).text for text in texts}
    counts: Counter[str] = Counter()
    with server(engine) as (url, desk):

        async def one(client: httpx.AsyncClient, number: int, end: float) -> None:
            rng = random.Random(number)
            while time.monotonic() < end:
                text = rng.choice(texts)
                body = asked(text, max_tokens=8, stream=number % 2 == 0)
                response = await client.post(f"{url}/v1/chat/completions", json=body)
                if response.status_code == 429 and "retry-after" in response.headers:
                    counts["429"] += 1
                    await asyncio.sleep(rng.uniform(0.2, 1.0))
                    continue
                counts["right" if said(response) == expected[text] else "wrong"] += 1

        async def all_of_them(seconds: float) -> None:
            limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
            async with httpx.AsyncClient(timeout=120, limits=limits) as client:
                end = time.monotonic() + seconds
                await asyncio.gather(*(one(client, number, end) for number in range(clients)))

        asyncio.run(all_of_them(min(10.0, seconds)))  # caches and pools fill once
        counts.clear()
        before, threads = resident(), threading.active_count()
        asyncio.run(all_of_them(seconds))
        grown = resident() - before
        print(
            f"crowd: {clients} clients for {seconds:g} s: {dict(counts)}; "
            f"memory {before:.0f} -> {before + grown:.0f} MB; "
            f"threads {threads} -> {threading.active_count()}; places taken {desk.taken}"
        )


def said(response: httpx.Response) -> str:
    if response.headers["content-type"].startswith("application/json"):
        return str(response.json()["choices"][0]["message"]["content"])
    chunks = [line[6:] for line in response.text.splitlines() if line.startswith("data: {")]
    return "".join(json.loads(chunk)["choices"][0]["delta"].get("content") or "" for chunk in chunks)


def resident() -> float:
    """MB of this process: server, device and clients together."""
    if sys.platform != "linux":
        return float("nan")
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def left(folder: Path, callers: int = 500) -> None:
    """Prompts of 3,000 tokens, half streamed; callers leave while theirs waits, is read, or is answered."""
    engine = Engine(load_generator(random_model(folder)), bounds=SMALL)
    rng = random.Random(5)
    busy: list[float] = []
    with server(engine) as (url, desk):
        host, port = url.removeprefix("http://").split(":")
        for number in range(callers // 10):
            threads = [
                threading.Thread(target=hang_up, args=(host, int(port), body, rng.uniform(0.001, 0.6)))
                for body in (
                    asked(f"{number} {place} {WORDS}", max_tokens=2000, stream=place % 2 == 0) for place in range(10)
                )
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            gone = time.monotonic()
            while desk.taken:
                time.sleep(0.002)
            run_mlx(lambda: None)
            busy.append(time.monotonic() - gone)
        cold = Engine(engine.loaded, prefix_bytes=0)
        right = 0
        with httpx.Client(timeout=120) as client:
            for text in ("Question after all that", f"3 4 {WORDS}", f"7 1 {WORDS}"):
                answer = said(client.post(f"{url}/v1/chat/completions", json=asked(text, max_tokens=8)))
                right += answer == cold.complete(Request(messages=[Turn("user", text)], max_tokens=8)).text
    busy.sort()
    print(
        f"left: {callers} callers gone; device idle after median {1000 * statistics.median(busy):.0f} ms, "
        f"at most {1000 * busy[-1]:.0f} ms; {right} of 3 answers afterwards are those of a cold engine"
    )


def hang_up(host: str, port: int, body: dict[str, Any], after: float) -> None:
    raw = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    with socket.create_connection((host, port)) as connection:
        connection.sendall(f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw)
        time.sleep(after)


def overhead(folder: Path, rounds: int = 60) -> None:
    """Each prompt is new to both; a turn of each in random order. CPU time knows nothing of a busy machine."""
    engine = Engine(load_generator(random_model(folder)), bounds=SMALL)
    spent: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    with server(engine) as (url, _), httpx.Client() as client:
        for number in range(rounds):
            for is_through in random.Random(number).sample([True, False], 2):
                text = f"{number} {is_through} " + "and so on " * 100
                started, cpu = time.perf_counter(), time.process_time()
                if is_through:
                    client.post(f"{url}/v1/chat/completions", json=asked(text, max_tokens=64)).raise_for_status()
                else:
                    engine.complete(Request(messages=[Turn("user", text)], max_tokens=64))
                spent[is_through].append((time.perf_counter() - started, time.process_time() - cpu))
    for place, kind in enumerate(("wall", "CPU, client included")):
        a, b = (1000 * statistics.median(one[place] for one in spent[side][5:]) for side in (True, False))
        more = f"{a - b:+.1f} ms, {100 * (a / b - 1):+.1f} %"
        print(f"overhead, {kind}: {a:.1f} ms served, {b:.1f} ms by the engine alone: {more}")


def second(folder: Path, tokens: int = 20_000) -> None:
    """A long first turn, then a question; then both again in a new engine over the same folder."""
    model = random_model(folder)
    words = "and so on it went that day " * (tokens // 8)
    turns: list[dict[str, str]] = [{"role": "user", "content": words}]
    for life in ("first process", "after a restart"):
        engine = Engine(load_generator(model), kv_folder=folder / "kv", blocks_on_disk=True)
        with server(engine) as (url, _), httpx.Client(timeout=600) as client:
            for turn in (1, 2):
                if life == "after a restart" and turn == 1:
                    continue
                started = time.perf_counter()
                body = client.post(
                    f"{url}/v1/messages", json={"model": MODEL, "max_tokens": 8, "messages": turns}
                ).json()
                seconds, usage = time.perf_counter() - started, body["usage"]
                print(
                    f"second: {life}, turn {turn}: {seconds:.2f} s; read {usage['input_tokens']:,} tokens, "
                    f"{usage['cache_read_input_tokens']:,} from the cache"
                )
                if turn == 1:
                    turns += [
                        {"role": "assistant", "content": body["content"][0]["text"]},
                        {"role": "user", "content": "And then?"},
                    ]


def main() -> None:
    """Run one or all, and say where."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["structured", "crowd", "left", "overhead", "second"])
    parser.add_argument("--seconds", type=float, default=120.0, help="of the crowd (120)")
    parser.add_argument("--answers", type=int, default=2000, help="structured answers (2,000)")
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; a random model of two layers")
    works: dict[str, Callable[[Path], None]] = {
        "overhead": overhead,
        "second": second,
        "left": left,
        "structured": lambda folder: structured(folder, options.answers),
        "crowd": lambda folder: crowd(folder, options.seconds),
    }
    for name, work in works.items():
        if options.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                work(Path(folder))


if __name__ == "__main__":
    main()
