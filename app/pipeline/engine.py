"""Open a language model with its limit: the settings' choices, this machine's memory, the speed measured before.

Knows the settings, the ledger's notes and the llm room; knows neither Graphiti nor DSPy. In: a model's name.
Out: an Engine that refuses what does not fit.
"""

from collections.abc import Callable
from pathlib import Path

from app.budget.clock import PrefillClock
from app.ledger.store import Ledger
from app.llm.blas import serving
from app.llm.engine import Engine
from app.llm.loader import LoadedModel, load_generator
from app.llm.room import budget_for, time_prefill
from app.pipeline.waiting import PrefillProgress
from app.settings import settings

KV_FOLDER_NAME = "kv"  # in the home; app.llm.kv_files.forget_kept deletes it


def open_engine(
    model: str,
    noted: Callable[[str], str | None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
    *,
    home: Path | None = None,
    blocks_on_disk: bool = False,
    allow_download: bool = True,
) -> Engine:
    """Load a model and give it its limit: the settings' choices, this machine's memory, the speed measured before.

    home            where the KV of templates outlives the run; None: nowhere
    blocks_on_disk  let the KV of other prompts outlive it too, which is KV of what people wrote
    noted           what the ledger keeps under a name: the speed of earlier runs; else a probe measures it
    say             told of prompts that take long or nearly fill the memory
    allow_download  a hub name is fetched, because a person named it
    raises          ModelMissing, ModelDamaged, BadInput
    """
    generator = load_generator(model, allow_download=allow_download, reading=settings.reading)
    clock = PrefillClock.from_json(noted(_clock_name(generator)))
    if not clock.seen:
        time_prefill(generator, clock)
    budget = budget_for(
        generator,
        output_reserve=settings.MLX_MAX_OUTPUT_TOKENS,
        max_context=settings.max_context_tokens,
        prefill_seconds=settings.MLX_PREFILL_SECONDS,
        clock=clock,
        say=say,
    )
    return Engine(
        generator,
        budget=budget,
        on_read=PrefillProgress(clock, say),
        prefix_bytes=settings.MLX_PREFIX_BYTES,
        kv_folder=home / KV_FOLDER_NAME if home is not None and settings.MLX_KV_DISK_BYTES else None,
        disk_bytes=settings.MLX_KV_DISK_BYTES,
        blocks_on_disk=blocks_on_disk,
    )


def keep_clock(engine: Engine, ledger: Ledger) -> None:
    """Remember how fast this machine read."""
    ledger.note(_clock_name(engine.loaded), engine.budget.clock.to_json())


def _clock_name(loaded: LoadedModel) -> str:
    return f"prefill of {loaded.fingerprint} by {serving()} in steps of {loaded.reading.step}"
