"""How long looking takes at 10,000 facts: `python -m benchmarks.look [--entities N] [--facts N]`.

Knows our graph, page and retrieval, and a browser where there is one; asks no language model. In: sizes.  Out: a table.

The life is invented (tests/view/pictures.py): a few people are named often, most once or twice. Times are medians of
`--runs`; the embedder is the bundled one, and the time of a question's own vector is told apart.
"""

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from app.graph import query
from app.graph.carry import read_picture, write_picture
from app.graph.recall import passages_of
from app.graph.store import GraphStore
from app.journal.sentences import split_sentences
from app.ledger.store import Ledger
from app.pipeline.ask import Librarian
from app.pipeline.embedding import open_embedder
from app.settings import BUNDLED_EMBEDDER
from app.view.page import page
from tests.view.pictures import large_life

GROUP = "journal"
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


class _Models:
    """As much of a run's models as finding needs."""

    def __init__(self, embedder: Any) -> None:
        self.embedder = embedder


async def measure(entities: int, facts: int, runs: int, home: Path) -> list[tuple[str, float]]:
    """(what, seconds) of everything that needs no browser; leaves the page in the home."""
    life, told = large_life(entities, facts), []

    async def timed(name: str, call: Callable[[], Awaitable[Any]], times: int = runs) -> Any:
        seconds, result = [], None
        for _ in range(times):
            begun = time.perf_counter()
            result = await call()
            seconds.append(time.perf_counter() - begun)
        told.append((name, statistics.median(seconds)))
        return result

    with Ledger.open(home) as ledger:
        embedder = open_embedder(str(BUNDLED_EMBEDDER), ledger)
        with GraphStore.open_for_reading(home / "graph.kuzu", embedder=embedder, group=GROUP) as store:
            await timed("import: embed and write the graph", lambda: write_picture(store, life), 1)
            picture = await timed("read the whole graph", lambda: read_picture(store))
            if picture.facts != life.facts:
                raise AssertionError("what was written is not what was read")

            async def build() -> str:
                return page(picture)

            (home / "daybook.html").write_text(await timed("view: make the page", build), encoding="utf-8")
            models = _Models(embedder)
            await timed("ask: make the index, first time", lambda: Librarian.of(picture, models, ledger.calls), 1)
            librarian = await timed("ask: make the index, again", lambda: Librarian.of(picture, models, ledger.calls))
            questions = [f"Whom did {entity.name} meet in March 1995?" for entity in picture.entities[: 4 * runs]]
            asked = iter(questions)
            await timed("embed a question", lambda: embedder.embed_query(f"{next(asked)} When?"), 2 * runs)
            for question in questions:
                await embedder.embed_query(question)
            asked = iter(questions)
            await timed("ask: find 12 facts and sentences", lambda: librarian.find(next(asked)), 4 * runs)
            asked = iter(questions)
            await timed("search: 10 facts", lambda: query.search(store, next(asked)), 2 * runs)
    sentences, megabytes = len(passages_of(picture, split_sentences)), (home / "daybook.html").stat().st_size / 1e6
    print(f"{sentences:,} sentences; the page has {megabytes:.1f} MB")
    return told


def opened(page_file: Path, runs: int) -> list[tuple[str, float]]:
    """Seconds until the map is drawn and the page answers, in Chromium with software WebGL."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        print("no browser here: opening is not measured")
        return []
    first, tabs = [], []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        for _ in range(runs):
            tab = browser.new_page(viewport={"width": 1440, "height": 900})
            begun = time.perf_counter()
            tab.goto(page_file.as_uri())
            tab.wait_for_selector("html[data-map=drawn]")
            first.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            tab.click("#tab-timeline")
            tab.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            tabs.append(time.perf_counter() - begun)
            tab.close()
        browser.close()
    return [("view: open the page", statistics.median(first)), ("view: open its timeline", statistics.median(tabs))]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--entities", type=int, default=2000)
    parser.add_argument("--facts", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = asyncio.run(measure(options.entities, options.facts, options.runs, Path(folder)))
        told += opened(Path(folder) / "daybook.html", options.runs)
    print(f"| at {options.entities:,} entities and {options.facts:,} facts | median |\n|---|---|")
    for name, seconds in told:
        print(f"| {name} | {f'{seconds:.2f} s' if seconds >= 1 else f'{seconds * 1000:.0f} ms'} |")


if __name__ == "__main__":
    main()
