"""See that the graph holds what the ledger calls finished, and count what it holds.

Knows the graph and the ledger; wakes no model. In: a home.  Out: chunks sent back to the queue, figures for a report.
"""

import asyncio
from pathlib import Path

from app.graph.query import counts
from app.graph.store import GraphStore
from app.ledger.store import Ledger
from app.pipeline.request import GRAPH_NAME, LoadReport


def check(home: Path, group: str, ledger: Ledger, report: LoadReport) -> int:
    """Send back to the queue what the ledger calls finished and the graph does not hold; returns how many chunks.

    A kill loses nothing, but a power cut may take the graph's last commits, and a person may delete the file.
    """

    async def look() -> list[str]:
        with GraphStore.open_for_reading(home / GRAPH_NAME, embedder=None, group=group) as store:
            await count(store, report)
            return await store.missing_episodes(finished)

    done = ledger.finished_episodes(group, "done") | ledger.finished_episodes(group, "empty")
    order = ledger.places(group)
    finished = sorted(done, key=lambda uuid: (order.get(uuid, 0), uuid))
    if not finished:
        return 0
    lost = asyncio.run(look())
    if lost and lost != finished[-len(lost) :]:
        # What was read after a lost chunk was read with its help: put in at the end it would make another graph.
        ledger.past.start_replay()
        return len(finished)
    with ledger.transaction():
        for uuid in lost:
            ledger.finish(uuid, "planned")
    return len(lost)


async def count(store: GraphStore, report: LoadReport) -> None:
    """Add to a report what the graph holds."""
    held = await counts(store)
    report.entities, report.facts, report.facts_ended = held.entities, held.facts, held.ended
