"""The story of one answer: read the prompt, then say what the grammar forces and choose where it leaves a choice.

Knows mlx-lm's models and caches; knows neither messages nor schemas.
In: prompt ids and a Constraint.  Out: a Completion. Runs on the MLX thread.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np
from mlx_lm.models.cache import make_prompt_cache

from app.errors import Truncated
from app.llm import kv
from app.llm.blas import mx
from app.llm.choosing import Choice, logprob
from app.llm.grammar import Constraint
from app.llm.loader import LoadedModel
from app.llm.mlx_thread import CancelToken
from app.llm.prefix_cache import Prefix
from app.llm.request import Completion, Request, TokenLogprob
from app.llm.streaming import TextStream


def generate(
    loaded: LoadedModel,
    prompt_ids: Sequence[int],
    constraint: Constraint,
    request: Request,
    *,
    prefix: Prefix | None = None,
    fast_forward: bool = True,
    on_read: Callable[[int, int], None] | None = None,
) -> Completion:
    """Answer `prompt_ids` (at least one) within `constraint`, in the manner of `request`.

    prefix         has read fewer than all prompt ids; it is continued in place
    fast_forward   take forced tokens in one pass; the answer is the same without, only slower
    on_read        called after each pass of the prompt with the tokens read and all of them
    raises         Cancelled within one chunk or token; Truncated when a grammar is not complete after max_tokens
    """
    started = time.perf_counter()
    prefix = prefix or Prefix(make_prompt_cache(loaded.model), 0)
    cached_tokens = prefix.length
    kv.settle(prefix.layers, loaded.reading, len(prompt_ids))
    read(loaded, prefix, prompt_ids[:-1], request.cancel, on_read)
    prefilled = time.perf_counter()

    is_free = request.output_type is None
    stream = TextStream(loaded.tokenizer, request.stop if is_free else (), request.on_text)
    choice = Choice(request.temperature, request.seed)
    answer: list[int] = []
    logprobs: list[TokenLogprob] = []
    unread = [prompt_ids[-1]]  # chosen or forced, and not yet seen by the model
    passes = 0

    def say(tokens: list[int]) -> None:
        answer.extend(tokens)
        unread.extend(tokens)
        if tokens:
            stream.add(tokens)

    while True:
        if fast_forward:
            forced = constraint.forced()
            say(forced)
            logprobs += [TokenLogprob(token, 0.0, None) for token in forced]
        if constraint.is_complete() or stream.stopped_by or len(answer) >= request.max_tokens:
            break
        request.cancel.check()
        # Drafts of several tokens, verified in this same pass, would be appended to `unread` here.
        logits = loaded.model(mx.array([unread]), cache=prefix.layers)[:, -1]  # (1, V)
        allowed = constraint.allow(logits)
        token = int(np.array(mx.argmax(choice.scores(allowed, len(answer)))))
        passes += 1
        unread.clear()
        constraint.accept(token)
        if token in loaded.eos_token_ids:
            break
        if request.logprobs is not None:
            logprobs.append(logprob(logits[0], allowed[0], token, request.logprobs))
        say([token])

    text = stream.close()
    is_whole = stream.stopped_by is not None or (constraint.is_complete() and len(answer) <= request.max_tokens)
    if not is_whole and not is_free:
        raise Truncated(f"the answer is not complete after {request.max_tokens:,} tokens", hint="raise max_tokens")
    return Completion(
        token_ids=tuple(answer),
        text=text,
        prompt_tokens=len(prompt_ids),
        cached_tokens=cached_tokens,
        forward_passes=passes,
        seconds_prefill=prefilled - started,
        seconds_decode=time.perf_counter() - prefilled,
        finish="stop" if is_whole else "length",
        stopped_by=stream.stopped_by,
        logprobs=tuple(logprobs) if request.logprobs is not None else None,
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
