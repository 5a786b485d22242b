"""How well a model reads, on every gold set at hand: `python -m benchmarks.quality [--limit N] [--kept FILE]`.

Knows the evaluation and where gold lies; changes nothing. In: a model.  Out: the table of docs/measurements.md.

A set that is done is kept in a file, so a run that was stopped, or is made again with the same model, prompts and
limit, goes on where it was. Made journals are of the testing part: seeds, names and forms that training never drew.
"""

import argparse
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from app.llm.folder import open_folder
from app.measure.evaluation import Evaluation
from app.pipeline.evaluate import EvaluateRequest, evaluate
from app.prompts.fingerprint import prompts_fingerprint
from app.settings import settings

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("DAYBOOK_SHARED", ROOT.parent / "shared")) / "data" / "gold"
KEPT = Path("~/.cache/daybook/quality.json").expanduser()
MADE = "made journals"
SETS = {
    "hand-written entries": ROOT / "tests" / "gold" / "handwritten.jsonl",
    "Schnitzler's diary": SHARED / "schnitzler_de" / "dev.jsonl",
    "LitBank": SHARED / "litbank_en" / "dev.jsonl.gz",
    "Re-DocRED": SHARED / "redocred_en" / "dev.jsonl.gz",
    "Text2KGBench": SHARED / "text2kgbench" / "dev.jsonl",
}
OURS = 48  # made and hand-written texts are short, and what nano is for


class Silence:
    """A progress that nobody sees."""

    def say(self, line: str) -> None: ...
    def begin(self, entries: int) -> None: ...
    def advance(self, done: int, total: int, day: str) -> None: ...


def kept(path: Path, key: str, make: Callable[[], list[str]]) -> list[str]:
    """What `make` gave the first time, by its key."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if key not in known:
        known[key] = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(known, indent=1, ensure_ascii=False), encoding="utf-8")
    rows: list[str] = known[key]
    return rows


def rows_of(name: str, path: Path, model: str, limit: int) -> list[str]:
    """The rows of one set; prompts are those of an empty home, as nobody has taught them anything."""
    with TemporaryDirectory() as home:
        return rows(name, evaluate(EvaluateRequest(path, model, home=Path(home), limit=limit), Silence()))


def rows(name: str, found: Evaluation) -> list[str]:
    """A row a figure."""
    where, told = f"{name}, {found.texts} texts", []
    for figure in found.figures:
        shares = ["" if share is None else f"{share:.2f}" for share in (figure.precision, figure.recall)]
        told.append(f"| {' | '.join([where, figure.what, f'{figure.value:.3f}', *shares, str(figure.of)])} |")
    if curve := found.calibration:
        error = f"{curve.error_before:.3f}, calibrated {curve.error_after:.3f}"
        told.append(f"| {where} | expected calibration error | {error} |  |  |  |")
    calls, seconds = (sum(getattr(prompt, name) for prompt in found.prompts) for name in ("calls", "seconds"))
    return [*told, f"| {where} | calls, seconds of the model | {calls}, {seconds:.0f} |  |  |  |"]


def made(path: Path) -> Path:
    """Made journals as a gold file."""
    from training import made_gold  # late: it reads all its words

    made_gold.write(path, made_gold.FIRST_SEED, journals=OURS // 8)
    return path


def main() -> None:
    """A row a figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--limit", type=int, default=12, help="texts of each public set, at equal distances")
    parser.add_argument("--model", default=settings.MLX_MODEL_NAME)
    parser.add_argument("--kept", type=Path, default=KEPT, help="where figures of done sets are kept")
    options = parser.parse_args()
    model = open_folder(Path(options.model).expanduser()).fingerprint[:16] + prompts_fingerprint()
    print("| set | what | value | precision | recall | of |\n|---|---|---|---|---|---|")
    with TemporaryDirectory() as folder:
        for name, path in {MADE: made(Path(folder) / "made.jsonl"), **SETS}.items():
            limit = options.limit if SHARED in path.parents else OURS
            if not path.exists():
                print(f"| {name} | not at hand |  |  |  |  |")
                continue
            make = partial(rows_of, name, path, options.model, limit)
            print("\n".join(kept(options.kept, f"{name} {limit} {model}", make)), flush=True)


if __name__ == "__main__":
    main()
