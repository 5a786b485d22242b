"""Learn how sure a model must be of a fact: below which confidence facts had better be left out.

Knows lessons and the prompt library; knows no model. In: lessons, prompts, a way to ask.  Out: what was found.

A text is read as a load reads it, its names by the model itself: most wrong facts come of wrong names, and those the
model is less sure of. One number is learnt from many facts, so a few texts teach it; instructions and demonstrations,
which a model trained on the bare prompts has never seen, take more.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.learn.lessons import Lesson, ask_for_facts, ask_for_names
from app.measure.chance import f1_of, is_surely_better
from app.measure.score import Tally
from app.prompts.confidence import Weight
from app.prompts.library import JournalPrompts, PromptCall
from app.prompts.programs import Programs

CALLS = 2  # of the model, a text: its names, its facts
Ask = Callable[[PromptCall], "tuple[str, list[Weight]] | None"]
Stated = list[tuple[frozenset[str], float]]  # the two ends of each fact, and how sure it was
Texts = Sequence[tuple[Lesson, Stated]]
FOLDS = 4


@dataclass(frozen=True, slots=True)
class Abstention:
    """What came of it.

    before, after   F1 of the ends of facts with the confidence in use, and with one that is learnt, both on all texts:
                    each quarter is judged by what the other three teach
    confidence      what all of them teach
    is_better       after is above before by more than the luck of the texts
    """

    texts: int
    before: float
    after: float
    confidence: float
    is_better: bool


def learn_confidence(lessons: Sequence[Lesson], programs: Programs, ask: Ask) -> Abstention:
    """Read each text once; the rest is arithmetic.

    ask   answers a call with its text and weights; None if it cannot be answered
    """
    read = [(lesson, _stated(lesson, programs, ask)) for lesson in lessons]
    now = programs["extract_edges"].min_confidence
    before, after = [], []
    for fold in range(FOLDS):
        least = _best([one for place, one in enumerate(read) if place % FOLDS != fold], now)
        before += [_tally(one, now) for one in read[fold::FOLDS]]
        after += [_tally(one, least) for one in read[fold::FOLDS]]
    is_better = is_surely_better(before, after)
    return Abstention(len(read), f1_of(before), f1_of(after), _best(read, now), is_better)


def _stated(lesson: Lesson, programs: Programs, ask: Ask) -> Stated:
    """The facts of one text, of any confidence, as a load would read them."""
    prompts = JournalPrompts(owner=lesson.text.owner, programs=programs, min_confidence=0.0)
    names = ask_for_names(prompts, lesson.text)
    answered = ask(names)
    found = names.finish(json.loads(answered[0]))["extracted_entities"] if answered else []
    types = list(prompts.types)
    kinds = {one["name"]: types[one["entity_type_id"]] for one in found}
    if len(kinds) < 2:
        return []
    facts = ask_for_facts(prompts, lesson.text, kinds)
    answered = ask(facts)
    if answered is None:
        return []
    text, weights = answered
    if facts.weigh is not None:
        facts.weigh(text, weights)
    facts.finish(json.loads(text))
    first = lesson.text.first_name
    return [
        (frozenset((first(fact.source), first(fact.target))), fact.confidence)
        for fact in prompts.facts
        if fact.confidence is not None
    ]


def _best(texts: Texts, now: float) -> float:
    """The confidence of the best F1; of equal ones that in use."""
    return max((now, *_tenths(texts)), key=lambda least: f1_of([_tally(one, least) for one in texts]))


def _tally(text: tuple[Lesson, Stated], least: float) -> Tally:
    (lesson, stated), tally = text, Tally()
    right = {frozenset((fact.source, fact.target)) for fact in lesson.text.facts or ()}
    said = {ends for ends, confidence in stated if confidence >= least}
    tally.add(said if lesson.facts_whole else said & (right | lesson.wrong_ends), right)
    return tally


def _tenths(texts: Texts) -> list[float]:
    """Confidences at ten even shares of the facts: a finer choice would be one of chance."""
    found = sorted(confidence for _, stated in texts for _, confidence in stated)
    return [found[len(found) * tenth // 10] for tenth in range(10)] if found else []
