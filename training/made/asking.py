"""Questions about a made journal, with the facts that answer them.

Knows facts and the words file's question forms. In: the journal's facts.  Out: MadeQuestions.
"""

import random
import re
from datetime import date, timedelta

from training.made import dating
from training.made.clauses import RawFact
from training.made.labels import MadeFact, MadeQuestion
from training.made.mentions import is_role
from training.made.template import render
from training.made.words import Form, Language
from training.made.world import World

Told = tuple[MadeFact, RawFact]
MOST_FACTS = 5
_FIRST_PERSON = re.compile(r"\b(?:I|[Mm]e|[Mm]y|ich|mich|mir|mein\w*|je|j|m|moi|mon|ma|mes)\b")
MOST_SAID = 2  # an answer is one or two sentences


def ask(
    rng: random.Random, language: Language, world: World, facts: list[Told], today: date
) -> tuple[MadeQuestion, ...]:
    """A few questions: most of them can be answered, one in four cannot."""
    questions: dict[str, MadeQuestion] = {}
    for fact, raw in rng.sample(facts, min(len(facts), 8)):
        mine = raw.source is world.owner
        voices = ("me", "who", "me") if mine else ("they", "they", "they", "who")
        form = language.pick(rng, f"ASK {fact.relation}", rng.choice(voices))
        if form is None:
            continue
        if rng.random() < 0.25:
            question = _unanswerable(rng, language, world, facts, fact, form)
        else:
            question = _answered(rng, language, facts, fact, raw, form, today)
        if question is not None:
            questions.setdefault(question.question, question)
    return tuple(questions.values())


def _answered(
    rng: random.Random, language: Language, facts: list[Told], fact: MadeFact, raw: RawFact, form: Form, today: date
) -> MadeQuestion | None:
    about_source = "s" in form.slots or _is_mine(form, raw)
    about_target = "t" in form.slots
    gold = [
        (f, r) for f, r in facts
        if f.relation == fact.relation
        and (not about_source or r.source is raw.source)
        and (not about_target or r.target is raw.target)
    ]  # fmt: skip
    if _FIRST_PERSON.search(form.text):  # "When did Eva visit me?" is not answered by whom else she visited
        gold = [(f, r) for f, r in gold if -1 in (r.source.identity, r.target.identity)]
    when = None
    if "date" in form.slots:
        day = date.fromisoformat(fact.valid_at) + timedelta(days=rng.choice((0, 0, 1, 20)) if raw.is_state else 0)
        when = min(day, today)
        gold = [pair for pair in gold if _holds(pair, when, facts)]
    elif raw.is_state:  # now: what has not ended; where all has ended, what there was
        gold = [pair for pair in gold if _holds(pair, today, facts)] or gold[-1:]
    gold = gold[-MOST_FACTS:]
    if not gold:
        return None
    answer = " ".join(dict.fromkeys(_said(f, language) for f, _ in gold[-MOST_SAID:]))
    return MadeQuestion(
        _worded(rng, form, fact.source, fact.target, when, language), tuple(f.fact_id for f, _ in gold), answer
    )


def _unanswerable(
    rng: random.Random, language: Language, world: World, facts: list[Told], fact: MadeFact, form: Form
) -> MadeQuestion | None:
    """The same question about someone of whom the journal does not say it."""
    stranger = world.person()
    told = {being for f, r in facts if f.relation == fact.relation for being in (r.source, r.target)}
    if stranger in told or "date" in form.slots or not form.slots & {"s", "t"}:
        return None
    source, target = (stranger.name, fact.target) if "s" in form.slots else (fact.source, stranger.name)
    if "s" not in form.slots and facts[fact.fact_id][1].target.kind != "person":
        target = world.make(facts[fact.fact_id][1].target.kind).name
    return MadeQuestion(_worded(rng, form, source, target, None, language), (), language.word(rng, "unknown"))


def _is_mine(form: Form, raw: RawFact) -> bool:
    return "s" not in form.slots and raw.source.identity == -1


def _holds(pair: Told, day: date, facts: list[Told]) -> bool:
    """Whether a fact held on a day: events on their day, states from theirs until something ended them."""
    fact, raw = pair
    if not raw.is_state:
        return fact.valid_at == day.isoformat()
    ends = [other.valid_at for other, _ in facts if fact.fact_id in other.ends]
    ends += [fact.invalid_at] if fact.invalid_at else []
    return fact.valid_at <= day.isoformat() and all(end > day.isoformat() for end in ends)


def _worded(rng: random.Random, form: Form, source: str, target: str, when: date | None, language: Language) -> str:
    source, target = (s[0].lower() + s[1:] if is_role(s) and language.name != "de" else s for s in (source, target))

    def fill(name: str, modifier: str) -> str:
        return {"s": source, "t": target}.get(name) or (dating.plain(when, language.name) if when else modifier)

    return " ".join(render(form.parts, rng, fill).split()).replace(" ?", "?")


def _said(fact: MadeFact, language: Language) -> str:
    """The fact with its day; of a state also the day it ended."""
    start = dating.plain(date.fromisoformat(fact.valid_at), language.name, bare=True)
    if fact.invalid_at is None:
        return f"{fact.fact[:-1]} ({start})."
    return (
        f"{fact.fact[:-1]} ({start} – {dating.plain(date.fromisoformat(fact.invalid_at), language.name, bare=True)})."
    )
