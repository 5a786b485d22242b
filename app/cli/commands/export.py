"""Take everything along in another format, to another program or another machine.

FORMAT is one of
  jsonld     everything, your decisions too, for `import` and for tools of linked data
  graphml    entities and facts, for Gephi, yEd, networkx, igraph
  csv        four tables, for spreadsheets and pandas
  markdown   a vault for Obsidian: a note an entity and an entry, linked both ways
  cypher     statements for Neo4j, Memgraph and others

What is written holds the text of your entries, and jsonld also what you rejected, so that it can be taken back: keep it
as private as the journal.

examples:
  python -m app export jsonld
  python -m app export markdown --out ~/Obsidian/diary
  python -m app export csv --out ~/diary-tables --json
"""

import argparse
from pathlib import Path

from app.cli.command import place_of

_FORMATS = ("jsonld", "graphml", "csv", "markdown", "cypher")


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("format", metavar="FORMAT", choices=_FORMATS, help=", ".join(_FORMATS))
    parser.add_argument("--out", type=Path, metavar="PATH", help="the file, or the folder for csv and markdown")


def run(options: argparse.Namespace) -> int:
    """Read the home, write the files."""
    from app.cli import output, report
    from app.export.formats import FORMATS
    from app.pipeline.home import picture_of

    chosen = FORMATS[options.format]
    files = chosen.write(picture_of(place_of(options)))
    out = options.out or Path(chosen.name)
    path = output.write_folder(out, files) if chosen.is_folder else output.write_file(out, *files.values())
    size = sum(len(text.encode()) for text in files.values())
    if options.json:
        report.print_json({"path": str(path), "format": options.format, "files": len(files), "bytes": size})
    else:
        print(f"{path}  {output.size(size)}{f' in {len(files):,} files' if chosen.is_folder else ''}")
    return 0
