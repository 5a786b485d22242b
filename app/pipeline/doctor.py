"""Look at a model on this machine: its limit and why, the memory, the tokenizer, the speed, and what would change it.

Knows the engine's budget; changes nothing. In: a model and a home.  Out: a Diagnosis.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from app.budget.limit import Budget, Limit
from app.budget.memory import GIB
from app.budget.reading import Reading
from app.ledger.notes import read_note
from app.llm.blas import serving
from app.llm.engine import Engine
from app.llm.loader import LoadedModel
from app.llm.request import Request, Turn
from app.pipeline.engine import open_engine

_MANY = 1024  # tokens; what a person counts a cache in
_ANSWER = "Yes."


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a person asks of a model before reading a diary with it.

    limit             now, with its ceilings and the one that binds
    cache_bytes       of 1,024 tokens of a long prompt; other sizes in bytes too
    needed_bytes      of a prompt and answer that fill the context, weights not included
    prefill_tok_per_s at 1,024 tokens
    stops             whether the end of a turn, as the template writes it, stops the engine
    eos_tokens        that do
    advice            what would allow more, most helpful first
    """

    model: str
    about: str
    serving: str
    limit: Limit
    total_bytes: int
    weight_bytes: int
    cache_bytes: int
    needed_bytes: int
    prefill_tok_per_s: float
    model_max_length: int
    truncation_side: str
    stops: bool
    eos_tokens: tuple[str, ...]
    advice: tuple[str, ...]


def examine(model: str, home: Path, *, allow_download: bool = True) -> Diagnosis:
    """Load the model and look; the ledger of `home` tells its speed, or else a short probe.

    raises  ModelMissing, ModelDamaged, BadInput
    """
    return diagnose(open_engine(model, partial(read_note, home), allow_download=allow_download))


def diagnose(engine: Engine) -> Diagnosis:
    """Look at a model that is loaded."""
    loaded, budget = engine.loaded, engine.budget
    limit, memory = budget.limit(), budget.memory()
    kept = budget.reading.precision(budget.dtype_bytes, prompt_tokens=budget.reading.quantized_kv_start)
    seconds = budget.clock.seconds(_MANY)
    return Diagnosis(
        model=loaded.name,
        about=loaded.note,
        serving=serving(),
        limit=limit,
        total_bytes=memory.total,
        weight_bytes=budget.weight_bytes,
        cache_bytes=round(budget.spec.bytes_per_token(kept) * _MANY),
        needed_bytes=budget.run_bytes(limit.context),
        prefill_tok_per_s=_MANY / seconds if seconds else 0.0,
        model_max_length=loaded.tokenizer.model_max_length,
        truncation_side=loaded.tokenizer.truncation_side,
        stops=_stops(engine),
        eos_tokens=tuple(loaded.tokenizer.decode([token]) for token in sorted(loaded.eos_token_ids)),
        advice=tuple(_advice(budget, limit, loaded)),
    )


def _stops(engine: Engine) -> bool:
    """A turn that the template closes holds a stop token behind its words."""
    turns = [Turn("user", "?"), Turn("assistant", _ANSWER), Turn("user", "?")]
    closed = engine.prepare(Request(messages=turns)).prompt.ids
    text = engine.loaded.tokenizer.decode(list(closed))
    after = text.find(_ANSWER) + len(_ANSWER)
    ends = [engine.loaded.tokenizer.decode([token]) for token in engine.loaded.eos_token_ids]
    return any(text[after:].lstrip().startswith(end) for end in ends)


def _advice(budget: Budget, limit: Limit, loaded: LoadedModel) -> Iterator[str]:
    if limit.binding == "model":
        yield (
            f"the model was trained for {limit.model_ceiling:,} positions; MLX_ROPE_FACTOR=2 would stretch them, "
            "and change its answers to short prompts too"
        )
    if limit.binding == "setting":
        yield "MLX_CONTEXT_PRESET or MLX_MAX_CONTEXT_TOKENS binds: raise it, or leave it out"
    if limit.binding == "time":
        yield "reading takes too long here: raise MLX_PREFILL_SECONDS, or take a smaller model"
    if limit.binding == "memory":
        if limit.idle_input > limit.input:
            yield f"close other programs: on an idle machine {limit.idle_input:,} tokens of input are allowed"
        for bits in (8, 4):
            fewer = Reading(step=budget.reading.step, kv_bits=bits, quantized_kv_start=0)
            context = replace(budget, reading=fewer).limit().context
            if budget.reading.kv_bits is None and context > limit.context:
                yield f"MLX_KV_BITS={bits} with MLX_QUANTIZED_KV_START=0 would allow {context:,} tokens"
                break
        if budget.reading.step > 128:
            context = replace(budget, reading=replace(budget.reading, step=128)).limit().context
            if context > limit.context:
                yield f"MLX_PREFILL_STEP_SIZE=128 would allow {context:,} tokens, read a little slower"
    if limit.free_bytes < GIB:
        yield "less than 1 GiB of memory is free: close other programs before a long run"
    if loaded.dtype == "float32" and budget.weight_bytes > limit.free_bytes:
        yield "the weights take more memory than is left beside them: a smaller model would read faster"
