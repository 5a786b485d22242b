"""Read back what `export jsonld` wrote, into an empty home: the equal graph.

Every sentence that a fact stands on comes along, and so does what you decided in `review`. No language model is asked;
the vectors for search are made anew. The journals are not needed, and a later load of the same journals finds them read
already.

examples:
  python -m app import daybook.jsonld --home ~/daybook-copy
  python -m app import anna.jsonld --home ~/daybook-of-anna --json
"""

import argparse
from pathlib import Path

from app.cli.command import place_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a .jsonld file that Daybook wrote")
    parser.add_argument("--embedder", metavar="E", help="an embedding model (MLX_EMBEDDER_NAME; default: bundled)")


def run(options: argparse.Namespace) -> int:
    """Read the file, fill the home, say what it now holds."""
    from app.cli import report
    from app.pipeline import look
    from app.pipeline.carry import import_home

    place = import_home(place_of(options), options.file)
    report.print_status(look.status(place), options.json)
    return 0
