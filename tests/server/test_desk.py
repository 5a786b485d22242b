"""Who leaves frees the device; who asks for too much or too many is told; batch work lets people go first."""

import json
import socket
import threading
import time
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from app.llm.mlx_thread import MLX_THREAD, run_mlx
from app.server.order import Order
from app.server.refusals import QueueFull, Unsupported
from app.server.schemas import check_schema
from tests.server.asked import HI, MODEL
from tests.server.conftest import Running, Start

LONG_ANSWER: dict[str, Any] = {"model": MODEL, "messages": HI, "max_tokens": 4000}  # greedy, it never ends before


def leave_early(url: str, body: dict[str, Any], after: float) -> bytes:
    """Ask, hang up after so many seconds, and return what had come."""
    host, port = url.removeprefix("http://").split(":")
    raw = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw)
        connection.settimeout(after)
        try:
            return connection.recv(1)
        except TimeoutError:
            return b""


def wait_until_idle(running: Running) -> None:
    for _ in range(400):
        if running.desk.taken == 0:
            break
        time.sleep(0.01)
    assert running.desk.taken == 0
    run_mlx(lambda: None)  # and the device takes the next one


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
def test_who_leaves_frees_the_device(running: Running, is_streamed: bool) -> None:
    """Running and waiting answers end when their callers hang up, and every place is given back."""
    body = {**LONG_ANSWER, "stream": is_streamed}
    callers = [threading.Thread(target=leave_early, args=(running.url, body, 0.05 * n)) for n in range(1, 7)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    wait_until_idle(running)


def test_a_deadline_ends_what_runs_and_what_waits(start: Start) -> None:
    """Each gets 504 when its time is over, also behind another one."""
    hasty = start(seconds=0.3)
    statuses: list[int] = []

    def ask() -> None:
        with hasty.client() as client:
            statuses.append(client.post("/v1/chat/completions", json=LONG_ANSWER).status_code)

    callers = [threading.Thread(target=ask) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert statuses == [504] * 3
    wait_until_idle(hasty)


def test_batch_work_leaves_places_and_goes_last(start: Start) -> None:
    """Half of the places are for people alone."""
    desk = start(places=2).desk
    with desk.place(1), pytest.raises(QueueFull), desk.place(1):
        pass
    with desk.place(1), desk.place(0), pytest.raises(QueueFull), desk.place(0):
        pass
    assert desk.taken == 0


def test_a_silent_stream_says_that_it_is_alive(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the device is busy elsewhere, comments and pings come; then the answer."""
    monkeypatch.setattr("app.server.respond.KEEP_ALIVE_SECONDS", 0.05)
    held = threading.Event()
    job = MLX_THREAD.submit(lambda: held.wait(10))
    try:
        with running.client() as client:
            body = {"model": MODEL, "messages": HI, "max_tokens": 3, "stream": True}
            for path, sign in (("/v1/chat/completions", ": keepalive"), ("/v1/messages", '{"type":"ping"}')):
                with client.stream("POST", path, json=body) as response:
                    lines = response.iter_lines()
                    assert any(sign in line for _, line in zip(range(20), lines, strict=False))
    finally:
        held.set()
        job.future.result()
    wait_until_idle(running)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        {"type": "object", "properties": {"a": {"anyOf": [{"not": {"type": "null"}}]}}},
        {"$defs": {"x": {"type": "object", "minProperties": 2}}, "$ref": "#/$defs/x"},
        {"oneOf": [{"type": "number"}, {"type": "integer"}]},
        {"type": "object", "properties": {"a": {}, "b": {}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
    ],
)
def test_a_keyword_that_no_grammar_keeps_is_refused_by_name(schema: dict[str, Any]) -> None:
    """However deep it stands."""
    with pytest.raises(Unsupported, match="not supported"):
        check_schema(schema, "schema")
    with pytest.raises(Unsupported):
        Order((), schema=schema)


def test_alternatives_that_exclude_each_other_are_served() -> None:
    """What pydantic writes for a discriminated union, and what differs by type or by its properties."""

    class Cat(BaseModel):
        kind: Literal["cat"]
        lives: int

    class Dog(BaseModel):
        kind: Literal["dog"]

    class Owner(BaseModel):
        pet: Cat | Dog = Field(discriminator="kind")

    assert "oneOf" in str(Owner.model_json_schema())
    check_schema(Owner.model_json_schema(), "schema")
    check_schema({"oneOf": [{"type": "string"}, {"type": "integer"}]}, "schema")
    closed = {"type": "object", "additionalProperties": False}
    check_schema({"oneOf": [{**closed, "properties": {"a": {}}}, {**closed, "properties": {"b": {}}}]}, "schema")


def test_a_property_may_be_named_like_a_keyword() -> None:
    """Names and constants are not keywords."""
    check_schema({"type": "object", "properties": {"not": {"const": {"if": 1}}, "contains": {"type": "string"}}}, "s")


def test_nothing_of_a_body_is_logged(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a good request nor a refused one leaves its text in a log or in the metrics."""
    secret = "Xanthippe walked home"
    with running.client() as client, caplog.at_level(0):
        for extra in ({}, {"n": 3}, {"model": secret}, {"messages": [{"role": secret, "content": secret}]}):
            client.post("/v1/chat/completions", json={**LONG_ANSWER, "max_tokens": 2, "messages": [
                {"role": "user", "content": secret}], **extra})  # fmt: skip
        assert secret not in client.get("/metrics").text
    assert secret not in caplog.text
