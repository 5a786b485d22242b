"""Build the graph again from what was read.

The ledger holds every text, every answer and the order of reading, so that the equal graph stands without a model call;
the journals are not needed. Use it when the graph's file was lost or damaged.

examples:
  python -m app rebuild
  python -m app rebuild --home ~/daybook-of-anna --json
"""

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("--model", metavar="M", help="ask this model where it must be asked (as in the last load)")
    parser.add_argument("--embedder", metavar="E", help="the embedder the home was built with")


def run(options: argparse.Namespace) -> int:
    """Build and print what the graph holds."""
    from app.cli import report
    from app.cli.progress import ProgressBar
    from app.pipeline.forget import rebuild
    from app.pipeline.request import LoadRequest

    request = LoadRequest(
        paths=[], model=options.model, embedder=options.embedder, home=options.home, group=options.group
    )
    with ProgressBar() as bar:
        report.print_rebuilt(rebuild(request, bar), options.json)
    return 0
