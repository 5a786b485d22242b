"""How a home stands: how much was read, what waits, what was put aside and why.

examples:
  python -m app status
  python -m app status --home ~/daybook-of-anna --json
"""

import argparse

from app.cli.command import place_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing beyond what every command takes."""


def run(options: argparse.Namespace) -> int:
    """Count and print."""
    from app.cli import report
    from app.pipeline import look

    report.print_status(look.status(place_of(options)), options.json)
    return 0
