"""Let a program learn: DSPy's optimisers one after another, the best chosen by one share and judged by another.

Knows DSPy's optimisers; knows no journal. In: a program, its examples, an LM and a budget of calls.  Out: an Outcome.

LabeledFewShot costs nothing, BootstrapFewShot a pass, GEPA what is left. All run in one thread: the device does one
thing at a time, and DSPy's executors would ask again for what only waits.
"""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from typing import Any

import dspy
import dspy.lm15

from app.learn.lessons import FIELDS, said_in
from app.measure.chance import f1_of, is_surely_better
from app.measure.score import Tally
from app.prompts.adapter import JSONAdapter
from app.prompts.programs import Tightened

DEMOS = (1, 2, 4)  # in a prompt; each is read again only once a run, but a small model gets lost among many
GOOD_ENOUGH = 0.8  # F1 at which an answer of the model's own may stand as a demonstration
LEAST = 8  # examples under which nothing can be told


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    before, after   F1 on the share that decides, of the program in use and of the one chosen
    chosen          how the chosen program was made; "" where nothing was better on the share to choose by
    is_better       after is above before by more than the luck of the texts: take it into use
    calls           of the model, those answered from memory too
    """

    program: str
    examples: int
    before: float
    after: float
    chosen: str
    is_better: bool
    calls: int
    predict: dspy.Predict


def local_lm(model: str, engine: Any) -> dspy.LM:
    """An LM on an engine of ours: nothing is cached by DSPy, nothing is tried again."""
    return dspy.LM(model, engine=engine, cache=False, num_retries=0)


class Meter:
    """Counts calls against a budget, of which some may be kept back."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.spent = 0
        self._kept = 0

    @property
    def left(self) -> int:
        """Calls that may still be made now."""
        return max(self.budget - self._kept - self.spent, 0)

    def count(self) -> None:
        """One call more. raises lm15.InvalidRequestError if there is none left: it would not help to try again"""
        if not self.left:
            raise dspy.lm15.InvalidRequestError("the budget of calls is spent")
        self.spent += 1

    @contextmanager
    def keeping(self, calls: int) -> Iterator[None]:
        """Inside, so many calls are not there."""
        self._kept = calls
        try:
            yield
        finally:
            self._kept = 0


def forecast(examples: int) -> int:
    """Calls that must be affordable: the program in use and a few demonstrations, chosen and judged."""
    quarter = (examples + 3) // 4
    return quarter * (1 + len(DEMOS)) + 2 * quarter


def study(
    name: str, predict: dspy.Predict, shares: tuple[list[Any], list[Any], list[Any]], lm: dspy.LM, meter: Meter,
    say: Callable[[str], None],
) -> Outcome:  # fmt: skip
    """Try, choose, judge; the budget is never passed by more than one step's last call."""
    learn, choose, decide = shares
    began = meter.spent
    with dspy.context(lm=lm, adapter=JSONAdapter(), disable_history=True):
        best, best_f1, chosen = predict, f1_of(tallies_of(name, predict, choose)), ""
        say(f"{name}: F1 {best_f1:.3f} on the {len(choose)} to choose by, as it is")
        for how, make in _candidates(name, predict, learn, choose, lm, meter, reserve=2 * len(decide)):
            try:
                with _quietly(), meter.keeping(len(choose) + 2 * len(decide)):
                    candidate = make()
            except dspy.utils.exceptions.LMError as error:
                say(f"{name}: {how} was given up: {error.message}")
                continue
            f1 = f1_of(tallies_of(name, candidate, choose))
            say(f"{name}: F1 {f1:.3f} with {how}; {meter.left} calls left")
            if f1 > best_f1:
                best, best_f1, chosen = candidate, f1, how
        before = tallies_of(name, predict, decide)
        after = tallies_of(name, best, decide) if chosen else before
    number, is_better = sum(map(len, shares)), is_surely_better(before, after)
    return Outcome(name, number, f1_of(before), f1_of(after), chosen, is_better, meter.spent - began, best)


def tallies_of(name: str, predict: dspy.Predict, examples: list[dspy.Example]) -> list[Tally]:
    """One an example; a call that fails says nothing."""
    return [_tally(name, example, _answered(predict, example)) for example in examples]


def _candidates(
    name: str, predict: dspy.Predict, learn: list[Any], choose: list[Any], lm: dspy.LM, meter: Meter, *, reserve: int
) -> Iterator[tuple[str, Callable[[], dspy.Predict]]]:
    """What the budget allows, the cheapest first; `reserve` calls are kept for the judgement."""
    plain = Tightened(predict.deepcopy())
    plain.predict.demos = []
    for demos in DEMOS:
        if meter.left >= len(choose) + reserve and demos <= len(learn):
            few = dspy.LabeledFewShot(k=demos)
            yield f"{demos} labelled", partial(_compiled, few, plain, learn)
    if meter.left >= len(learn) + len(choose) + reserve:
        boot = dspy.BootstrapFewShot(
            metric=lambda example, answer, *_: _f1(name, example, answer) >= GOOD_ENOUGH,
            max_bootstrapped_demos=2, max_labeled_demos=2, max_errors=len(learn) + 1,
        )  # fmt: skip
        yield "its own best answers", partial(_compiled, boot, plain, learn)
    left = meter.left - len(choose) - reserve
    if left >= 2 * len(learn) + 6:

        def reflect() -> dspy.Predict:
            half = max(len(learn) // 2, 1)
            gepa = dspy.GEPA(
                metric=lambda example, answer, *_: _feedback(name, example, answer),
                max_metric_calls=max(left * 2 // 3, 4),
                reflection_lm=lm.copy(temperature=1.0, max_tokens=600),
                num_threads=1,
                reflection_minibatch_size=min(3, half),
            )
            return gepa.compile(plain.deepcopy(), trainset=learn[:half], valset=learn[half:] or learn).predict

        yield "instructions of its own (GEPA)", reflect


def _compiled(optimiser: Any, plain: Tightened, learn: list[Any]) -> dspy.Predict:
    return optimiser.compile(plain.deepcopy(), trainset=learn).predict


def _answered(predict: dspy.Predict, example: dspy.Example) -> dspy.Prediction | None:
    try:
        return Tightened(predict)(**example.inputs())
    except (dspy.utils.exceptions.LMError, dspy.utils.exceptions.AdapterParseError):
        return None  # too long, or not complete: this program does not answer this call


def _tally(name: str, example: dspy.Example, answer: Any) -> Tally:
    tally = Tally()
    said, right = said_in(name, getattr(answer, FIELDS[name], None)), set(example.right)
    known = said if example.is_whole else said & (right | set(example.wrong))
    tally.add(known, right)
    return tally


def _f1(name: str, example: dspy.Example, answer: Any) -> float:
    return _tally(name, example, answer).f1


def _feedback(name: str, example: dspy.Example, answer: Any) -> dspy.Prediction:
    """For reflection: what was missed and what was wrong."""
    said, right = said_in(name, getattr(answer, FIELDS[name], None)), set(example.right)
    missed, extra = sorted(right - said), sorted(said - right)
    told = f"Missed: {', '.join(missed) or 'nothing'}. Wrong: {', '.join(extra) or 'nothing'}."
    return dspy.Prediction(score=_f1(name, example, answer), feedback=told)


@contextmanager
def _quietly() -> Iterator[None]:
    """DSPy and GEPA print prompts, which are journal text; and bars, of which we have our own."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)
