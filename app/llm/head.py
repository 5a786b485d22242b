"""The head of a language model: what makes logits of hidden states, found where it can be used alone.

Knows how mlx-lm builds its models; knows no prompt. In: a model.  Out: its head, or None.
"""

from collections.abc import Callable
from typing import Any

from app.llm.blas import mx

Head = Callable[[mx.array], mx.array]


def head_of(model: Any) -> Head | None:
    """The part of a model behind its last hidden states, if the two parts together are bit for bit the whole model.

    A head over 151,936 tokens costs a quarter of a small model; forced tokens need none.
    """
    body = getattr(model, "model", None)
    heads = [getattr(model, "lm_head", None), getattr(getattr(body, "embed_tokens", None), "as_linear", None)]
    probe = mx.array([[0, 1, 2]])
    for head in heads:
        if head is None or not callable(body):
            continue
        try:
            logits = head(body(probe))
        except (TypeError, ValueError, AttributeError):  # a body that asks for more than ids, or gives more than states
            continue
        if mx.array_equal(logits, model(probe)):
            found: Head = head
            return found
    return None
