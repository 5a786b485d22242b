"""What `optimise` lifts on texts it never saw: `python -m benchmarks.learning HOME [--journals N] [--test N]`.

Knows the commands' own functions and made journals. In: a folder for the home.  Out: rows for docs/measurements.md.

Made journals are learnt from as gold; others, of other seeds, are read whole before and after. All of them are of the
testing part, whose names and forms training never drew. What is done is kept in the home: run it again to go on.
"""

import argparse
import time
from functools import partial
from pathlib import Path

from app.pipeline.evaluate import EvaluateRequest, evaluate
from app.pipeline.home import Place
from app.pipeline.optimise import OptimiseRequest, optimise
from app.settings import settings
from benchmarks.quality import Silence, kept, rows
from training import made_gold

TEST_SEED = made_gold.FIRST_SEED + 5_000


def measured(name: str, gold: Path, model: str, home: Path) -> list[str]:
    """The rows of one reading with the programs of a home."""
    return rows(name, evaluate(EvaluateRequest(gold, model, home=home), Silence()))


def main() -> None:
    """Before, learning, after."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("--journals", type=int, default=16, help="to learn from, about 8 entries each")
    parser.add_argument("--test", type=int, default=12, help="journals to judge by")
    parser.add_argument("--budget", type=int, default=1000, help="calls of the model")
    parser.add_argument("--model", default=settings.MLX_MODEL_NAME)
    options = parser.parse_args()
    home: Path = options.home
    home.mkdir(parents=True, exist_ok=True)
    learn, test, done = home / "learn.jsonl", home / "test.jsonl", home / "done.json"
    made_gold.write(learn, made_gold.FIRST_SEED, options.journals)
    made_gold.write(test, TEST_SEED, options.test)
    before = partial(measured, "before", test, options.model, home / "nobody")
    print("\n".join(kept(done, "before", before)), flush=True)
    started = time.monotonic()
    request = OptimiseRequest(Place(home), (learn,), options.budget, options.model)
    for one in optimise(request, partial(print, flush=True)):
        verdict = f"{one.chosen}, {'taken' if one.file else 'not taken'}" if one.chosen else "nothing better"
        print(
            f"{one.program}: F1 {one.before:.3f} to {one.after:.3f}, {one.examples} texts, {one.calls} calls: {verdict}"
        )
    print(f"learnt in {time.monotonic() - started:.0f} s")
    print("\n".join(kept(done, "after", partial(measured, "after", test, options.model, home))), flush=True)


if __name__ == "__main__":
    main()
