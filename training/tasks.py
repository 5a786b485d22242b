"""Made journals as training examples: every prompt rendered by the app's own library, every answer gold.

Knows the generator's labels and `app.prompts`; knows no weights. In: a MadeJournal.  Out: Examples.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.prompts import schemas
from app.prompts.adapter import dump_answer
from app.prompts.inputs import dated
from app.prompts.library import JournalPrompts, PromptCall, render, take_call, told_apart
from app.prompts.signatures import ENTITY_TYPES, AnswerQuestion
from training.knowable import are_plainly_one, are_plainly_two
from training.made.labels import MadeEntity, MadeEntry, MadeFact, MadeJournal, MadeQuestion
from training.sayable import choices, dates_allowed, is_foregone, sayable

# How often each task is drawn per entry; extraction is the hardest and the most frequent in use.
MAX_PREVIOUS_CHARS = 500


@dataclass(frozen=True, slots=True)
class Example:
    """One call with its gold answer; `schema` constrains the same call at run time.

    lost    what is gold and is not in the answer, since the app offers no model the words for it
    """

    task: str
    system: str
    user: str
    answer: str
    schema: dict[str, Any]
    lost: int = 0


def examples(journal: MadeJournal, rng: random.Random) -> Iterator[Example]:
    """Every task of one made journal, in the order in which ingestion meets them."""
    prompts = JournalPrompts(owner=journal.owner)
    told: dict[int, MadeFact] = {}
    known: dict[int, tuple[str, str, str]] = {}  # identity -> name, type, what was said of it first
    for i, entry in enumerate(journal.entries):
        yield entities_example(prompts, entry)
        if entry.entities:
            previous = journal.entries[max(0, i - rng.choice((0, 0, 1, 2))) : i]
            edges = edges_example(prompts, entry, journal.owner, previous)
            if edges:
                yield edges
            for _ in range(2):  # against different others
                resolution = resolution_example(prompts, entry, known, rng)
                if resolution:
                    yield resolution
            if rng.random() < 0.25:
                yield summaries_example(prompts, entry, rng)
        for fact in entry.facts:
            if told:
                yield from resolve_examples(prompts, fact, told, rng)
            if rng.random() < 0.08:
                yield from timestamps_examples(prompts, fact, entry)
            told[fact.fact_id] = fact
        for entity in entry.entities:
            first = next((s for s in entry.sentences if entity.name in s), "")
            known.setdefault(entity.identity, (entity.name, entity.type, first))
    for question in journal.questions:
        yield question_example(question, told, journal.owner, rng)


def entities_example(prompts: JournalPrompts, entry: MadeEntry) -> Example:
    """Each gold name under the first sentence that offers it; a name that none offers cannot be asked for."""
    prompts.extract_text(
        {
            "episode_content": entry.text,
            "episode_timestamp": f"{entry.date.isoformat()}T00:00:00+00:00",
            "entity_types": [
                {"entity_type_name": "Entity" if name == "Thing" else name, "entity_type_id": i}
                for i, name in enumerate(ENTITY_TYPES)
            ],
        }
    )
    call = take_call()
    assert call is not None
    lists = call.schema["properties"]["extracted_entities"]["properties"]
    found: dict[str, list[dict[str, Any]]] = {line: [] for line in lists}
    for entity in entry.entities:
        line = next((line for line, offered in lists.items() if entity.name in choices(offered)), None)
        if line is not None:
            found[line].append({"name": entity.name, "type": entity.type})
    lost = len(entry.entities) - sum(map(len, found.values()))
    return _example("entities", call, {"extracted_entities": found}, lost)


def edges_example(
    prompts: JournalPrompts, entry: MadeEntry, owner: str, previous: tuple[MadeEntry, ...]
) -> Example | None:
    """None where the app would not ask, or where it does not find a fact's date in the text: that would be noise."""
    prompts.edge(
        {
            "episode_content": entry.text,
            "reference_time": f"{entry.date.isoformat()}T00:00:00+00:00",
            "nodes": [
                *({"name": entity.name, "entity_types": [entity.type]} for entity in entry.entities),
                {"name": owner, "entity_types": ["Person"]},
            ],
            "previous_episodes": [
                {"content": e.text[:MAX_PREVIOUS_CHARS], "timestamp": f"{e.date.isoformat()}T00:00:00+00:00"}
                for e in previous
            ],
        }
    )
    call = take_call()
    assert call is not None
    lines = {int(line.partition(".")[0]): line for line in call.schema["properties"]["edges"]["properties"]}
    found: dict[str, list[dict[str, Any]]] = {line: [] for line in lines.values()}
    allowed = {line: sayable(call.schema, line) for line in found}
    for fact in sorted(entry.facts, key=lambda fact: _reading_order(fact, entry.sentences[fact.sentence])):
        line = lines.get(fact.sentence + 1)
        if line is None or (fact.source, fact.target, fact.relation) not in allowed[line]:
            continue  # the app lets no model say it
        found[line].append(
            {
                "source": fact.source,
                "target": fact.target,
                "relation": fact.relation,
                "fact": fact.fact,
                "valid_at": fact.valid_at,
                "invalid_at": fact.invalid_at,
            }
        )
    stated = [item for items in found.values() for item in items]
    if is_foregone(call) or not dates_allowed(call, stated):
        return None
    return _example("edges", call, {"edges": found}, lost=len(entry.facts) - len(stated))


