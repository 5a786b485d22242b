"""How long a prompt this model, this machine and this moment allow, and the refusal of a longer one.

Knows arithmetic over figures handed in; touches no device and reads no settings.
In: a spec, and callables for memory and speed.  Out: a Limit, computed anew at each question; or an error of ours.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from app.budget.clock import PrefillClock
from app.budget.memory import GIB, MIB, Memory
from app.budget.passes import PassShape
from app.budget.reading import AS_MADE, Reading
from app.budget.spec import FLOAT16_BYTES, ModelCacheSpec, largest
from app.errors import NoRoom, PromptTooLong

MIN_FREE_BYTES = 512 * MIB  # never taken: the journal, the graph and the system live beside the model
MOST_TOKENS = 1 << 22  # nobody has a model of four million positions; a search has to end
RETRY_SECONDS = 30  # a memory-hungry neighbour rarely goes sooner
OUTPUT_SHARE = 4  # an answer reserves at most a quarter of a small model's context
WARN_SHARE = 0.9  # of a memory ceiling, from which on a prompt is worth a word

Ceiling = Literal["model", "setting", "memory", "time"]


@dataclass(frozen=True, slots=True)
class Limit:
    """What is allowed now. Laws: context is the least ceiling; input + output = context.

    model_ceiling     positions the model was trained for
    setting_ceiling   what the owner allows; None: no opinion
    memory_ceiling    tokens whose cache and passes fit into the memory that is free now
    time_ceiling      tokens read within the time that a prompt may take; None before the first measurement
    binding           the ceiling that decides
    idle_input        input, were this machine doing nothing else
    """

    context: int
    input: int
    output: int
    model_ceiling: int
    setting_ceiling: int | None
    memory_ceiling: int
    time_ceiling: int | None
    binding: Ceiling
    idle_input: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Budget:
    """One model on one machine; asks for memory and speed at every question, so its limit is alive.

    passes           how large a pass of the prompt gets
    model_tokens     positions the model was trained for
    memory           the device's memory, as `Memory` tells it
    weight_bytes     what the loaded weights take of the machine, idle or not
    dtype_bytes      of an activation
    reading          how prompts are read and kept
    max_context      the owner's own ceiling, from a preset or a number
    prefill_seconds  what a person would wait for a prompt to be read
    say              told once a prompt nears the memory that is there
    """

    spec: ModelCacheSpec
    passes: PassShape
    model_tokens: int
    output_reserve: int
    memory: Callable[[], Memory]
    weight_bytes: int = 0
    dtype_bytes: int = FLOAT16_BYTES
    reading: Reading = AS_MADE
    max_context: int | None = None
    prefill_seconds: float = float("inf")
    clock: PrefillClock = field(default_factory=PrefillClock)
    say: Callable[[str], None] = lambda _: None

    def limit(self) -> Limit:
        """The limit at this moment."""
        memory = self.memory()
        most = min(self.model_tokens, self.max_context or self.model_tokens)
        in_memory = self._fitting(memory.free, MOST_TOKENS)
        in_time = self.clock.tokens_within(self.prefill_seconds, most=MOST_TOKENS) if self.clock.seen else None
        ceilings: dict[Ceiling, int | None] = {
            "model": self.model_tokens,
            "setting": self.max_context,
            "time": in_time,
            "memory": in_memory,
        }
        known: dict[Ceiling, int] = {name: tokens for name, tokens in ceilings.items() if tokens is not None}
        binding = min(known, key=lambda name: known[name])
        context = known[binding]
        idle = min(most, most if in_time is None else in_time, self._fitting(self._idle_bytes(memory), most))
        output = self._output(context)
        return Limit(
            context=context,
            input=context - output,
            output=output,
            model_ceiling=self.model_tokens,
            setting_ceiling=self.max_context,
            memory_ceiling=in_memory,
            time_ceiling=in_time,
            binding=binding,
            idle_input=max(idle - self._output(idle), context - output),
            free_bytes=memory.free,
        )

    def refuse_too_long(self, tokens: int) -> Limit:
        """Pass, or refuse a prompt that this machine could not read even if it did nothing else.

        raises  PromptTooLong with both numbers
        """
        limit = self.limit()
        if tokens > limit.idle_input:
            raise PromptTooLong(
                f"the prompt has {tokens:,} tokens, {limit.idle_input:,} are allowed (bound by the {limit.binding})",
                hint="shorten the text; `python -m app doctor` shows what would allow more",
            )
        return limit

    def refuse_for_now(self, tokens: int) -> Limit:
        """Pass, or refuse a prompt that does not fit now; to be asked when the device is ours and nothing else runs.

        raises  PromptTooLong; NoRoom with the bytes needed and free
        """
        limit = self.refuse_too_long(tokens)
        needed = self.needed_bytes(tokens + limit.output)
        if tokens > limit.input:
            raise NoRoom(
                f"a prompt of {tokens:,} tokens needs {_gb(needed)} of memory, {_gb(limit.free_bytes)} are free",
                hint="it fits when the machine is idle: close other programs, or try again later",
                retry_seconds=RETRY_SECONDS,
            )
        if needed > WARN_SHARE * limit.free_bytes:
            self.say(f"a prompt of {tokens:,} tokens will use {_gb(needed)} of {_gb(limit.free_bytes)} free memory")
        return limit

    def needed_bytes(self, tokens: int) -> int:
        """Peak of caches and passes beyond the weights, with the floor that stays free."""
        return self.run_bytes(tokens) + MIN_FREE_BYTES

    def run_bytes(self, tokens: int) -> int:
        """Peak of caches and passes beyond the weights, while `tokens` are read and answered."""
        # A prompt just too short to be quantised may need more than a longer one.
        exact = min(tokens, self.reading.quantized_kv_start + self.output_reserve)
        return max(self._bytes(exact, 0), self._bytes(tokens, self.reading.quantized_kv_start))

    def _bytes(self, tokens: int, kept_as: int) -> int:
        precision = self.reading.precision(self.dtype_bytes, prompt_tokens=kept_as)
        cache = self.spec.bytes_at(tokens, precision, step=self.reading.step)
        layer = self.spec.layer_bytes(tokens, precision)
        return cache + self.passes.peak_bytes(tokens, self.reading.step, precision, layer)

    def _fitting(self, free_bytes: int, most: int) -> int:
        return largest(most, lambda tokens: self.needed_bytes(tokens) <= free_bytes)

    def _idle_bytes(self, memory: Memory) -> int:
        return max(memory.total - self.weight_bytes, memory.free)

    def _output(self, context: int) -> int:
        return min(self.output_reserve, context // OUTPUT_SHARE)


def _gb(size: int) -> str:
    return f"{size / GIB:.1f} GiB"
