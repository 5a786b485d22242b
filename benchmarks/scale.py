"""Time and memory per entry as the graph grows: `python -m benchmarks.scale [--chunks 2000]`.

Knows the app's ingestion. In: as much of Pepys as is wanted and there.  Out: ten rows on the way.
"""

import argparse
import asyncio
import resource
import sys
from typing import Any

from app.llm.engine import Engine
from app.prompts.library import take_call
from benchmarks.common import Named, about, bundled, bundled_embedder, diary, ingest
from benchmarks.decode import clock

ROWS = 10


def peak_megabytes() -> float:
    """The most this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    """One table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--chunks", type=int, default=2000)
    count, loaded = parser.parse_args().chunks, bundled()
    engine = Engine(loaded)
    client = Named(None, loaded.tokenizer, engine=engine, specialise=take_call)
    texts = diary(count)
    print(f"{about(loaded)}\n\n| chunks | CPU ms a chunk | of the clock the model | KV kept, MB | peak memory, MB |")
    print("|---|---|---|---|---|")
    last = {"number": 0, "seconds": clock(), "model": 0.0}

    def note(number: int, _: Any) -> None:
        if (number + 1) % max(len(texts) // ROWS, 1):
            return
        done, model = number + 1 - last["number"], client.stats.total().seconds
        each = 1000 * (clock() - last["seconds"]) / done
        share = 1000 * (model - last["model"]) / done
        print(
            f"| {number + 1:,} | {each:,.0f} | {share:,.0f} ms | {engine._prefixes.nbytes / 1e6:.1f} "
            f"| {peak_megabytes():,.0f} |",
            flush=True,
        )
        last.update(number=number + 1, seconds=clock(), model=model)

    asyncio.run(ingest(client, bundled_embedder(), texts, ours=True, after=note))


if __name__ == "__main__":
    main()
