"""Open a graph server behind Graphiti's driver of it, and say in one line what went wrong.

Knows the clients of FalkorDB and Neo4j; asks nothing of a graph. In: an Address.  Out: a connected driver, or BadInput.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import app.graph.quiet  # noqa: F401  # before graphiti

# isort: split
from app.errors import BadInput, DaybookError, StorageFailed
from app.graph.address import Address

CONNECT_SECONDS = 10
_ANSWER_SECONDS = 120  # of a page, or of emptying a large graph
_REFUSALS = ("AuthenticationError", "NOAUTH", "WRONGPASS", "NOPERM", "AuthError", "Neo.ClientError.Security")


@asynccontextmanager
async def opened(address: Address, *, answer_seconds: int = _ANSWER_SECONDS) -> AsyncIterator[Any]:
    """Graphiti's driver for the address, connected; nothing was asked yet.  raises BadInput if nobody answers"""
    with named_failures(address):
        driver = _falkor(address, answer_seconds) if address.is_falkor else _neo4j(address)
    driver._init_task.cancel()  # it would make indexes before it is known what stands there
    try:
        if not address.is_falkor:
            with named_failures(address):  # a query would be tried for a minute
                await asyncio.wait_for(driver.client.verify_connectivity(), CONNECT_SECONDS)
        yield driver
    finally:
        await driver.close()


def _falkor(address: Address, answer_seconds: int) -> Any:
    try:
        from falkordb.asyncio import FalkorDB  # late, and not everybody has it
    except ImportError as error:
        raise BadInput("the client of FalkorDB is not installed", hint="pip install 'falkordb>=1.8,<2'") from error
    from app.graph.drivers.falkor import ServedFalkor

    client = FalkorDB(
        host=address.host,
        port=address.port,
        username=address.user,
        password=address.password,
        ssl=address.is_encrypted,
        ssl_check_hostname=address.is_encrypted,
        socket_timeout=answer_seconds,
        socket_connect_timeout=CONNECT_SECONDS,
    )
    return ServedFalkor(falkor_db=client, database=address.name)


def _neo4j(address: Address) -> Any:
    from graphiti_core.driver.neo4j_driver import Neo4jDriver  # late: only who goes there needs it

    return Neo4jDriver(address.server, address.user, address.password, database=address.name)


@contextmanager
def named_failures(address: Address, *, begun: bool = False) -> Iterator[None]:
    """What a client says becomes one line without the password, the query and its values.

    begun    the server had been spoken to: that it goes away now is no wrong address
    raises   BadInput; StorageFailed if it was begun
    """
    from neo4j.exceptions import DriverError, Neo4jError  # late; it comes with graphiti-core

    known: tuple[type[Exception], ...] = (DriverError, Neo4jError, OSError)
    if address.is_falkor:
        try:
            from redis.exceptions import RedisError
        except ImportError:  # the opening, inside, says so
            pass
        else:
            known = (RedisError, OSError)
    try:
        yield
    except known as error:
        raise _failure(address, error, begun) from error


def _failure(address: Address, error: Exception, begun: bool) -> DaybookError:
    kind = getattr(error, "code", None) or type(error).__name__
    said = str(error)
    if any(word in f"{kind} {said}" for word in _REFUSALS):
        return BadInput(
            f"{address} refuses this user and password",
            hint=f"write them into the address: {address.scheme}://USER:PASSWORD@{address.place}",
        )
    if "unknown command" in said:
        return BadInput(f"at {address.place} answers a Redis without FalkorDB", hint="start FalkorDB there")
    if "DatabaseNotFound" in kind:
        return BadInput(f"{address.place} has no database {address.name}", hint="make it first, or name another")
    if begun:
        return StorageFailed(f"{address} failed in the middle: {kind}", hint="run it again: it begins anew")
    return BadInput(f"no graph server answers at {address}: {kind}", hint="start it, or name where it is")
