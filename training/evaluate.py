"""Measure daybook-nano on what it never saw: `python -m training.evaluate [--journals N] [--card]`.

Knows the app's engine and the gold; trains nothing. In: a model folder.  Out: figures; --card writes them down.

Every call runs as in a load: the app's prompts, its tightened schemas, its chunks, greedy. Made journals are of
held-out seeds, names and sentence forms; no text of the gold files is in the training. A call that is not answered (its
prompt is too long, its answer does not end) counts as an empty answer, and is counted.
"""

import argparse
import json
import os
import random
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from app.errors import GrammarGaveUp, PromptTooLong, Truncated
from app.journal.chunks import chunk_entry
from app.journal.types import Entry
from app.llm.blas import serving
from app.llm.engine import Engine
from app.llm.loader import load_generator
from app.llm.request import Request, Turn
from app.measure.gold import READER, GoldEntity, GoldText, read_gold, spread
from app.measure.score import Tally, ends_of
from app.pipeline.sizes import chunk_tokens, token_counter
from app.prompts.library import JournalPrompts, by_sentence
from training import card
from training.made.journal import make_journal
from training.made.labels import MadeEntity, MadeEntry
from training.score import (
    Answer,
    FactKey,
    score_chosen,
    score_dates,
    score_entities,
    score_facts,
    score_resolutions,
    score_verdicts,
)
from training.tasks import Example, edges_example, entities_example, examples

ROOT = Path(__file__).parent.parent
PEOPLE_AND_PLACES = frozenset({"Person", "Place"})  # of a diary's works, few are named by a call
FIRST_SEED = 880_000  # training draws from 10,000,000 on
FEW = ("resolution", "resolve", "answer")  # in a journal: they are asked of so many times as many journals
TIMES = 5
SPEED_TOKENS, SPEED_RUNS = 1_500, 3
UNANSWERED: Answer = {
    "extracted_entities": {}, "edges": {}, "entity_resolutions": [], "verdicts": {},
    "facts": [],
}  # fmt: skip


@dataclass
class Cost:
    """What the calls of one task took; seconds are of prefill and decode together."""

    calls: int = 0
    unanswered: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    answer_tokens: int = 0
    forward_passes: int = 0
    seconds: float = 0.0


@dataclass
class Asker:
    """One model that is asked, chunk by chunk as the app would, and what that cost."""

    engine: Engine
    folder: Path
    costs: dict[str, Cost] = field(default_factory=lambda: defaultdict(Cost))

    def ask(self, example: Example) -> Answer:
        """The model's own answer to an example."""
        cost = self.costs[example.task]
        cost.calls += 1
        turns = [Turn("system", example.system), Turn("user", example.user)]
        try:
            done = self.engine.complete(Request(messages=turns, output_type=example.schema, is_template=True))
        except (GrammarGaveUp, PromptTooLong, Truncated):
            cost.unanswered += 1
            return UNANSWERED
        cost.prompt_tokens += done.prompt_tokens
        cost.cached_tokens += done.cached_tokens
        cost.answer_tokens += len(done.token_ids)
        cost.forward_passes += done.forward_passes
        cost.seconds += done.seconds_prefill + done.seconds_decode
        answer: Answer = json.loads(done.text)
        return answer

    def chunks(self, text: GoldText) -> Iterator[MadeEntry]:
        """The text as the app cuts it for this model, with the gold entities each chunk names."""
        entry = Entry(self.folder, text.day, text.text, 0, len(text.text))
        limit, count = chunk_tokens(str(self.folder)), token_counter(str(self.folder))
        for chunk in chunk_entry(entry, max_tokens=limit, count_tokens=count):
            here = tuple(
                MadeEntity(name, entity.type or "Unknown", i, "")
                for i, entity in enumerate(text.entities)
                for name in [name for name in entity.names if name in chunk.text][:1]
            )
            yield MadeEntry(text.day, "", (), chunk.text, here, ())

    def entities(self, text: GoldText, chunk: MadeEntry) -> tuple[MadeEntity, ...]:
        """What the model finds named in one chunk."""
        said = self.ask(entities_example(JournalPrompts(owner=text.owner), chunk))
        found = (item for _, item in by_sentence(said["extracted_entities"]))
        return tuple(MadeEntity(item["name"], item["type"], 0, "") for item in found)

    def facts(self, text: GoldText, chunk: MadeEntry, entities: tuple[MadeEntity, ...]) -> set[FactKey]:
        """The facts it states between `entities` and the writer."""
        if not entities:  # as in a load: a chunk that names nobody is not asked for facts
            return set()
        given = MadeEntry(chunk.date, chunk.language, (), chunk.text, entities, ())
        example = edges_example(JournalPrompts(owner=text.owner), given, text.owner, ())
        return stated(text, self.ask(example)) if example else set()


