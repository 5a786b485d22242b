"""Look at a model on this machine: how long a prompt may be and why, memory, speed, tokenizer.

The limit is computed from the model, the memory that is free now and the speed measured here; nothing is read or kept.

examples:
  python -m app doctor
  python -m app doctor --model ~/models/Qwen3-4B-4bit
  python -m app doctor --json | jq .limit.input
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.pipeline.doctor import Diagnosis

GIB = 1024**3


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("--model", metavar="M", help="a model folder or hub name (MLX_MODEL_NAME; default: bundled)")


def run(options: argparse.Namespace) -> int:
    """Look and print."""
    from app.cli.report import print_json
    from app.pipeline.doctor import examine
    from app.pipeline.request import home_folder
    from app.settings import settings

    model = str(Path(options.model or settings.MLX_MODEL_NAME).expanduser())
    found = examine(model, home_folder(options.home))
    if options.json:
        print_json(found)
    else:
        print("\n".join(lines(found)))
    return 0


def lines(found: "Diagnosis") -> list[str]:
    """The diagnosis for a person."""
    limit = found.limit
    ceilings = [("model", limit.model_ceiling), ("setting", limit.setting_ceiling)]
    ceilings += [("memory", limit.memory_ceiling), ("time", limit.time_ceiling)]
    told = [f"{tokens:,} {name}" for name, tokens in ceilings if tokens is not None]
    ends = ", ".join(found.eos_tokens)
    stops = f"a turn ends with {ends}, which stops the engine"
    tokenizer = [
        f"model_max_length {found.model_max_length:,}, truncation_side {found.truncation_side}",
        "nothing is ever cut",
        stops if found.stops else f"no turn ends with {ends}: answers in free text run on",
    ]
    rows = [
        ("model", found.model + (f"; {found.about}" if found.about else "")),
        ("limit", f"{limit.context:,} tokens: {limit.input:,} of prompt and {limit.output:,} of answer"),
        ("ceilings", f"{', '.join(told)}; the {limit.binding} binds"),
        ("memory", f"{limit.free_bytes / GIB:.1f} of {found.total_bytes / GIB:.1f} GiB free; {_parts(found)}"),
        ("speed", f"{found.prefill_tok_per_s:,.0f} tokens of a prompt a second, by {found.serving}"),
        ("tokens", "; ".join(tokenizer)),
    ]
    rows += [("advice", line) for line in found.advice]
    return [f"{name:>8}  {value}" for name, value in rows]


def _parts(found: "Diagnosis") -> str:
    return (
        f"weights {_mib(found.weight_bytes)}, cache {_mib(found.cache_bytes)} per 1,024 tokens, "
        f"{_mib(found.needed_bytes)} for a full context"
    )


def _mib(size: int) -> str:
    return f"{size / 1024**2:,.1f} MiB"
