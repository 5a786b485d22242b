"""Find facts by words and by meaning, with their dates and the sentences they were read from.

TEXT may be words, a name or a question. Equal graphs give equal answers; no language model is asked.

examples:
  python -m app search "where does Clara work"
  python -m app search "who is ill" --as-of 2023-05-01 --limit 5
  python -m app search Ghent --json | jq -r '.[].fact'
"""

import argparse

from app.cli.command import at_least_one, iso_date, place_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("text", metavar="TEXT", help="words, a name, or a question")
    parser.add_argument("--limit", type=at_least_one, default=10, metavar="N", help="how many facts at most (10)")
    parser.add_argument("--as-of", type=iso_date, metavar="DATE", help="only facts that held on that day")
    parser.add_argument("--embedder", metavar="E", help="the embedder the home was built with")


def run(options: argparse.Namespace) -> int:
    """Search and print."""
    from app.cli import report
    from app.pipeline import look

    found = look.search(place_of(options), options.text, limit=options.limit, as_of=options.as_of)
    report.print_facts(found, options.json)
    return 0
