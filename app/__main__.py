"""Daybook's commands: python -m app COMMAND

commands:
  search "TEXT"   facts that match, with their dates, the journal file and the sentence each was read from
  show ENTITY     everything the graph holds on one person, place or thing
  status          how much was read, what waits, what was put aside

examples:
  python -m app search "where does Clara work"
  python -m app search "Ghent" --as-of 2023-05-01 --limit 5
  python -m app show "Clara Weiss" --json
  python -m app status --home ~/daybook-of-anna

To read journals: python load_journals.py --help
"""

import argparse
import sys
from pathlib import Path

from app.cli.command import Parser, at_least_one, command, iso_date


def main(arguments: list[str] | None = None) -> int:
    """Parse, look, print; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        print(__doc__)
        return 0
    return command(lambda: _run(options), as_json=options.json)


def _run(options: argparse.Namespace) -> int:
    # Late, so that --help answers at once.
    from app.cli import report
    from app.pipeline import look

    place = look.Place(options.home, options.group, getattr(options, "embedder", None))
    if options.command == "search":
        report.print_facts(look.search(place, options.text, limit=options.limit, as_of=options.as_of), options.json)
    elif options.command == "show":
        report.print_card(look.show(place, options.entity), options.json)
    else:
        report.print_status(look.status(place), options.json)
    return 0


def _parser() -> argparse.ArgumentParser:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    shared = Parser(add_help=False)
    shared.add_argument("--home", type=Path, metavar="DIR", help="where all state is kept (DAYBOOK_HOME)")
    shared.add_argument("--group", metavar="G", help="whose graph, if you keep several (DAYBOOK_GROUP)")
    shared.add_argument("--json", action="store_true", help="one JSON value on stdout")
    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="python -m app", description=summary, epilog=rest, formatter_class=raw)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    search = commands.add_parser(
        "search",
        parents=[shared],
        formatter_class=raw,
        help="facts that match, with dates and sentences",
        epilog='example: python -m app search "who is ill" --as-of 2023-05-01',
    )
    search.add_argument("text", metavar="TEXT", help="words, a name, or a question")
    search.add_argument("--limit", type=at_least_one, default=10, metavar="N", help="how many facts at most (10)")
    search.add_argument("--as-of", type=iso_date, metavar="DATE", help="only facts that held on that day")
    search.add_argument("--embedder", metavar="E", help="the embedder the home was built with")
    show = commands.add_parser(
        "show",
        parents=[shared],
        formatter_class=raw,
        help="everything on one entity",
        epilog='example: python -m app show "Clara Weiss"',
    )
    show.add_argument("entity", metavar="ENTITY", help="its name, as the graph has it")
    commands.add_parser("status", parents=[shared], formatter_class=raw, help="how much was read, what waits")
    return parser


if __name__ == "__main__":
    sys.exit(main())
