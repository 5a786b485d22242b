"""Build the graph again from what was read.

The ledger holds every text, every answer and the order of reading, so that the equal graph stands without a model call;
the journals are not needed. Use it when the graph's file was lost or damaged. With --into FOLDER the new graph stands
in another folder, which becomes a home of its own (look at it with --home), and this home stays as it is.

With --into ADDRESS a copy of the graph is written to a FalkorDB or Neo4j server, for other programs that stand on
Graphiti, and read back: it is equal or the command fails. The place must be empty. Daybook itself goes on with this
home, which stays as it is. The copy holds the text of your entries, and `forget` does not reach it: keep it as private
as the journal. Only that address is spoken to, encrypted with rediss, bolt+s or neo4j+s.

  falkor://USER:PASSWORD@HOST:6379/GRAPH   also falkordb, redis, rediss; GRAPH is the group if left out
  bolt://USER:PASSWORD@HOST:7687/DATABASE  also bolt+s, neo4j, neo4j+s; DATABASE is neo4j if left out

Other users of this machine can see a command's arguments: leave :PASSWORD out and export DAYBOOK_GRAPH_PASSWORD.

examples:
  python -m app rebuild
  python -m app rebuild --into ~/daybook-copy
  python -m app rebuild --into falkor://localhost:6379
  python -m app rebuild --home ~/daybook-of-anna --json
"""

import argparse
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("--into", metavar="PLACE", help="a new folder or an address for the new graph (this home)")
    parser.add_argument("--model", metavar="M", help="ask this model where it must be asked (as in the last load)")
    parser.add_argument("--embedder", metavar="E", help="the embedder the home was built with")


def run(options: argparse.Namespace) -> int:
    """Build and print what the graph holds."""
    from app.cli import report
    from app.cli.progress import ProgressBar
    from app.pipeline.rebuild import rebuild, rebuild_on_server
    from app.pipeline.request import LoadRequest

    request = LoadRequest(
        paths=[], model=options.model, embedder=options.embedder, home=options.home, group=options.group
    )
    with ProgressBar() as bar:
        if options.into and "://" in options.into:
            told = rebuild_on_server(request, bar, options.into)
        else:
            told = rebuild(request, bar, into=Path(options.into).expanduser() if options.into else None)
        report.print_rebuilt(told, options.json)
    return 0