def stated(text: GoldText, answer: Answer) -> set[FactKey]:
    """The facts of an answer by first names."""
    found = (fact for _, fact in by_sentence(answer["edges"]))
    return {(text.first_name(f["source"]), text.first_name(f["target"]), f["relation"]) for f in found}


def true_facts(text: GoldText) -> set[FactKey]:
    """The facts that people marked."""
    return {(fact.source, fact.target, fact.relation) for fact in text.facts or ()}


def by_surface(text: GoldText, kinds: frozenset[str]) -> GoldText:
    """The same text with every form of a name an entity of its own: what a call that sees one chunk can know."""
    named: dict[str, str] = {}
    for mention in text.mentions:
        if mention.type in kinds:
            named.setdefault(mention.name, mention.type or "")
    return replace(text, entities=tuple(GoldEntity((name,), kind) for name, kind in named.items()))


def made_figures(asker: Asker, journals: int) -> Iterator[card.Figure]:
    """Every task of made journals whose seeds, names and forms training never drew."""
    pairs: dict[str, list[tuple[Any, Any]]] = defaultdict(list)
    lost: dict[str, int] = defaultdict(int)
    for seed in range(FIRST_SEED, FIRST_SEED + journals * TIMES):
        asked = ("entities", "edges", *FEW) if seed < FIRST_SEED + journals else FEW
        for example in examples(make_journal(seed, held_out=True), random.Random(seed)):
            if example.task in asked:  # not summaries, free text, nor timestamps, which facts have already
                pairs[example.task].append((asker.ask(example), json.loads(example.answer)))
                lost[example.task] += example.lost
    found, edges, resolve = pairs["entities"], pairs["edges"], pairs["resolve"]
    where, wide = (f"held-out made journals, {count}" for count in (journals, journals * TIMES))
    names, typed, facts = score_entities(found), score_entities(found, typed=True), score_facts(edges)
    for tally, task in ((names, "entities"), (typed, "entities"), (facts, "edges")):
        tally.gold += lost[task]  # what the app lets no model say is missed
    yield f1(where, "entities: name", names, len(found), 0.90)
    yield f1(where, "entities: name and type", typed, len(found))
    yield f1(where, "facts: source, target and relation", facts, len(edges), 0.80)
    yield accuracy(where, "date of the facts found", score_dates(edges), 0.90)
    yield accuracy(wide, "which known entity a new one is", score_resolutions(pairs["resolution"]), 0.90)
    yield f1(wide, "duplicates of a new fact", score_verdicts(resolve, "same"), len(resolve))
    yield f1(wide, "facts a new one contradicts", score_verdicts(resolve, "ended"), len(resolve), 0.80)
    yield f1(wide, "facts that answer a question", score_chosen(pairs["answer"]), len(pairs["answer"]))


def handwritten_figures(asker: Asker) -> Iterator[card.Figure]:
    """Names; facts between gold entities; facts between the model's own entities."""
    texts, where = read_gold(ROOT / "tests" / "gold" / "handwritten.jsonl"), "hand-written entries, tests/gold"
    names, given, own = Tally(), (Tally(), Tally()), (Tally(), Tally())
    for text in texts:
        said, facts_given, facts_own = set[str](), set[FactKey](), set[FactKey]()
        for chunk in asker.chunks(text):
            found = asker.entities(text, chunk)
            said |= {entity.name for entity in found}
            facts_given |= asker.facts(text, chunk, chunk.entities)
            facts_own |= asker.facts(text, chunk, found)
        names.add(set(map(text.first_name, said)), {e.names[0] for e in text.entities})
        truth = true_facts(text)
        for tallies, facts in ((given, facts_given), (own, facts_own)):
            tallies[0].add(set(ends_of(facts)), set(ends_of(truth)))
            tallies[1].add(facts, truth)
    yield f1(where, "entities: name", names, len(texts), 0.70)
    for tallies, whose in ((given, "gold entities given"), (own, "end to end, its own entities")):
        yield f1(where, f"facts, {whose}: the two ends", tallies[0], len(texts))
        yield f1(where, f"facts, {whose}: source, target and relation", tallies[1], len(texts))


def name_figure(asker: Asker, where: str, what: str, texts: list[GoldText]) -> card.Figure:
    """The set of names a text has."""
    tally = Tally()
    for text in texts:
        said = {entity.name for chunk in asker.chunks(text) for entity in asker.entities(text, chunk)}
        tally.add(set(map(text.first_name, said)), {entity.names[0] for entity in text.entities})
    return f1(where, what, tally, len(texts))


