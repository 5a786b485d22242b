"""The story of one answer: read the prompt; then draft, run, accept, trim, until nothing may follow.

Knows tokens, caches and a Constraint; knows neither messages nor schemas.
In: prompt ids, a Constraint and the manner of a Request.  Out: a Completion. Runs on the MLX thread.
"""

import time
from collections.abc import Callable, Sequence

from mlx_lm.models.cache import make_prompt_cache

from app.errors import Truncated
from app.llm import kv
from app.llm.answer import Answer
from app.llm.blas import mx
from app.llm.grammar import Constraint
from app.llm.loader import LoadedModel
from app.llm.mlx_thread import CancelToken
from app.llm.prefix_cache import Prefix
from app.llm.request import Completion, Request
from app.llm.widths import Widths


def generate(
    loaded: LoadedModel,
    prompt_ids: Sequence[int],
    constraint: Constraint,
    request: Request,
    *,
    prefix: Prefix | None = None,
    fast_forward: bool = True,
    widths: Widths | None = None,
    on_read: Callable[[int, int], None] | None = None,
) -> Completion:
    """Answer `prompt_ids` (at least one) within `constraint`, in the manner of `request`.

    The tokens are those of the plain loop, which spends a pass on each, whatever is switched on.

    prefix         has read fewer than all prompt ids; it is continued in place
    fast_forward   take forced tokens in one pass
    widths         how many tokens to guess in a pass; None: none
    on_read        called after each pass of the prompt with the tokens read and all of them
    raises         Cancelled within one chunk or token; Truncated when a grammar is not complete after max_tokens
    """
    started = time.perf_counter()
    prefix = prefix or Prefix(make_prompt_cache(loaded.model), 0)
    cached_tokens = prefix.length
    kv.settle(prefix.layers, loaded.reading, len(prompt_ids))
    read(loaded, prefix, prompt_ids[:-1], request.cancel, on_read)
    prefilled = time.perf_counter()

    answer = Answer(loaded, prefix.layers, constraint, request, prompt_ids, fast_forward=fast_forward, widths=widths)
    while not answer.is_done():
        request.cancel.check()
        draft = answer.draft()
        run = answer.run(draft)
        accepted = answer.accept(run)
        answer.trim(run, accepted)
        answer.say(run, accepted)

    text = answer.stream.close()
    completion = Completion(
        token_ids=tuple(answer.tokens),
        text=text,
        prompt_tokens=len(prompt_ids),
        cached_tokens=cached_tokens,
        forward_passes=answer.passes,
        seconds_prefill=prefilled - started,
        seconds_decode=time.perf_counter() - prefilled,
        finish="stop" if answer.is_whole() else "length",
        stopped_by=answer.stream.stopped_by,
        logprobs=answer.logprobs(),
    )
    if not answer.is_whole() and not answer.is_free:
        message = f"the answer is not complete after {request.max_tokens:,} tokens"
        raise Truncated(message, hint="raise max_tokens", partial=completion)
    return completion


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