def _reading_order(fact: MadeFact, sentence: str) -> tuple[int, int]:
    """Facts in the order in which a reader has both their ends: any other would have to be guessed."""
    first, last = sorted(_place_of(name, sentence) for name in (fact.source, fact.target))
    return last, first


def _place_of(name: str, sentence: str) -> int:
    """Where a sentence names somebody, by the whole name or a word of it; -1 for who is not named, as the writer."""
    if name in sentence:
        return sentence.index(name)
    return min((sentence.index(word) for word in name.split() if word in sentence), default=-1)


def resolution_example(
    prompts: JournalPrompts, entry: MadeEntry, known: dict[int, tuple[str, str, str]], rng: random.Random
) -> Example | None:
    """Entities of an entry against earlier ones: the true match where there is one, and others that resemble it."""
    if not known:
        return None
    news = rng.sample(entry.entities, min(len(entry.entities), rng.randint(1, 3)))
    words = {word for entity in news for word in entity.name.split()}
    likely = [i for i, (name, _, _) in known.items() if i in {n.identity for n in news} or words & set(name.split())]
    others = [i for i in known if i not in likely]
    chosen = likely[:8] + rng.sample(others, min(len(others), rng.randint(0, 4)))
    chosen = [i for i in chosen if all(_is_knowable(n, entry, i, known[i]) for n in news)]
    if not chosen:
        return None
    rng.shuffle(chosen)
    listed = [known[i][0] for i in chosen]
    news = [n for n in news if listed.count(n.name) != 1]  # Graphiti knows those by itself
    if not news:
        return None
    prompts.nodes(
        {
            "episode_content": entry.text,
            "extracted_nodes": [{"name": n.name, "entity_type": [n.type]} for n in news],
            "existing_nodes": [
                {"candidate_id": k, "name": known[i][0], "entity_types": [known[i][1]], "summary": known[i][2]}
                for k, i in enumerate(chosen)
            ],
        }
    )
    labels = dict(zip(chosen, told_apart(known[i][0] for i in chosen), strict=True))
    found = [{"name": n.name, "same_as": labels.get(n.identity)} for n in news]
    call = take_call()
    return None if is_foregone(call) else _example("resolution", call, {"entity_resolutions": found})


def _is_knowable(new: MadeEntity, entry: MadeEntry, identity: int, known: tuple[str, str, str]) -> bool:
    name, _, said = known
    if new.identity != identity:
        return are_plainly_two(new.name, name)
    return are_plainly_one(new.name, next((s for s in entry.sentences if new.name in s), ""), name, said)


