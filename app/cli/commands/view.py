"""Write one HTML file that shows everything: the map, the timeline, the cards and the journal itself.

It opens in any browser straight from disk, asks no network, and holds the text of your entries: keep it as private as
the journal. Sentences are marked where a fact was read from them; a slider shows what held on any day.

examples:
  python -m app view
  python -m app view --out ~/anna.html --title "Anna's journals"
  python -m app view --home ~/daybook-of-anna --json
"""

import argparse
from pathlib import Path

from app.cli.command import place_of

DEFAULT = Path("daybook.html")


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("--out", type=Path, default=DEFAULT, metavar="FILE", help=f"where to write it ({DEFAULT})")
    parser.add_argument("--title", default="Daybook", metavar="T", help="what stands at its top (Daybook)")


def run(options: argparse.Namespace) -> int:
    """Read the home, write the page."""
    from app.cli import output, report
    from app.pipeline.home import picture_of
    from app.view.page import page

    picture = picture_of(place_of(options))
    path = output.write_file(options.out, page(picture, title=options.title))
    entities, facts, size = len(picture.entities), len(picture.facts), path.stat().st_size
    if options.json:
        report.print_json({"file": str(path), "bytes": size, "entities": entities, "facts": facts})
    else:
        told = f"{entities:,} people and things, {facts:,} facts"
        print(f"{path}  {output.size(size)}: {told}; open it in a browser")
    return 0
