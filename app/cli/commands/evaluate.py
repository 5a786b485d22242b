"""Measure how well a model reads: names, types, who is who, facts, dates, confidence.

GOLD is a JSONL file of texts with what people marked in them; the texts are loaded as a journal is, into a home of
their own that is thrown away. One JSON object a line:
  {"date": "2024-04-03", "text": "...", "owner": "Ada", "entities": [{"name": "Eva", "type": "Person"}],
   "facts": [{"source": "Eva", "target": "Bonn", "relation": "LIVES_IN", "valid_at": "2024-04-03"}]}
Schnitzler's diary, LitBank, Re-DocRED and Text2KGBench are read in their own formats, also as .jsonl.gz.

examples:
  python -m app evaluate tests/gold/handwritten.jsonl --limit 10
  python -m app evaluate gold.jsonl --model ~/models/Qwen3-4B --page quality.html
  python -m app evaluate gold.jsonl --min-confidence 0.2 --json
"""

import argparse
from pathlib import Path

from app.cli.command import at_least_one


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("gold", type=Path, metavar="GOLD", help="texts with gold labels, .jsonl or .jsonl.gz")
    parser.add_argument("--limit", type=at_least_one, metavar="N", help="N texts at equal distances (all)")
    parser.add_argument("--min-confidence", type=float, metavar="P", help="leave out less sure facts (0, or as learnt)")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the report with its plots as one HTML file")
    parser.add_argument("--model", metavar="M", help="a model folder or hub name (MLX_MODEL_NAME)")
    parser.add_argument("--embedder", metavar="E", help="an embedding model (MLX_EMBEDDER_NAME)")


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    from app.cli import output, report_quality
    from app.cli.progress import ProgressBar
    from app.pipeline.evaluate import EvaluateRequest, evaluate

    request = EvaluateRequest(
        options.gold.expanduser(), options.model, options.embedder, options.home, options.limit, options.min_confidence
    )
    with ProgressBar() as bar:
        found = evaluate(request, bar)
    if options.page is not None:
        from app.view.quality import quality_page

        output.write_file(options.page, quality_page(found))
    report_quality.print_evaluation(found, options.json)
    return 0
