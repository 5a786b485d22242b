"""Which server is the one of a home: the one that wrote the file, and no other at the same address."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import httpx
import pytest

from app.errors import HomeBusy
from app.server import running as registry
from app.server.running import FILE_NAME, announce, find, find_or_start, refuse_second
from tests.server import conftest

KEY = "the-key-of-this-home"


def announced(server: conftest.Running, home: Path) -> registry.Running:
    """What a server of `home` writes when it starts."""
    told = registry.Running(server.url, KEY, 4711, server.instance, "anna")
    announce(home, told)
    return told


def test_the_server_that_wrote_the_file_is_found(running: conftest.Running, tmp_path: Path) -> None:
    """And a second one of its home is refused."""
    told = announced(running, tmp_path)
    assert find(tmp_path) == find_or_start(tmp_path, "anna") == told
    with pytest.raises(HomeBusy, match="stop process 4711 first"):
        refuse_second(tmp_path)


def test_another_server_at_the_address_of_a_killed_one_is_not_taken_for_it(
    start: conftest.Start, running: conftest.Running, tmp_path: Path
) -> None:
    """The file of a killed server stays: whoever has its port now gets no key of this home, and nobody is refused."""
    announce(tmp_path, replace(announced(start(), tmp_path), url=running.url))
    assert find(tmp_path) is None
    refuse_second(tmp_path)


@pytest.mark.parametrize("body", ["ok", "[]", "{}", '{"instance": null}', '{"instance": ""}'])
def test_what_is_no_daybook_is_no_server(body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any program may answer 200 at the address."""
    announce(tmp_path, registry.Running("http://127.0.0.1:1", KEY, 4711, "drawn", "anna"))
    monkeypatch.setattr(httpx, "get", lambda *_, **__: httpx.Response(200, text=body))
    assert find(tmp_path) is None


@pytest.mark.parametrize("missing", ["instance", "group"])
def test_a_file_that_does_not_say_who_wrote_it_names_nobody(
    missing: str, running: conftest.Running, tmp_path: Path
) -> None:
    """Also one of an older version."""
    told = asdict(announced(running, tmp_path))
    del told[missing]
    (tmp_path / FILE_NAME).write_text(json.dumps(told), encoding="utf-8")
    assert find(tmp_path) is None


def test_another_group_than_the_servers_is_refused(running: conftest.Running, tmp_path: Path) -> None:
    """One line names both groups and what to do; nobody is shown another's journal."""
    announced(running, tmp_path)
    with pytest.raises(HomeBusy) as refused:
        find_or_start(tmp_path, "bert")
    assert "shows the group 'anna', asked for is 'bert'" in str(refused.value)
    assert str(refused.value).endswith("(stop process 4711 first, or ask with --group anna)")


def test_what_health_tells_opens_nothing(start: conftest.Start) -> None:
    """Everybody may read it: no key, no home, no group; and each server draws its own number."""
    servers = [start(), start()]
    told = [httpx.get(f"{server.url}/health").json() for server in servers]
    assert [set(one) for one in told] == [{"status", "model", "instance"}] * 2
    assert told[0]["instance"] != told[1]["instance"]
