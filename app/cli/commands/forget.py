"""Forget entries as if they had never been read.

Entries, what was learnt from them, what they had ended, the model's answers about them and their vectors go; the graph
is built again from the rest. Only questions that were asked with the help of a forgotten text are asked anew. Your
journal files are not touched: take the text out there too, or the next load reads it again. The receipt says so.

examples:
  python -m app forget 2024-04-03
  python -m app forget ~/diary/2019.md --dry-run
  python -m app forget --since 2019-01-01 --until 2019-03-31
  python -m app forget 4f1c09aa --json > receipt.json
"""

import argparse
from typing import Any

from app.cli.command import iso_date


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("what", nargs="*", metavar="ENTRY|FILE", help="a day, an entry's id, a journal file or folder")
    parser.add_argument("--since", type=iso_date, metavar="DATE", help="every entry of this day or later (YYYY-MM-DD)")
    parser.add_argument("--until", type=iso_date, metavar="DATE", help="every entry of this day or earlier")
    parser.add_argument("--dry-run", action="store_true", help="show which entries would be forgotten, change nothing")
    parser.add_argument("--model", metavar="M", help="ask this model where it must be asked (as in the last load)")
    parser.add_argument("--embedder", metavar="E", help="the embedder the home was built with")


def run(options: argparse.Namespace) -> int:
    """Forget and print the receipt; 1 if forgotten words are still found in the home."""
    from app.cli import report
    from app.cli.progress import ProgressBar
    from app.errors import BadInput
    from app.pipeline.forget import Selection, forget
    from app.pipeline.request import LoadRequest

    if not (options.what or options.since or options.until):
        raise BadInput(
            "nothing was named to forget", hint="name a day, an entry's id or a file, or --since and --until"
        )
    request: Any = LoadRequest(
        paths=[],
        model=options.model,
        embedder=options.embedder,
        home=options.home,
        group=options.group,
        since=options.since,
        until=options.until,
        dry_run=options.dry_run,
    )
    with ProgressBar() as bar:
        receipt = forget(request, Selection(tuple(options.what), options.since, options.until), bar)
    report.print_receipt(receipt, options.json)
    return 1 if receipt.found_in else 0
