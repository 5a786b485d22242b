"""Check a model before it reads diaries; its figures become a row of docs/models.md.

MODEL is a folder or a hub name. Exit code 1 if a figure is off or a rung does not hold.

examples:
  python -m app onboard ~/models/Qwen3-4B-4bit
  python -m app onboard mlx-community/Qwen3-4B-4bit --up-to 20000
  python -m app onboard ~/models/Qwen3-4B-4bit --rows ~/my-models.json
  python -m app onboard --table                       write docs/models.md again
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.command import at_least_one
from app.errors import BadInput

if TYPE_CHECKING:
    from app.pipeline.ladder import Rung


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("model", nargs="?", metavar="MODEL", help="a model folder or hub name")
    parser.add_argument("--up-to", type=at_least_one, default=128_000, metavar="N", help="the last rung (128000)")
    parser.add_argument("--rows", type=Path, metavar="FILE", help="for the row, instead of docs/models.json")
    parser.add_argument("--table", action="store_true", help="only compute docs/models.md again")


def run(options: argparse.Namespace) -> int:
    """Check step by step, print each as it is known, write the row."""
    from app.pipeline import model_table

    if options.table:
        model_table.write_page()
        print(f"written: {model_table.PAGE}")
        return 0
    if options.model is None:
        raise BadInput("no model is named", hint="python -m app onboard MODEL, or --table")
    return _check(options)


def _check(options: argparse.Namespace) -> int:
    from app.cli.commands import doctor
    from app.cli.report import print_json
    from app.pipeline import model_table, onboard
    from app.pipeline.doctor import diagnose

    def tell(line: str) -> None:
        print(line, file=sys.stderr if options.json else sys.stdout, flush=True)

    model = str(Path(options.model).expanduser())
    engine = onboard.open_for_check(model)
    for line in doctor.lines(diagnose(engine)):
        tell(line)
    cache = onboard.check_cache(engine)
    verdict = "agree" if cache.agrees else "DIFFER"
    tell(f"   cache  {cache.predicted:,} bytes by {cache.source}, {cache.live:,} live: they {verdict}")
    rungs = []
    for rung in onboard.climb_ladder(engine, options.up_to):
        tell(f"  ladder  {_said(rung)}")
        rungs.append(rung)
    is_qwen = str(engine.loaded.config.get("model_type", "")).startswith("qwen")
    qwen = _qwen_check(model) if is_qwen else "no Qwen model: not asked"
    tell(f"    qwen  {qwen}")
    row = onboard.row_of(engine, cache, rungs, qwen)
    model_table.add_row(row, options.rows or model_table.ROWS)
    if options.rows is None:
        model_table.write_page()
    if options.json:
        print_json(row)
    return 0 if cache.agrees and all(rung.holds for rung in rungs) else 1


def _said(rung: "Rung") -> str:
    holds = "holds" if rung.holds else "DOES NOT HOLD"
    return (
        f"{rung.tokens:,} tokens: {rung.needles} of 3 needles intact, {rung.measured_bytes / 1e6:,.0f} of"
        f" {rung.predicted_bytes / 1e6:,.0f} MB foretold, read in {rung.seconds_prefill:.1f} s: {holds}"
    )


def _qwen_check(model: str) -> str:
    """test_qwen_config.py is a door of its own; its last line is its verdict, its exit code says if it holds."""
    script = Path(__file__).parents[3] / "test_qwen_config.py"
    told = subprocess.run([sys.executable, str(script), model], capture_output=True, text=True, check=False)
    return "passed" if told.returncode == 0 else "failed: run test_qwen_config.py for the lines"
