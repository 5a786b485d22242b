"""Graphiti's own driver tests on our driver, and a graph of 10,000 nodes: `python -m benchmarks.conformance`.

Knows the graph room and where Graphiti's tests lie; asks no model. In: the source package of the installed Graphiti,
fetched with pip (or --sdist FILE), and how many nodes.  Out: what passed and what did not, by name; exit code 1 if a
test failed that is not known to fail (KNOWN says why).

With --server falkor://HOST:PORT (or bolt://...) the nodes are copied to that server and asked for there, and Graphiti's
tests run on it: on FalkorDB with our driver. They write into graphs and groups of their own: take a server for tests.
"""

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import xml.etree.ElementTree as ET
from importlib.metadata import version
from pathlib import Path
from typing import Any

from app.graph.address import Address
from app.settings import ROOT

# The files of Graphiti's suite that use a driver. Not test_add_triplet.py: its embedder returns no vectors, so that it
# fails on any database.
FILES = (
    "test_node_int.py", "test_edge_int.py", "test_graphiti_mock.py", "test_handle_multiple_group_ids.py",
    "test_request_scope_concurrency.py",
)  # fmt: skip
FALKOR_FILES = ("driver/test_falkordb_driver.py", "driver/test_falkordb_ops_routing.py")
KNOWN = {
    "test_edge_int::test_entity_edge[GraphProvider.KUZU]": "Graphiti asks Kuzu only for the facts that leave an entity",
    "TestFalkorDriver::test_build_indices_creates_range_before_fulltext": "compares the words of indexes; ours differ",
}


def leave() -> None:
    """In the process of Graphiti's suite, before it is collected: Neo4j is asked through Graphiti's own driver."""
    import app.graph.quiet  # noqa: F401


def take_over_falkor() -> None:
    """The same: where it opens FalkorDB, it uses our driver."""
    from app.graph.drivers.falkor import ServedFalkor  # first: it silences graphiti

    # isort: split
    from graphiti_core.driver import falkordb_driver

    falkordb_driver.FalkorDriver = ServedFalkor


def take_over_kuzu() -> None:
    """The same: where it opens Kuzu, it opens ours."""
    from app.graph.drivers.kuzu import EmbeddedKuzu  # first: it silences graphiti

    # isort: split
    from graphiti_core.driver import kuzu_driver

    opened: list[int] = []

    def ours(db: str) -> EmbeddedKuzu:
        opened.append(len(opened))
        folder = Path(db) / str(len(opened))
        folder.mkdir(parents=True)
        empty = Path(db) / "empty.kuzu"
        if not empty.exists():
            EmbeddedKuzu(empty).shut()
        shutil.copy(empty, folder / "graph.kuzu")
        return EmbeddedKuzu(folder / "graph.kuzu")

    kuzu_driver.KuzuDriver = ours


def fetch(folder: Path) -> Path:
    """The source package of the Graphiti that is installed here; its wheel holds no tests."""
    wanted = f"graphiti-core=={version('graphiti-core')}"
    asked = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", wanted]
    subprocess.run(asked, cwd=folder, check=True)
    (package,) = folder.glob("*.tar.gz")
    return package


def graphitis_tests(package: Path, folder: Path, server: Address | None) -> dict[str, str]:
    """test -> passed, skipped or failed, of every test of a driver."""
    with tarfile.open(package) as archive:
        archive.extractall(folder, filter="data")
    (suite,) = [path.parent for path in folder.glob("*/tests")]
    told = folder / "told.xml"
    files: tuple[str, ...] = FILES
    before, which = "leave", {"DISABLE_FALKORDB": "1"}
    if server is None:
        before, which = (
            "take_over_kuzu",
            which | {"DISABLE_NEO4J": "1", "ENABLE_KUZU": "1", "KUZU_DB": str(folder / "k")},
        )
    elif server.is_falkor:
        files, before, which = (*FILES, *FALKOR_FILES), "take_over_falkor", {"DISABLE_NEO4J": "1"}
        which |= {"FALKORDB_HOST": server.host, "FALKORDB_PORT": str(server.port)}
        which |= {"FALKORDB_USER": server.user} if server.user else {}
        which |= {"FALKORDB_PASSWORD": server.password} if server.password else {}
    else:
        which |= {"NEO4J_URI": server.server, "NEO4J_USER": server.user or "", "NEO4J_PASSWORD": server.password or ""}
    # Both repositories have a folder `tests`: ours must not be on the path while theirs is collected.
    child = (
        f"import sys; sys.path.insert(0, sys.argv[1]); from benchmarks import conformance; conformance.{before}()\n"
        "del sys.path[0]; import pytest; sys.exit(pytest.main(sys.argv[2:]))"
    )
    chosen = [f"tests/{name}" for name in files]
    subprocess.run(
        [sys.executable, "-c", child, str(ROOT), "-q", "--tb=line", "--junitxml", str(told), *chosen],
        cwd=suite,
        env={**os.environ, **which},
        check=False,
    )
    found = {}
    for case in ET.parse(told).iter("testcase"):
        kinds = {child.tag for child in case}
        ended = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        found[f"{case.get('classname', '').rsplit('.', 1)[-1]}::{case.get('name')}"] = ended
    return found


