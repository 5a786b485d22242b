"""Give an MCP client on this machine the graph, over stdin and stdout: Claude Desktop, LM Studio, editors.

The messages go to the server of the home, which is started if it does not run and ends after half an hour without
requests; so the model and the graph are opened once, however many clients there are. A server shows one group: while
it runs, another --group is refused. What a client does with the results is its own affair: Claude Desktop sends them
to Anthropic.

examples:
  python -m app mcp
  python -m app mcp --home ~/daybook-of-anna
  claude mcp add daybook -- python -m app mcp
"""

import argparse

from app.cli.command import place_of

IDLE_MINUTES = 30


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("--model", metavar="M", help="the model of a server that has to be started")
    parser.add_argument("--embedder", metavar="E", help="the embedder the home was built with")
    parser.add_argument("--allow-write", action="store_true", help="offer add_entry, if the server has to be started")


def run(options: argparse.Namespace) -> int:
    """Forward until stdin ends."""
    import anyio

    from app.server.proxy import forward
    from app.server.running import find_or_start

    arguments = ["--idle-minutes", str(IDLE_MINUTES)]
    for name in ("model", "embedder"):
        if getattr(options, name):
            arguments += [f"--{name}", getattr(options, name)]
    if options.allow_write:
        arguments.append("--allow-write")
    place = place_of(options)
    anyio.run(forward, find_or_start(place.folder.absolute(), place.group_name, *arguments))
    return 0
