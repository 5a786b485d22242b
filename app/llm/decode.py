"""The story of one answer: read the prompt, then say what the grammar forces and choose where it leaves a choice.

Knows mlx-lm's models and caches; knows neither messages nor schemas.
In: prompt ids and a Constraint.  Out: a Completion. Runs on the MLX thread.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from mlx_lm.models.cache import make_prompt_cache

from app.errors import Truncated
from app.llm import kv
from app.llm.blas import mx
from app.llm.grammar import Constraint, FreeText
from app.llm.loader import LoadedModel
from app.llm.mlx_thread import CancelToken
from app.llm.prefix_cache import Prefix

SEED_STRIDE = 1_000_003  # keeps the random keys of neighbouring seeds apart


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer and what it cost.

    cached_tokens    of prompt_tokens, those whose KV was already there
    forward_passes   passes of the model after the prompt was read
    finish           "stop": the grammar or the model ended it; "length": free text ran out of max_tokens
    """

    token_ids: tuple[int, ...]
    text: str
    prompt_tokens: int
    cached_tokens: int
    forward_passes: int
    seconds_prefill: float
    seconds_decode: float
    finish: Literal["stop", "length"]


def generate(
    loaded: LoadedModel,
    prompt_ids: Sequence[int],
    constraint: Constraint,
    *,
    max_tokens: int,
    cache: Prefix | None = None,
    cancel: CancelToken | None = None,
    temperature: float = 0.0,
    seed: int = 0,
    fast_forward: bool = True,
    on_tokens: Callable[[list[int]], None] | None = None,
    on_read: Callable[[int, int], None] | None = None,
) -> Completion:
    """Answer `prompt_ids` (at least one) within `constraint`.

    cache          a Prefix that has read fewer than all prompt ids; it is continued in place
    temperature    0: the most probable token; otherwise tokens are drawn, the same ones for the same `seed`
    fast_forward   take forced tokens in one pass; the answer is the same without, only slower
    on_tokens      called with new tokens as they are known
    on_read        called after each pass of the prompt with the tokens read and all of them
    raises         Cancelled within one chunk or token; Truncated when a grammar is not complete after max_tokens
    """
    cancel = cancel or CancelToken()
    started = time.perf_counter()
    prefix = cache or Prefix(make_prompt_cache(loaded.model), 0)
    cached_tokens = prefix.length
    kv.settle(prefix.layers, loaded.reading, len(prompt_ids))
    read(loaded, prefix, prompt_ids[:-1], cancel, on_read)
    prefilled = time.perf_counter()

    answer: list[int] = []
    unread = [prompt_ids[-1]]  # chosen or forced, and not yet seen by the model
    passes = 0

    def say(tokens: list[int]) -> None:
        answer.extend(tokens)
        unread.extend(tokens)
        if on_tokens is not None and tokens:
            on_tokens(tokens)

    while True:
        if fast_forward:
            say(constraint.forced())
        if constraint.is_complete() or len(answer) >= max_tokens:
            break
        cancel.check()
        # Drafts of several tokens, verified in this same pass, would be appended to `unread` here.
        logits = loaded.model(mx.array([unread]), cache=prefix.layers)[:, -1]  # (1, V)
        token = _choose(constraint.allow(logits), temperature, seed, len(answer))
        passes += 1
        unread.clear()
        constraint.accept(token)
        if token in loaded.eos_token_ids:
            break
        say([token])

    is_whole = constraint.is_complete() and len(answer) <= max_tokens
    if not is_whole and not isinstance(constraint, FreeText):
        raise Truncated(f"the answer is not complete after {max_tokens:,} tokens", hint="raise max_tokens")
    return Completion(
        token_ids=tuple(answer),
        text=loaded.tokenizer.decode(answer, skip_special_tokens=True, clean_up_tokenization_spaces=False),
        prompt_tokens=len(prompt_ids),
        cached_tokens=cached_tokens,
        forward_passes=passes,
        seconds_prefill=prefilled - started,
        seconds_decode=time.perf_counter() - prefilled,
        finish="stop" if is_whole else "length",
    )


def read(
    loaded: LoadedModel,
    prefix: Prefix,
    ids: Sequence[int],
    cancel: CancelToken,
    on_read: Callable[[int, int], None] | None = None,
) -> None:
    """Continue `prefix` through `ids`, in chunks; ids it has already read are skipped.

    raises  Cancelled between chunks; `prefix` then holds the chunks that were read
    """
    while prefix.length < len(ids):
        cancel.check()
        chunk = list(ids[prefix.length : prefix.length + loaded.reading.step])
        loaded.model(mx.array([chunk]), cache=prefix.layers)  # lazy: the logits are never computed
        mx.eval(prefix.state())
        prefix.length += len(chunk)
        mx.clear_cache()
        if on_read is not None:
            on_read(prefix.length, len(ids))


def _choose(allowed: mx.array, temperature: float, seed: int, position: int) -> int:
    """The best token, or one drawn by a key that depends on seed and position only."""
    if temperature == 0:
        token = mx.argmax(allowed, axis=-1).item()
    else:
        key = mx.random.key((seed * SEED_STRIDE + position) % 2**64)
        token = mx.random.categorical(allowed / temperature, key=key).item()
    assert isinstance(token, int)
    return token
