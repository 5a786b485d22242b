"""What is new since a day: the facts that began, the facts that ended, and who is named for the first time.

examples:
  python -m app changes 2024-01-01
  python -m app changes 2024-01-01 --json
"""

import argparse

from app.cli.command import iso_date, place_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("since", type=iso_date, metavar="SINCE", help="a day (YYYY-MM-DD); that day counts")


def run(options: argparse.Namespace) -> int:
    """Compare and print."""
    from app.cli import report
    from app.pipeline.home import picture_of
    from app.pipeline.story import changes

    report.print_changes(changes(picture_of(place_of(options)), options.since), options.json)
    return 0
