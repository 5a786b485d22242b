"""Ask a question; every sentence of the answer says where it was read.

Facts and sentences are found by words, by meaning and by nearness in the graph; the model answers from these alone, in
the language of the question. Where the journal is silent it says so, and if it never names whom you ask about, it says
whose name is missing. The bundled model is terse and often wrong: name a real one with --model.

examples:
  python -m app ask "Where did Anna live in spring 1912?"
  python -m app ask "Wo wohnt Clara?" --as-of 1912-04-01
  python -m app ask "Who is ill?" --model ~/models/Qwen3-4B --json
"""

import argparse
import sys

from app.cli.command import iso_date, place_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("question", metavar="QUESTION", help="up to 500 characters, in any language the model knows")
    parser.add_argument("--as-of", type=iso_date, metavar="DATE", help="as things stood on that day")
    parser.add_argument("--model", metavar="M", help="a model folder or hub name (MLX_MODEL_NAME; default: bundled)")
    parser.add_argument("--embedder", metavar="E", help="the embedder the home was built with")


def run(options: argparse.Namespace) -> int:
    """Ask and print."""
    from app.cli import report
    from app.pipeline.ask import ask

    def say(line: str) -> None:
        print(line, file=sys.stderr)

    answer = ask(place_of(options), options.question, as_of=options.as_of, model=options.model, say=say)
    report.print_answer(answer, options.json)
    return 0
