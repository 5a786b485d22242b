"""Questions about a made journal, with the facts that answer them.

Knows facts and the words file's question forms. In: the journal's facts.  Out: MadeQuestions.
"""

import random
from datetime import date

from training.made import dating
from training.made.journal import MadeFact, MadeQuestion
from training.made.words import Language
from training.made.world import World
from training.made.writer import RawFact


def ask(
    rng: random.Random, language: Language, world: World, facts: list[tuple[MadeFact, RawFact]], today: date
) -> tuple[MadeQuestion, ...]:
    """A few questions: most of them can be answered, one in four cannot."""
    questions = []
    known = {(f.relation, raw.source.identity) for f, raw in facts}
    for fact, raw in rng.sample(facts, min(len(facts), 6)):
        voice = "me" if raw.source is world.owner else "they"
        form = language.pick(rng, f"ASK {fact.relation}", voice)
        if form is None:
            continue
        if rng.random() < 0.25:
            stranger = world.person()
            if voice == "me" or (fact.relation, stranger.identity) in known or "t" in form.slots:
                continue
            question = form.text.replace("{s}", stranger.name)
            questions.append(MadeQuestion(question, (), language.word(rng, "unknown")))
            continue
        question = form.text.replace("{s}", fact.source).replace("{t}", fact.target)
        same = tuple(
            f.fact_id for f, r in facts if f.relation == fact.relation and r.source is raw.source and
            ("t" not in form.slots or r.target is raw.target)
        )[:5]
        gold = [facts[i][0] for i in same]
        questions.append(MadeQuestion(question, same, " ".join(_said(f, language) for f in gold[:2])))
    return tuple(questions)


def _said(fact: MadeFact, language: Language) -> str:
    return f"{fact.fact[:-1]} ({dating.plain(date.fromisoformat(fact.valid_at), language.name).removeprefix('on ')})."
