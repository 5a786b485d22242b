"""What happened when: the days on which facts begin and end, in order.

Without ENTITY the whole journal; with it only the facts told of that person, place or thing.

examples:
  python -m app timeline
  python -m app timeline "Clara Weiss" --since 1912-01-01 --until 1912-12-31
  python -m app timeline Ghent --json
"""

import argparse

from app.cli.command import iso_date, place_of
from app.errors import BadInput


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("entity", nargs="?", metavar="ENTITY", help="a name or another word for it")
    parser.add_argument("--since", type=iso_date, metavar="DATE", help="from that day on")
    parser.add_argument("--until", type=iso_date, metavar="DATE", help="up to that day")


def run(options: argparse.Namespace) -> int:
    """Tell and print."""
    if options.since and options.until and options.since > options.until:
        raise BadInput(f"--since {options.since} is later than --until {options.until}", hint="exchange the two")
    from app.cli import report
    from app.pipeline.home import picture_of
    from app.pipeline.story import timeline

    events = timeline(picture_of(place_of(options)), options.entity, since=options.since, until=options.until)
    report.print_timeline(events, options.json)
    return 0
