"""The context ladder: longer and longer prompts, each read whole, answered, and within the memory foretold.

Knows the engine; judges no answer: a needle counts by its tokens in the model's input. In: a model.  Out: Rungs.
"""

from dataclasses import dataclass
from typing import Literal

from app.llm.engine import Engine
from app.llm.loader import LoadedModel
from app.llm.mlx_thread import run_mlx
from app.llm.request import Request, Turn
from app.llm.room import budget_for, forget_peak, peak_bytes

RUNGS = (2_000, 5_000, 10_000, 20_000, 64_000, 128_000)
NEEDLES = ("the key is under the blue stone", "Marta sold the boat in May", "the train left at seven past nine")
ANSWER_TOKENS = 8
_HAY = "We walked to the market and it rained again. "


@dataclass(frozen=True, slots=True)
class Rung:
    """One prompt of the ladder.

    tokens           of the prompt; needles of the three that stand in it, token by token, in their places
    predicted_bytes  of weights, cache and passes; measured_bytes is mlx's own peak for them
    finish           "stop" or "length": it started, and it ended
    """

    tokens: int
    needles: int
    predicted_bytes: int
    measured_bytes: int
    answer_tokens: int
    finish: Literal["stop", "length"]
    seconds_prefill: float

    @property
    def holds(self) -> bool:
        """Read whole, ended, and never more memory than foretold."""
        return self.needles == len(NEEDLES) and self.measured_bytes <= self.predicted_bytes and self.answer_tokens > 0


def climb(loaded: LoadedModel, tokens: int) -> Rung:
    """Ask a prompt of at most `tokens` tokens. raises PromptTooLong, NoRoom as any other prompt does"""
    budget = budget_for(loaded, output_reserve=ANSWER_TOKENS)
    engine = Engine(loaded, budget=budget, prefix_bytes=0)
    turns = [Turn("user", _haystack(loaded, tokens))]
    question = engine.prepare(Request(messages=turns, max_tokens=ANSWER_TOKENS, temperature=1.0))
    others = run_mlx(forget_peak) - budget.weight_bytes
    completion = engine.answer(question)
    length = len(question.prompt.ids)
    assert completion.prompt_tokens == length
    return Rung(
        tokens=length,
        needles=sum(_stands_in(loaded, question.prompt.ids, needle) for needle in NEEDLES),
        predicted_bytes=budget.weight_bytes + budget.run_bytes(length + ANSWER_TOKENS),
        measured_bytes=run_mlx(peak_bytes) - others,
        answer_tokens=len(completion.token_ids),
        finish=completion.finish,
        seconds_prefill=completion.seconds_prefill,
    )


def _haystack(loaded: LoadedModel, tokens: int) -> str:
    """Hay with a needle at its start, in its middle and at its end, about as long as asked and never longer."""
    per_line = len(_ids(loaded, _HAY))
    taken = sum(len(_ids(loaded, needle)) for needle in NEEDLES) + 32  # and the template around it
    half = _HAY * max((tokens - taken) // per_line // 2, 1)
    first, middle, last = NEEDLES
    return f"{first}\n{half}\n{middle}\n{half}\n{last}"


def _stands_in(loaded: LoadedModel, ids: tuple[int, ...], needle: str) -> bool:
    # Without its first and last token, which may merge with what stands beside them.
    inner = _ids(loaded, needle)[1:-1]
    return any(tuple(inner) == ids[start : start + len(inner)] for start in range(len(ids) - len(inner) + 1))


def _ids(loaded: LoadedModel, text: str) -> list[int]:
    return list(loaded.tokenizer.encode(text, add_special_tokens=False))
