"""docs/models.md: what each family's cache takes and how long a context each size of machine allows, all computed.

Knows docs/models.json, where configs stand with what they were checked against, and rows as `onboard` measured them.
In: that file.  Out: the page; `python -m app onboard --table` writes it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.budget.limit import Budget
from app.budget.memory import GIB, KIB, Memory
from app.budget.passes import PassShape
from app.budget.reading import Reading
from app.budget.spec import ModelCacheSpec, Precision
from app.settings import ROOT

ROWS = ROOT / "docs" / "models.json"
PAGE = ROOT / "docs" / "models.md"
MACHINES = (8, 16, 24, 36, 64, 128)  # GB of a Mac's memory
WEIGHT_BITS = 4.5  # of a 4-bit model, with the scale and bias of every 64 weights
SMALL_SHARE, LARGE_SHARE, LARGE_GB = 2 / 3, 3 / 4, 36  # of the memory that Metal recommends for the GPU
OUTPUT_RESERVE = 4096

_HEAD = """# Models

Written by `python -m app onboard --table` from docs/models.json; the figures are computed, not typed. What the configs
were checked against stands further down; nothing on this page but the last table was measured.

A cache in float16, and in 8 or 4 bits with a scale and a bias for each 64 values ("-": mlx-lm 0.32 cannot quantise this
cache). KiB a token over all layers; MiB of 1,024 tokens include what does not grow.

"""
_CONTEXTS = """
The largest context, prompt and answer together, of a 4-bit model on an idle Mac: Metal's recommended working set is
taken as two thirds of the memory up to 36 GB and three quarters above, 512 MiB stay free, passes are of 512 tokens.
"model": the model's own positions bind; "-": the weights leave no room. In brackets: with the cache in 8 bits.

"""
_SOURCES = """
## What the configs were checked against (2026-11-21)

No model hub can be reached from where this page was made, so these are public copies and the configs in transformers.

"""
_ADDING = """
## To add a model

1. `python -m app onboard MODEL` loads it, compares the bytes of its config with those of its live cache, climbs the
   context ladder, checks its Qwen configuration and writes a row into the last table (`--rows FILE` for another file).
2. Where it says that the shape is not known, add its family to `app/budget/families.py` and a tiny config of it to
   `tests/budget/zoo.py`; until then its live cache is probed, which needs no line of code.
3. `python -m app doctor --model MODEL` shows its limit on your machine, what binds it and what would change it.

## Models that were onboarded

"""


def render(rows: dict[str, Any]) -> str:
    """The page for what docs/models.json holds."""
    published = rows["published"]
    return (
        _HEAD
        + "\n".join(_specs(published))
        + "\n"
        + _CONTEXTS
        + "\n".join(_contexts(published))
        + "\n"
        + _SOURCES
        + "\n".join(f"- {model['name']}: {model['source']}" for model in published)
        + "\n"
        + _ADDING
        + "\n".join(_onboarded(rows["onboarded"]))
        + "\n"
    )


def write_page(rows_file: Path = ROWS, page: Path = PAGE) -> None:
    """Compute the page again."""
    page.write_text(render(json.loads(rows_file.read_text(encoding="utf-8"))), encoding="utf-8")


def add_row(row: dict[str, Any], rows_file: Path = ROWS) -> None:
    """Write down what `onboard` measured; a model's newer row takes the place of its older one."""
    rows = (
        json.loads(rows_file.read_text(encoding="utf-8")) if rows_file.is_file() else {"published": [], "onboarded": []}
    )
    kept = [old for old in rows["onboarded"] if (old["model"], old["serving"]) != (row["model"], row["serving"])]
    rows["onboarded"] = [*kept, row]
    rows_file.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _specs(published: list[dict[str, Any]]) -> Iterator[str]:
    yield "| model | family | kind | layers | positions | KiB a token | 8 bits | 4 bits | MiB of 1,024 tokens |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for model in published:
        spec = ModelCacheSpec.from_config(model["config"])
        each = [spec.bytes_per_token(Precision(2, bits)) / KIB for bits in (None, 8, 4)]
        quantizes = any(group.quantizes and group.tensors and group.window is None for group in spec.groups)
        fewer = [f"{size:,.1f}" if quantizes else "-" for size in each[1:]]
        yield (
            f"| {model['name']} | {spec.model_type} | {model['kind']} | {spec.layers} | {_positions(model):,} |"
            f" {each[0]:,.1f} | {fewer[0]} | {fewer[1]} | {spec.bytes_at(1024) / KIB**2:,.1f} |"
        )


def _contexts(published: list[dict[str, Any]]) -> Iterator[str]:
    yield f"| model | weights | {' | '.join(f'{size} GB' for size in MACHINES)} |"
    yield "|---|---|" + "---|" * len(MACHINES)
    for model in published:
        weights = round(model["parameters"] * WEIGHT_BITS / 8)
        cells = [_cell(model, weights, size) for size in MACHINES]
        yield f"| {model['name']} | {weights / GIB:.1f} GiB | {' | '.join(cells)} |"


def _cell(model: dict[str, Any], weights: int, size: int) -> str:
    share = LARGE_SHARE if size > LARGE_GB else SMALL_SHARE
    free = max(round(size * GIB * share) - weights, 0)
    spec = ModelCacheSpec.from_config(model["config"])

    def context(bits: int | None) -> int:
        return (
            Budget(
                spec,
                PassShape.from_config(model["config"], has_fused_scores=True),
                _positions(model),
                OUTPUT_RESERVE,
                lambda: Memory(free, free),
                reading=Reading(kv_bits=bits, quantized_kv_start=0),  # type: ignore[arg-type]
            )
            .limit()
            .context
        )

    plain, fewer = context(None), context(8)
    if plain == _positions(model):
        return "model"
    if plain == 0:
        return "-"
    return f"{plain:,} ({'model' if fewer == _positions(model) else f'{fewer:,}'})" if fewer > plain else f"{plain:,}"


def _onboarded(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield "| model | by | cache, predicted and live | peak, predicted and measured | ladder up to | Qwen check | on |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        yield (
            f"| {row['model']} | {row['serving']} |"
            f" {row['predicted_cache_bytes']:,} and {row['live_cache_bytes']:,} bytes |"
            f" {row['predicted_peak_bytes'] / 1e6:,.0f} and {row['measured_peak_bytes'] / 1e6:,.0f} MB |"
            f" {row['ladder_tokens']:,} tokens | {row['qwen_check']} | {row['date']} |"
        )


def _positions(model: dict[str, Any]) -> int:
    flat = {**model["config"], **model["config"].get("text_config", {})}
    return int(flat["max_position_embeddings"])
