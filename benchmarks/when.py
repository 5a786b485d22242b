"""Whether asking about a time finds what was true or happened then: `python -m benchmarks.when [--journals N]`.

Knows made journals and our retrieval; asks no language model. In: how many journals.  Out: a table.

Journals, names and questions are those that training never drew, and the graphs are the gold. A question that names a
day is asked as it is. One that names none is asked of the day on which each of its facts began, of that month and,
where a state lasted, of half a year later: in the question and with `--as-of`. Gold are the facts of the labels, of
what happens those that happened then, of states those that held then.
"""

import argparse
import asyncio
import dataclasses
import statistics
import tempfile
from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from app.journal.dates import find_dates
from app.ledger.store import Ledger
from app.picture import Picture
from app.pipeline.ask import Librarian
from app.pipeline.embedding import open_embedder
from app.settings import BUNDLED_EMBEDDER
from tests.view.pictures import Life, instant
from training.made import dating
from training.made.journal import make_journal
from training.made.labels import MadeFact, MadeJournal
from training.made.relations import STATES

FIRST_SEED = 950_000
LATER = timedelta(days=183)
Case = tuple[str, date | None, set[str]]  # question, as-of, uuids of the facts that answer


@dataclasses.dataclass(frozen=True)
class _Models:
    embedder: Any


def told(journal: MadeJournal) -> tuple[Picture, list[tuple[MadeFact, str]]]:
    """The graph of a journal's labels, and each fact, ended where a later one ends it, with its uuid."""
    life, facts = Life(), []
    every = [fact for entry in journal.entries for fact in entry.facts]
    ends = {ended: fact.valid_at for fact in reversed(every) for ended in fact.ends}
    for entry in journal.entries:
        episode = life.entry(str(entry.date), entry.text)
        for entity in entry.entities:
            life.entity(entity.name, entity.type)
        for fact in entry.facts:
            life.entity(fact.source), life.entity(fact.target)
            ended = fact.invalid_at or ends.get(fact.fact_id)
            words = entry.sentences[fact.sentence]
            uuid = life.fact(episode, fact.source, fact.relation, fact.target, fact.fact, words, ended)
            facts.append((dataclasses.replace(fact, invalid_at=ended), uuid))
    picture, began = life.picture(), {uuid: instant(fact.valid_at) for fact, uuid in facts}
    dated = tuple(dataclasses.replace(fact, valid_at=began[fact.uuid]) for fact in picture.facts)
    return dataclasses.replace(picture, facts=dated), facts


def cases(journal: MadeJournal, facts: Sequence[tuple[MadeFact, str]]) -> Iterator[tuple[str, Case]]:
    """(kind, case) of everything that is asked of a journal."""
    by_number = {fact.fact_id: (fact, uuid) for fact, uuid in facts}
    today, language = journal.entries[-1].date, journal.language
    into = {"en": "in", "de": "im", "fr": "en"}[language]
    for asked in journal.questions:
        gold, question = [by_number[number] for number in asked.fact_ids], asked.question
        if gold and find_dates(question, today):
            yield "a day in the question", (question, None, {uuid for _, uuid in gold})
            continue
        states = [pair for pair in gold if pair[0].relation in STATES]
        for day in sorted({date.fromisoformat(fact.valid_at) for fact, _ in gold}):
            month = f"{into} {dating.MONTHS[language][day.month - 1]} {day.year}"
            days = [day.replace(day=number) for number in range(1, monthrange(day.year, day.month)[1] + 1)]
            yield "a month in the question", (_with(question, month), None, _then(gold, days))
            for name, these, then in (("", gold, day), (", half a year into a state", states, day + LATER)):
                if then <= today:
                    at = _then(these, [then])
                    yield f"a day in the question{name}", (_with(question, dating.plain(then, language)), None, at)
                    yield f"--as-of{name}", (question, then, at)


def _with(question: str, when: str) -> str:
    return f"{question.rstrip(' ?')} {when}?"


def _then(facts: Sequence[tuple[MadeFact, str]], days: Sequence[date]) -> set[str]:
    """Which happened, or held, on one of some days."""

    def held(fact: MadeFact, day: str) -> bool:
        if fact.relation not in STATES:
            return fact.valid_at == day
        return fact.valid_at <= day and (fact.invalid_at is None or fact.invalid_at > day)

    return {uuid for fact, uuid in facts if any(held(fact, day.isoformat()) for day in days)}


async def measure(journals: int, entries: int) -> dict[str, list[tuple[float, float]]]:
    """By kind of question: one over the place of the first gold fact, and the share of the gold that is found."""
    figures: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder, Ledger.open(Path(folder)) as ledger:
        models = _Models(open_embedder(str(BUNDLED_EMBEDDER), ledger))
        for seed in range(FIRST_SEED, FIRST_SEED + journals):
            journal = make_journal(seed, held_out=True, entries=entries)
            picture, facts = told(journal)
            librarian = await Librarian.of(picture, models, ledger.calls)
            for kind, (question, as_of, gold) in cases(journal, facts):
                if gold:
                    found = await librarian.find(question, as_of=as_of)
                    uuids = [hit.fact.uuid for hit in found if hit.fact]
                    first = next((1 / place for place, uuid in enumerate(uuids, 1) if uuid in gold), 0.0)
                    share = len(gold & set(uuids)) / min(len(gold), max(len(uuids), 1))
                    figures.setdefault(kind, []).append((first, share))
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--journals", type=int, default=20)
    parser.add_argument("--entries", type=int, default=60, help="of each journal")
    options = parser.parse_args()
    figures = asyncio.run(measure(options.journals, options.entries))
    print("| asked | questions | first gold fact: mean of 1 / place | gold facts among those found | none found |")
    print("|---|---|---|---|---|")
    for kind, values in sorted(figures.items()):
        firsts, shares = zip(*values, strict=True)
        none = sum(first == 0 for first in firsts)
        print(f"| {kind} | {len(values)} | {statistics.mean(firsts):.3f} | {statistics.mean(shares):.3f} | {none} |")


if __name__ == "__main__":
    main()
