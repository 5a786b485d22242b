"""Serve the model and the graph to other programs on this machine: OpenAI's and Anthropic's APIs, MCP.

One model for all of them; each answer keeps to its schema; the limit is told at /v1/models and /discovery and kept.
Only this machine can ask. Others can with --host and a key: export DAYBOOK_API_KEYS first, several with commas.

examples:
  python -m app serve
  python -m app serve --model ~/models/Qwen3-4B --port 8000
  python -m app serve --allow-write --allow-origin app://obsidian.md
  DAYBOOK_API_KEYS=$(openssl rand -hex 24) python -m app serve --host 0.0.0.0 --allow-host my-mac.local
"""

import argparse
import sys

from app.cli.command import at_least_one, place_of, port_number


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("--model", metavar="M", help="a model folder or hub name (MLX_MODEL_NAME; default: bundled)")
    parser.add_argument("--embedder", metavar="E", help="the embedder the home was built with")
    parser.add_argument("--host", default="127.0.0.1", metavar="H", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=port_number, default=8321, metavar="N", help="port (8321); 0: any that is free")
    parser.add_argument("--allow-host", action="append", default=[], metavar="NAME", help="a further name of ours")
    parser.add_argument("--allow-origin", action="append", default=[], metavar="URL", help="a web page that may ask")
    parser.add_argument("--allow-write", action="store_true", help="offer the MCP tool add_entry")
    parser.add_argument("--forget-chats", action="store_true", help="keep no KV of conversations on disk")
    parser.add_argument("--queue", type=at_least_one, default=64, metavar="N", help="requests at once (64)")
    parser.add_argument("--seconds", type=at_least_one, default=1800, metavar="S", help="for one request (1800)")
    parser.add_argument("--idle-minutes", type=at_least_one, metavar="M", help="end when nobody asked for so long")


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from app.server.serve import Choices, serve

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    choices = Choices(
        place=place_of(options),
        model=options.model,
        host=options.host,
        port=options.port,
        hosts=tuple(options.allow_host),
        origins=tuple(options.allow_origin),
        places=options.queue,
        seconds=options.seconds,
        can_write=options.allow_write,
        keep_chats=not options.forget_chats,
        idle_minutes=options.idle_minutes,
    )
    return serve(choices, say)
