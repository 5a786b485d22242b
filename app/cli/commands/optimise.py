"""Let the prompts learn from your decisions and from gold: better instructions and examples, or none.

Half of the labelled texts are learnt from, a quarter chooses among what DSPy's optimisers made (examples that you
labelled, the model's own best answers, instructions rewritten by GEPA as far as the budget reaches), and the last
quarter decides: only what is better there, by more than luck, is taken into use. Merges teach who is who. Then the
texts are read whole, as a load reads them, to learn how sure a fact must be to be kept: --min-confidence where you give
none. A small model trained on the bare prompts gains more from that than from examples, which it has never seen there.

Programs lie in MLX_PROMPTS_DIR (default: `prompts` in the home), quote your journal, and are read by nobody else;
remove a file to go back.

A run that was stopped goes on where it was: no answered call is made again.

examples:
  python -m app optimise --gold tests/gold/handwritten.jsonl --budget 200
  python -m app optimise --dry-run
"""

import argparse
from pathlib import Path

from app.cli.command import at_least_one, place_of


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("--budget", type=at_least_one, default=300, metavar="CALLS", help="calls of the model (300)")
    parser.add_argument("--gold", type=Path, action="append", default=[], metavar="FILE", help="labelled texts, too")
    parser.add_argument("--owner", metavar="NAME", help='who "I" is in the entries (DAYBOOK_OWNER)')
    parser.add_argument("--model", metavar="M", help="a model folder or hub name (MLX_MODEL_NAME)")
    parser.add_argument("--dry-run", action="store_true", help="say how much there is to learn from, call no model")


def run(options: argparse.Namespace) -> int:
    """Learn and tell."""
    import sys

    from app.cli import report_quality
    from app.pipeline.optimise import OptimiseRequest, optimise

    gold = tuple(path.expanduser() for path in options.gold)
    request = OptimiseRequest(place_of(options), gold, options.budget, options.model, options.owner, options.dry_run)
    learnt = optimise(request, lambda line: print(line, file=sys.stderr, flush=True))
    report_quality.print_learnt(learnt, options.json)
    return 0
