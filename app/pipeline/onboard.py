"""Check a model before it reads diaries: its config against its live cache, its memory on the ladder, its tokenizer.

Knows the engine and the ladder; judges no answer. In: a model's name.  Out: what was found, step by step, and a row.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.budget.spec import ModelCacheSpec
from app.errors import UnknownShape
from app.llm.blas import serving
from app.llm.engine import Engine
from app.llm.mlx_thread import run_mlx
from app.llm.room import dtype_bytes, live_cache_bytes
from app.pipeline.engine import open_engine
from app.pipeline.ladder import ANSWER_TOKENS, RUNGS, Rung, climb

CACHE_TOKENS = 1000  # of the pass whose live cache is compared: not a whole number of blocks
TOLERANCE = 0.02


@dataclass(frozen=True, slots=True)
class CacheCheck:
    """Bytes of a cache of CACHE_TOKENS tokens, as predicted and as they are.

    source  "config", or "probe" for a family whose config nobody here reads
    """

    predicted: int
    live: int
    source: str

    @property
    def agrees(self) -> bool:
        return abs(self.predicted - self.live) <= TOLERANCE * self.live


def open_for_check(model: str) -> Engine:
    """Load the model. raises ModelMissing, ModelDamaged, BadInput"""
    return open_engine(model)


def check_cache(engine: Engine) -> CacheCheck:
    """Predicted bytes against those of a pass that is never evaluated: milliseconds for a model of any size."""
    loaded, budget = engine.loaded, engine.budget
    try:
        spec, source = ModelCacheSpec.from_config(loaded.config), "config"
    except UnknownShape:
        spec, source = budget.spec, "probe"
    live = run_mlx(live_cache_bytes, loaded.model, CACHE_TOKENS)
    exact = budget.reading.precision(dtype_bytes(loaded), prompt_tokens=-1)
    return CacheCheck(spec.bytes_at(CACHE_TOKENS, exact, step=CACHE_TOKENS), live, source)


def climb_ladder(engine: Engine, up_to: int) -> Iterator[Rung]:
    """The rungs that this model's limit allows, and the limit itself as the last one."""
    most = min(engine.budget.limit().context - ANSWER_TOKENS, up_to)
    for rung in (*(rung for rung in RUNGS if rung < most), most):
        yield climb(engine.loaded, rung)


def row_of(engine: Engine, cache: CacheCheck, rungs: list[Rung], qwen_check: str) -> dict[str, Any]:
    """What docs/models.json keeps of a model that was onboarded."""
    return {
        "model": engine.loaded.name,
        "serving": serving(),
        "predicted_cache_bytes": cache.predicted,
        "live_cache_bytes": cache.live,
        "predicted_peak_bytes": rungs[-1].predicted_bytes,
        "measured_peak_bytes": rungs[-1].measured_bytes,
        "ladder_tokens": rungs[-1].tokens,
        "qwen_check": qwen_check,
        "date": datetime.now(UTC).date().isoformat(),
    }