async def many_nodes(number: int, folder: Path, server: Address | None) -> list[str]:
    """Write, reopen and ask a graph of so many entities; each line says what was done and how long it took.

    server   the graph is copied there, too, and asked there
    """
    from app.graph import served
    from app.graph.carry import read_picture, write_picture
    from app.graph.drivers.server import opened
    from app.graph.query import canonical_dump, counts, entity, search
    from tests.fakes import GROUP, open_store
    from tests.view.pictures import Life

    lines, life = [], Life(group=GROUP)
    begun = time.perf_counter()

    def lap(what: str) -> None:
        nonlocal begun
        lines.append(f"{what}: {time.perf_counter() - begun:.1f} s")
        begun = time.perf_counter()

    names = [f"Person {n} of Łódź" for n in range(number)]
    for name in names:
        life.entity(name)
    fact = f"{names[-1]} met {names[0]}."
    life.fact(life.entry("2024-02-29", fact), names[-1], "MET", names[0], fact, fact)
    told = life.picture()
    begun = time.perf_counter()
    with open_store(folder / "large.kuzu") as store:
        await write_picture(store, told)
    lap(f"{number:,} nodes written")
    with open_store(folder / "large.kuzu") as store:
        if (await read_picture(store)).entities != told.entities or (await counts(store)).entities != number:
            raise AssertionError("what was written is not what was read")
        lap("opened again and read, equal")
        for name in names[:: max(1, number // 20)]:
            hit = await entity(store, name)
            if hit is None or hit.name != name:
                raise AssertionError(f"{name} was not found")
        lap("20 of them found by name")
        if [hit.fact for hit in await search(store, fact, limit=1)] != [fact]:
            raise AssertionError("the one fact was not found")
        lap("its one fact found")
        lines.append(await pages(store.driver, store.group, number))
        lap("walked in pages of 500")
        if server is None:
            return lines
        await served.copy(store, server, "benchmarks.conformance")
        lap(f"copied to {server}, read back and compared")
        sent = await canonical_dump(store)
    async with opened(server) as driver:
        begun = time.perf_counter()
        if await served.dump(driver, GROUP) != sent:
            raise AssertionError("what a new connection reads is not what was written")
        lap("read whole by a new connection, equal")
        await ask_served(driver, names, fact)
        lap("20 of them found by name, and the one fact by meaning and words")
        lines.append(await pages(driver, GROUP, number))
        lap("walked there in pages of 500")
        await driver.execute_query("MATCH (n) DETACH DELETE n")
    return lines


async def ask_served(driver: Any, names: list[str], fact: str) -> None:
    """As another program would: by Graphiti alone."""
    from graphiti_core import Graphiti
    from graphiti_core.nodes import EntityNode

    from app.graph.unasked import UnaskedModel, UnaskedReranker
    from tests.fakes import GROUP, HashEmbedder

    for name in names[:: max(1, len(names) // 20)]:
        if [node.name for node in await EntityNode.get_by_names(driver, [name], [GROUP])] != [name]:
            raise AssertionError(f"{name} was not found")
    clients = {"llm_client": UnaskedModel(), "embedder": HashEmbedder(), "cross_encoder": UnaskedReranker()}
    if [hit.fact for hit in await Graphiti(graph_driver=driver, **clients).search(fact, num_results=1)] != [fact]:
        raise AssertionError("the one fact was not found")


async def pages(driver: Any, group: str, number: int) -> str:
    """Graphiti's own paging by cursor meets every node once."""
    from graphiti_core.nodes import EntityNode

    walked: list[str] = []
    while len(walked) <= number and (
        page := await EntityNode.get_by_group_ids(
            driver, [group], limit=500, uuid_cursor=walked[-1] if walked else None
        )
    ):
        walked += [node.uuid for node in page]
    if len(walked) != len(set(walked)) or len(walked) != number:
        raise AssertionError(f"{len(walked)} rows in pages, {number} stand")
    return f"{len(walked):,} rows in pages, each once"


def main() -> int:
    """Run both, print, and say by the exit code whether all is as known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sdist", type=Path, metavar="FILE", help="graphiti_core-VERSION.tar.gz, if it is at hand")
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--server", metavar="URL", help="ask a copy on this FalkorDB or Neo4j server")
    options = parser.parse_args()
    server = Address.parse(options.server, "daybook-conformance") if options.server else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("\n".join(asyncio.run(many_nodes(options.nodes, folder, server))), flush=True)
        found = graphitis_tests(options.sdist.resolve() if options.sdist else fetch(folder), folder, server)
    ended = [*found.values()]
    print(f"Graphiti {version('graphiti-core')} on {server.server if server else 'our Kuzu'}: " + ", ".join(
        f"{ended.count(kind)} {kind}" for kind in ("passed", "failed", "skipped")))  # fmt: skip
    failed = [test for test, how in found.items() if how == "failed"]
    for test in failed:
        print(f"  {test}: {KNOWN.get(test, 'NOT KNOWN')}")
    return 1 if set(failed) - KNOWN.keys() or not found else 0


if __name__ == "__main__":
    sys.exit(main())
