"""A process of its own for what a test process cannot do to itself: be killed, or prove that it is quiet.

In: what to do and a folder.  Out: one line of JSON.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

NETWORK: list[str] = []


def note_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        NETWORK.append(f"{event} {arguments[1:]}")


sys.addaudithook(note_network)  # before anything else is imported

from app.graph.ingest import ingest_episode  # noqa: E402
from app.graph.query import canonical_dump, counts, search  # noqa: E402
from tests.fakes import GROUP, WEEKS, FakeLM, ground, open_store  # noqa: E402


async def load(path: Path, *, die_after: int | None = None, group: str = GROUP) -> dict[str, Any]:
    """Load all weeks; SIGKILL this process right after its n-th query."""
    lm = FakeLM()
    with open_store(path, lm, group) as store:
        (held,) = await store.rows("MATCH (e:Episodic) RETURN count(*) AS episodes")
        (whole,) = await store.rows("MATCH (o:Outcome) RETURN count(*) AS episodes")
        run, queries = store.driver._run, 0

        def counted(connection: Any, query: str, parameters: dict[str, Any]) -> Any:
            nonlocal queries
            rows = run(connection, query, parameters)
            queries += 1
            if queries == die_after:
                os.kill(os.getpid(), signal.SIGKILL)
            return rows

        store.driver._run = counted  # type: ignore[method-assign]
        for episode in WEEKS:
            await ingest_episode(store, episode, ground(episode))
        await search(store, "Where does Nadia work?")
        return {
            "dump": await canonical_dump(store),
            "facts": (await counts(store)).facts,
            "asked": lm.asked,
            "queries": queries,
            "half_episodes": held["episodes"] - whole["episodes"],
            "found_episodes": whole["episodes"],
        }


def in_a_fork(job: Any) -> tuple[int, Any]:
    """(signal that ended it, what the job returned); the database is only ever open in one process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with os.fdopen(writer, "w") as out:
            json.dump(asyncio.run(job), out)
        os._exit(0)
    job.close()
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status), json.loads(text) if text else None


def kill(folder: Path) -> dict[str, Any]:
    """Kill a load at five moments; each time run the same command again and compare with a run left in peace."""
    open_store(folder / "empty").close()  # made before the forks, so that each of them starts from its copy
    _, undisturbed = in_a_fork(load(folder / "undisturbed"))
    total = undisturbed["queries"]
    moments = [total * place // 100 for place in (1, 30, 55, 75, 90)]
    told: dict[str, Any] = {"runs": len(moments), "killed": 0, "half_episodes": 0, "found": [], "different": []}
    for moment in moments:
        path = folder / f"killed-{moment}"
        ended_by, _ = in_a_fork(load(path, die_after=moment))
        told["killed"] += ended_by == signal.SIGKILL
        _, again = in_a_fork(load(path))
        told["half_episodes"] += again["half_episodes"]
        told["found"].append(again["found_episodes"])
        if again["dump"] != undisturbed["dump"]:
            told["different"].append(moment)
    return told


async def serve(path: Path, place: str, *, die_after: int | None = None, die_unmarked: bool = False) -> dict[str, Any]:
    """Copy a loaded graph to a server; SIGKILL this process right after the n-th answer to the copying itself.

    die_unmarked    die when all is written and compared, before the mark of an unfinished copy is taken away
    """
    from app.graph import served
    from app.graph.address import Address
    from app.graph.drivers.server import opened

    address, answers = Address.parse(place, ""), 0
    client = client_of(address)
    (name,) = {"query", "run"} & set(vars(client))
    ask = getattr(client, name)

    async def counted(*query: Any, **parameters: Any) -> Any:
        nonlocal answers
        if die_unmarked and str(query[1]).startswith("MATCH (n:DaybookUnfinished) DELETE"):
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return await ask(*query, **parameters)
        finally:  # that an index stands already is an answer, too
            answers += 1
            if answers == die_after:
                os.kill(os.getpid(), signal.SIGKILL)

    with open_store(path, group=group_at(address)) as store:
        async with opened(address) as driver:
            (marks, _, _) = await driver.execute_query("MATCH (n:DaybookUnfinished) RETURN n")
        setattr(client, name, counted)
        await served.copy(store, address, "this home")
        setattr(client, name, ask)
        async with opened(address) as driver:
            same = await served.dump(driver, store.group) == await canonical_dump(store)
            await driver.execute_query("MATCH (n) DETACH DELETE n")
    return {"answers": answers, "same": same, "marks": len(marks), "spoken_to": NETWORK}


def client_of(address: Any) -> Any:
    """The class through which every query to the server goes."""
    if address.is_falkor:
        from falkordb.asyncio.graph import AsyncGraph

        return AsyncGraph
    from neo4j._async.work.transaction import AsyncTransactionBase

    return AsyncTransactionBase


def group_at(address: Any) -> str:
    return str(address.name) if address.is_falkor else GROUP


def kill_copies(folder: Path, place: str) -> dict[str, Any]:
    """Kill a copying at three moments; each time run the same command again."""
    from app.graph.address import Address

    path = folder / "graph.kuzu"
    in_a_fork(load(path, group=group_at(Address.parse(place, ""))))
    _, undisturbed = in_a_fork(serve(path, place))
    total = undisturbed["answers"]
    told: dict[str, Any] = {"runs": 0, "killed": 0, "unfinished": 0, "different": [], "spoken_to": []}
    # How many answers there are differs by a few from run to run: of queries side by side, each may ask for new labels.
    moments: list[dict[str, Any]] = [{"die_after": total // 3}, {"die_after": 2 * total // 3}, {"die_unmarked": True}]
    for moment in moments:
        ended_by, _ = in_a_fork(serve(path, place, **moment))
        _, again = in_a_fork(serve(path, place))
        told["runs"] += 1
        told["killed"] += ended_by == signal.SIGKILL
        told["unfinished"] += again["marks"]
        told["spoken_to"] += again["spoken_to"]
        if not again["same"]:
            told["different"].append(moment)
    return told


def main(what: str, folder: Path, place: str = "") -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    if what == "kill":
        return kill(folder)
    if what == "serve":
        return kill_copies(folder, place)
    told = asyncio.run(load(folder / "graph.kuzu"))
    return {**told, "network": NETWORK}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])))
