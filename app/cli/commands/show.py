"""Everything on one person, place or thing: its card.

What it is, other names for it, the facts that hold and those that ended, whom it is told of with, and every sentence
that names it. The name may be written in any case; a name that the graph does not know is answered with near ones.

examples:
  python -m app show "Clara Weiss"
  python -m app show Ghent --as-of 2023-05-01
  python -m app show "Clara Weiss" --json
"""

import argparse

from app.cli.command import iso_date, place_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("entity", metavar="ENTITY", help="its name, as the graph has it")
    parser.add_argument("--as-of", type=iso_date, metavar="DATE", help="only facts that held on that day")


def run(options: argparse.Namespace) -> int:
    """Look it up and print its card."""
    from app.cli import report
    from app.pipeline import look

    report.print_card(look.show(place_of(options), options.entity, as_of=options.as_of), options.json)
    return 0
