"""How two readings of the same journals differ: facts added, removed and changed, with their sentences.

RUN_A and RUN_B are each a home, or a file that `export jsonld` wrote: read the journals with one model or one set of
prompts into one home and with the other into another, then compare. Facts match by the sentence they were read from
and the two names they join; lines with - are of RUN_A, lines with + of RUN_B.

examples:
  python load_journals.py ~/diary --home ~/with-nano
  python load_journals.py ~/diary --home ~/with-4b --model ~/models/Qwen3-4B
  python -m app diff ~/with-nano ~/with-4b
  python -m app diff before.jsonld ~/with-4b --json
"""

import argparse
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("before", type=Path, metavar="RUN_A", help="a home, or a .jsonld export of one")
    parser.add_argument("after", type=Path, metavar="RUN_B", help="the reading to compare with it")


def run(options: argparse.Namespace) -> int:
    """Compare and print."""
    from app.cli import report
    from app.pipeline.carry import read_run
    from app.pipeline.story import diff

    before, after = (read_run(path, options.group) for path in (options.before, options.after))
    report.print_diff(diff(before, after), options.json)
    return 0
