"""How well a model reads, on every gold set at hand: `python -m benchmarks.quality [--limit N]`.

Knows the evaluation and where gold lies; changes nothing. In: a model.  Out: the table of docs/measurements.md.
"""

import argparse
import os
from pathlib import Path

from app.pipeline.evaluate import EvaluateRequest, evaluate
from app.settings import settings

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("DAYBOOK_SHARED", ROOT.parent / "shared")) / "data" / "gold"
SETS = {
    "hand-written entries": ROOT / "tests" / "gold" / "handwritten.jsonl",
    "Schnitzler's diary": SHARED / "schnitzler_de" / "dev.jsonl",
    "LitBank": SHARED / "litbank_en" / "dev.jsonl.gz",
    "Re-DocRED": SHARED / "redocred_en" / "dev.jsonl.gz",
    "Text2KGBench": SHARED / "text2kgbench" / "dev.jsonl",
}


class Silence:
    """A progress that nobody sees."""

    def say(self, line: str) -> None: ...
    def begin(self, entries: int) -> None: ...
    def advance(self, done: int, total: int, day: str) -> None: ...


def main() -> None:
    """A row a figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--limit", type=int, default=40, help="texts of each set, at equal distances")
    parser.add_argument("--model", default=settings.MLX_MODEL_NAME)
    options = parser.parse_args()
    print("| set | what | value | precision | recall | of |\n|---|---|---|---|---|---|")
    for name, path in SETS.items():
        if not path.exists():
            print(f"| {name} | not at hand |  |  |  |  |")
            continue
        found = evaluate(EvaluateRequest(path, options.model, limit=options.limit), Silence())
        for figure in found.figures:
            shares = ["" if share is None else f"{share:.2f}" for share in (figure.precision, figure.recall)]
            row = [f"{name}, {found.texts} texts", figure.what, f"{figure.value:.3f}", *shares, str(figure.of)]
            print(f"| {' | '.join(row)} |")
        if curve := found.calibration:
            error = f"{curve.error_before:.3f}, calibrated {curve.error_after:.3f}"
            print(f"| {name}, {found.texts} texts | expected calibration error | {error} |  |  |  |")
        cost = sum(prompt.seconds for prompt in found.prompts)
        calls = sum(prompt.calls for prompt in found.prompts)
        print(
            f"| {name}, {found.texts} texts | calls, seconds of the model | {calls}, {cost:.0f} |  |  |  |", flush=True
        )


if __name__ == "__main__":
    main()
