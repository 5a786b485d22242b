"""`rebuild --into ADDRESS`: the ledger's graph on a server, without a model call; and what it leaves behind here."""

import asyncio
import os
import signal
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.graph import served
from app.graph.address import Address
from app.graph.drivers.server import opened
from app.pipeline import rebuild
from app.pipeline.replay import SERVED_NAME
from app.settings import read_settings
from tests.pipeline.child import in_a_fork
from tests.pipeline.conftest import Bench
from tests.trust.test_forget import CANARY, LIFE, holders, lay

GROUP = "journal"


def held(place: str) -> Any:
    """The dump of what stands on the server."""

    async def dump() -> Any:
        async with opened(Address.parse(place, GROUP)) as driver:
            return await served.dump(driver, GROUP)

    return asyncio.run(dump())


def test_the_graph_is_built_again_on_a_server(bench: Bench, place: str) -> None:
    """Nothing asked, the equal graph there, and this home is what it was; a second time the place is in use."""
    lay(bench, LIFE)
    bench.load()
    before, computed, files = bench.dump(), bench.engine.computed, sorted(path.name for path in bench.home.iterdir())
    told = bench.ask("rebuild", "--into", place, "--json")
    assert (told.code, told.json["model_calls"], bench.engine.computed) == (0, 0, computed)
    assert held(place) == bench.dump() == before
    assert sorted(path.name for path in bench.home.iterdir()) == files
    again = bench.ask("rebuild", "--into", place)
    assert (again.code, len(again.err.splitlines())) == (2, 1)
    assert "holds" in again.err
    assert held(place) == before


def test_a_password_need_not_be_among_the_arguments(bench: Bench, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address without one takes that of the settings; without either it is refused in one line."""
    secret = Address.parse(place, GROUP).password
    if not secret:
        pytest.skip("this server asks for no password")
    lay(bench, LIFE)
    bench.load()
    parts = urlsplit(place)
    bare = parts._replace(netloc=f"{parts.username or ''}@{parts.hostname}:{parts.port}").geturl()
    refused = bench.ask("rebuild", "--into", bare)
    assert (refused.code, len(refused.err.splitlines())) == (2, 1)
    monkeypatch.setattr(rebuild, "settings", read_settings(DAYBOOK_GRAPH_PASSWORD=secret))
    assert bench.ask("rebuild", "--into", bare).code == 0
    assert held(place) == bench.dump()


def test_what_a_killed_copy_leaves_is_forgotten_with_the_rest(
    bench: Bench, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kill -9` before the server has everything: `forget` clears its working folder; the same command ends well."""
    lay(bench, LIFE)
    bench.load()

    def killed() -> None:
        async def die(*_: Any) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        monkeypatch.setattr(served, "copy", die)
        bench.ask("rebuild", "--into", place)

    assert in_a_fork(killed)[0] == signal.SIGKILL
    assert (bench.home / SERVED_NAME).stat().st_mode & 0o777 == 0o700
    assert holders(bench.home / SERVED_NAME, CANARY)
    assert bench.ask("forget", "2024-03-12").code == 0
    assert holders(bench.home, CANARY) == []
    assert bench.ask("rebuild", "--into", place).code == 0
    assert held(place) == bench.dump()


@pytest.mark.parametrize("how", ["forget", "edit"])
def test_what_was_never_read_is_forgotten_there_too(bench: Bench, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """An entry that still waits is in the ledger's copy, and no graph is built again when it goes."""
    lay(bench, LIFE)
    bench.load(bench.journals, "--until", "2024-03-04")

    def killed() -> None:
        async def is_free(*_: Any) -> None:
            pass

        async def die(*_: Any) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        monkeypatch.setattr(served, "check", is_free)
        monkeypatch.setattr(served, "copy", die)
        bench.ask("rebuild", "--into", "falkor://localhost")

    assert in_a_fork(killed)[0] == signal.SIGKILL
    assert holders(bench.home / SERVED_NAME, CANARY)
    if how == "forget":
        assert bench.ask("forget", "2024-03-12").code == 0
    else:
        lay(bench, [*LIFE[:2], ("2024-03-12", "Mara visited Nadia."), *LIFE[3:]])
        assert bench.load(bench.journals, "--until", "2024-03-04").code == 0
    assert holders(bench.home, CANARY) == []


def test_a_copy_holds_one_group_alone(bench: Bench, place: str) -> None:
    """Of a home with two groups nothing of the other is on the server."""
    lay(bench, LIFE[:2])
    bench.load(bench.journals, "--group", "anna")
    lay(bench, LIFE)
    bench.load()
    before = bench.dump()
    assert bench.ask("rebuild", "--into", place).code == 0

    async def number() -> Any:
        async with opened(Address.parse(place, GROUP)) as driver:
            return (await driver.execute_query("MATCH (n) RETURN count(n) AS number"))[0][0]["number"]

    assert held(place) == before
    assert asyncio.run(number()) == sum(len(before[kind]) for kind in ("episodes", "entities", "spans"))


def test_a_group_that_is_not_there_is_not_copied(bench: Bench, place: str) -> None:
    """An empty copy is never written: the home must hold the group."""
    lay(bench, LIFE[:1])
    bench.load()
    told = bench.ask("rebuild", "--into", place, "--group", "anna")
    assert (told.code, len(told.err.splitlines())) == (2, 1)
    assert "no group 'anna'" in told.err