def resolve_examples(
    prompts: JournalPrompts, fact: MadeFact, told: dict[int, MadeFact], rng: random.Random
) -> Iterator[Example]:
    """A fact against earlier ones; the telling ones always, the plain ones now and then."""
    telling = fact.repeats is not None or bool(fact.ends)
    if not telling and rng.random() > 0.25:
        return
    pair = {fact.source, fact.target}
    same = [old for old in told.values() if {old.source, old.target} == pair]
    same += [told[fact.repeats]] if fact.repeats is not None and told[fact.repeats] not in same else []
    same = (
        same[-4:]
        if fact.repeats is None
        else [*[s for s in same if s.fact_id != fact.repeats][-3:], told[fact.repeats]]
    )
    ended = [told[i] for i in fact.ends if told[i] not in same]
    rest = [old for old in told.values() if old not in same and old not in ended]
    near = [old for old in rest if pair & {old.source, old.target}]
    pool = near if near and rng.random() < 0.7 else rest
    others = ended + rng.sample(pool, min(len(pool), rng.randint(0, 6)))
    rng.shuffle(same)
    rng.shuffle(others)
    if not same and not others:
        return
    both = [old.fact_id for old in same + others]
    prompts.resolve_edge(
        {
            "existing_edges": [{"idx": i, "fact": old.fact} for i, old in enumerate(same)],
            "edge_invalidation_candidates": [{"idx": len(same) + i, "fact": o.fact} for i, o in enumerate(others)],
            "new_edge": fact.fact,
        }
    )
    call = take_call()
    assert call is not None
    if is_foregone(call):
        return
    words = ["same" if i == fact.repeats else "ended" if i in fact.ends else "other" for i in both]
    lines = call.schema["properties"]["verdicts"]["properties"]
    yield _example("resolve", call, {"verdicts": dict(zip(lines, words, strict=True))})


def summaries_example(prompts: JournalPrompts, entry: MadeEntry, rng: random.Random) -> Example:
    some = rng.sample(entry.entities, min(len(entry.entities), rng.randint(1, 3)))
    prompts.extract_summaries_batch(
        {
            "episode_content": entry.text,
            "entities": [{"name": entity.name, "summary": "", "entity_types": [entity.type]} for entity in some],
        }
    )
    names = list(dict.fromkeys(entity.name for entity in some))
    found = [{"name": n, "summary": next(s for s in entry.sentences if n in s)[:300]} for n in names]
    return _example("summaries", take_call(), {"summaries": found})


def timestamps_examples(prompts: JournalPrompts, fact: MadeFact, entry: MadeEntry) -> Iterator[Example]:
    """The fact followed by the sentence it was read from, so that its date is in the text."""
    text = f"{fact.fact} {entry.sentences[fact.sentence]}"
    prompts.extract_timestamps({"fact": text, "reference_time": f"{entry.date.isoformat()}T00:00:00+00:00"})
    call = take_call()
    assert call is not None
    found = {"valid_at": fact.valid_at, "invalid_at": fact.invalid_at}
    if dates_allowed(call, [found]):
        yield _example("timestamps", call, found)


def question_example(question: MadeQuestion, told: dict[int, MadeFact], writer: str, rng: random.Random) -> Example:
    gold = [told[i] for i in question.fact_ids]
    rest = [fact for fact in told.values() if fact not in gold]
    shown = gold + rng.sample(rest, min(len(rest), rng.randint(2, 8)))
    rng.shuffle(shown)
    lines: dict[str, bool] = {}
    for fact in shown:
        line = dated(fact.fact, fact.valid_at, fact.invalid_at)
        lines[line] = lines.get(line, False) or fact in gold
    asked = {"facts_of_journal": "\n".join(lines), "writer": writer, "question": question.question}
    call = PromptCall(render(AnswerQuestion, asked), schemas.answer(list(lines)), dict)
    quoted = {line: "yes" for line, is_gold in lines.items() if is_gold}
    return _example("answer", call, {"facts": quoted, "answer": question.answer})


def _example(task: str, call: PromptCall | None, answer: dict[str, Any], lost: int = 0) -> Example:
    assert call is not None
    system, user = (message["content"] for message in call.messages)
    return Example(task, system, user, dump_answer(answer), call.schema, lost)