def shared_figures(asker: Asker, folder: Path, sample: int) -> Iterator[card.Figure]:
    """Public gold, a sample of each; nothing where the data is not at hand."""
    diary, novels, wiki = (folder / "schnitzler_de", folder / "litbank_en", folder / "redocred_en")
    if diary.is_dir():
        days = (by_surface(text, PEOPLE_AND_PLACES) for text in read_gold(diary / "dev.jsonl"))
        texts = spread(list(days), sample)
        yield name_figure(asker, "Schnitzler's diary, German", "persons and places a day names", texts)
    if novels.is_dir():
        pieces = (by_surface(text, text.types or frozenset()) for text in read_gold(novels / "dev.jsonl.gz"))
        texts = spread(list(pieces), sample)
        yield name_figure(asker, "LitBank, novels", "proper names in pieces of 1,000 characters", texts)
    if wiki.is_dir():
        texts = spread(read_gold(wiki / "dev.jsonl.gz"), sample)
        yield name_figure(asker, "Re-DocRED, Wikipedia", "entities: any of their names", texts)
        tally = Tally()
        for text in texts:
            said = set[FactKey]()
            for chunk in asker.chunks(text):
                said |= asker.facts(text, chunk, chunk.entities)
            of_others = {fact for fact in said if READER not in fact}  # an encyclopedia has no writer
            tally.add(set(ends_of(of_others)), set(ends_of(true_facts(text))))
        yield f1("Re-DocRED, Wikipedia", "relations, gold entities given: the two ends", tally, len(texts))


def speed_figures(engine: Engine) -> Iterator[card.Figure]:
    """Median tokens/s: a cold prompt of about 1,500 tokens, and the list of entities it is answered with."""
    entries = [e for seed in range(FIRST_SEED, FIRST_SEED + 9) for e in make_journal(seed, held_out=True).entries]
    for most in range(1, len(entries)):
        text = "\n".join(entry.text for entry in entries[:most])
        entry = MadeEntry(entries[0].date, "en", (), text, (), ())
        example = entities_example(JournalPrompts(owner=READER), entry)
        turns = [Turn("system", example.system), Turn("user", example.user)]
        if len(engine.prepare(Request(messages=turns)).prompt.ids) >= SPEED_TOKENS:
            break
    prefill, decode = [], []
    for _ in range(SPEED_RUNS):
        engine.forget_prefixes()
        try:
            done = engine.complete(Request(messages=turns, output_type=example.schema, is_template=True))
        except Truncated as cut:  # as fast as a whole one
            done = cut.partial
        prefill.append(done.prompt_tokens / done.seconds_prefill)
        decode.append(len(done.token_ids) / done.seconds_decode)
    yield per_second("prefill, nothing cached", prefill, f"{done.prompt_tokens:,} prompt tokens")
    yield per_second("decode under the grammar", decode, f"{len(done.token_ids):,} answer tokens")


def f1(where: str, what: str, tally: Tally, texts: int, bar: float | None = None) -> card.Figure:
    """F1 with its precision and recall, over that many calls or texts and that many gold items."""
    figure = f"F1 {tally.f1:.3f} (precision {tally.precision:.2f}, recall {tally.recall:.2f})"
    return card.Figure(where, what, round(tally.f1, 4), figure, f"{texts} texts, {tally.gold} gold", bar)


def accuracy(where: str, what: str, tally: Tally, bar: float) -> card.Figure:
    """How many of them are right."""
    value = round(tally.precision, 4)
    return card.Figure(where, what, value, f"accuracy {value:.3f}", f"{tally.gold} gold", bar)


def per_second(what: str, runs: list[float], of: str) -> card.Figure:
    """The median of a few runs."""
    value = round(statistics.median(runs))
    return card.Figure(f"speed, median of {len(runs)}", what, value, f"{value:,} tokens/s", of)


def cost_rows(costs: dict[str, Cost]) -> list[dict[str, Any]]:
    """One row a task."""
    return [{"task": task, **asdict(cost), "seconds": round(cost.seconds, 1)} for task, cost in costs.items()]


def main() -> None:
    """Print the figures as they come, or all of them as JSON."""
    options = _options()
    engine = Engine(load_generator(options.model))
    asker = Asker(engine, options.model)
    groups: Iterable[Iterator[card.Figure]] = (
        made_figures(asker, options.journals),
        handwritten_figures(asker),
        shared_figures(asker, options.shared / "data" / "gold", options.sample),
        speed_figures(engine),
    )
    figures = []
    for figure in (figure for group in groups for figure in group):
        figures.append(figure)
        print(figure.row(), file=sys.stderr if options.json else sys.stdout, flush=True)
    loaded, costs = engine.loaded, cost_rows(asker.costs)
    report = card.report(options.model, loaded.fingerprint, f"{loaded.dtype} with {serving()}", figures, costs)
    print(json.dumps(report, indent=2) if options.json else card.cost_table(report))
    if options.card:
        card.write(report, options.model)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "daybook-nano")
    parser.add_argument("--journals", type=int, default=12, help="made journals, about 8 entries each")
    parser.add_argument("--sample", type=int, default=30, help="texts of each public set")
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("DAYBOOK_SHARED", ROOT.parent / "shared")))
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--card", action="store_true", help="write the card, docs/figures.json, docs/measurements.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
