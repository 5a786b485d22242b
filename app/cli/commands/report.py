"""Write a page with plots of how a load went: pace, tokens, cache, memory, and what was found.

Every load keeps its figures in the home; the page holds no word of a journal.

examples:
  python -m app report
  python -m app report --run 2 --out before.html
  python -m app report --json
"""

import argparse
from pathlib import Path

from app.cli.command import at_least_one, place_of

DEFAULT = Path("run.html")


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument(
        "--run", type=at_least_one, default=1, metavar="N", help="1 the last run (default), 2 before it"
    )
    parser.add_argument("--out", type=Path, default=DEFAULT, metavar="FILE", help=f"where to write it ({DEFAULT})")


def run(options: argparse.Namespace) -> int:
    """Read the run, write the page."""
    from app.cli import output, report
    from app.pipeline.runs import read_run
    from app.view.report import report_page

    log = read_run(place_of(options).folder, options.run)
    if options.json:
        report.print_json({"model": log.model, "started": log.started, "entries": log.entries, "samples": log.samples})
        return 0
    path = output.write_file(options.out, report_page(log.model, log.started, log.entries, log.samples))
    read = f"{log.samples[-1].entries:,} of {log.entries:,} entries"
    print(f"{path}  the run of {log.started}, {read}; open it in a browser")
    return 0
