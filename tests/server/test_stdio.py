"""`python -m app mcp`: a client that speaks over stdin gets the tools, and no process stays that nobody needs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.errors import HomeBusy
from app.server.running import FILE_NAME, find
from app.settings import settings

ROOT = Path(__file__).parents[2]
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


def tools_of(home: Path) -> set[str]:
    """What a client is offered, which then closes stdin and waits for the program's end."""
    messages: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": HELLO},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/list"},
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "app", "mcp", "--home", str(home)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
    ) as program:  # fmt: skip
        assert program.stdin is not None
        assert program.stdout is not None
        try:
            for message in messages:
                program.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            program.stdin.flush()
            answers: list[Any] = [json.loads(program.stdout.readline()) for _ in range(2)]
            program.stdin.close()
            assert program.wait(30) == 0
        finally:
            program.kill()
    return {tool["name"] for tool in answers[1]["result"]["tools"]}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """An empty home; a server that was started for it ends with the test."""
    yield tmp_path
    if (running := find(tmp_path)) is not None:
        os.kill(running.pid, signal.SIGTERM)
        for _ in range(200):
            if not (tmp_path / FILE_NAME).exists():
                return
            time.sleep(0.1)
        pytest.fail("the server did not end")


def test_a_client_gets_the_tools_from_a_server_that_its_first_message_starts(home: Path) -> None:
    """None runs: one is started. A second client finds it. Each client's program ends when its client goes.

    A client that asks for another group is refused.
    """
    assert find(home) is None
    assert "search_facts" in tools_of(home)
    first = find(home)
    assert first is not None
    assert tools_of(home) == {"search_facts", "search_entities", "entity", "timeline", "entry"}
    assert find(home) == first
    assert first.group == settings.DAYBOOK_GROUP
    asked = [sys.executable, "-m", "app", "mcp", "--home", str(home), "--group", "bert"]
    told = subprocess.run(asked, cwd=ROOT, input="", capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout, len(told.stderr.splitlines())) == (HomeBusy.exit_code, "", 1)
    assert f"stop process {first.pid} first" in told.stderr
