"""Build the graph again from what was read.

The ledger holds every text, every answer and the order of reading, so that the equal graph stands without a model call;
the journals are not needed. Use it when the graph's file was lost or damaged. With --into the new graph stands in
another folder, which becomes a home of its own (look at it with --home), and this home stays as it is.

examples:
  python -m app rebuild
  python -m app rebuild --into ~/daybook-copy
  python -m app rebuild --home ~/daybook-of-anna --json
"""

import argparse
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("--into", metavar="FOLDER", help="a new or empty folder for the new graph (this home)")
    parser.add_argument("--model", metavar="M", help="ask this model where it must be asked (as in the last load)")
    parser.add_argument("--embedder", metavar="E", help="the embedder the home was built with")


def run(options: argparse.Namespace) -> int:
    """Build and print what the graph holds."""
    from app.cli import report
    from app.cli.progress import ProgressBar
    from app.errors import BadInput
    from app.pipeline.rebuild import rebuild
    from app.pipeline.request import LoadRequest

    if options.into and "://" in options.into:
        raise BadInput(
            f"--into is {options.into}, a folder is allowed: graphs are kept in Kuzu, in files of this machine",
            hint="for Neo4j: python -m app export cypher",
        )
    request = LoadRequest(
        paths=[], model=options.model, embedder=options.embedder, home=options.home, group=options.group
    )
    into = Path(options.into).expanduser() if options.into else None
    with ProgressBar() as bar:
        report.print_rebuilt(rebuild(request, bar, into=into), options.json)
    return 0
