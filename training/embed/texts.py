"""The texts of the distillation, in groups whose members are near each other: what Daybook embeds, and its variants.

Knows made journals, diaries and a list of words; knows no vectors.
In: seeds, a folder of diaries, words.  Out: groups of texts; of held-out ones also labelled pairs.
"""

import gzip
import itertools
import json
import os
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.journal.sentences import split_sentences
from training.made.journal import make_journal
from training.made.labels import MadeJournal
from training.made.names import SOUNDS, first_name, surname
from training.made.template import Part, compile_template, render

SHARED = Path(os.environ.get("DAYBOOK_SHARED", Path(__file__).parents[2].parent / "shared"))
DIARIES = ("pepys_1660-1664.jsonl.gz", "pepys_editor_notes_1660-1664.jsonl.gz", "barbellion_1903-1912.jsonl")
HELD_OUT_PERCENT = 10  # of the diaries' entries
LONGEST = 400  # characters of a training text; what Daybook embeds is short

Group = list[str]
# Qwen3-Embedding expects one before a query, so programs written for it, Daybook's own too, put one there.
INSTRUCTIONS = tuple(
    f"Instruct: {task}\nQuery:{space}"
    for space in ("", " ")
    for task in (
        "Given a question about a private journal, retrieve passages that answer the question",
        "Given a web search query, retrieve relevant passages that answer the query",
    )
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts that belong together, and how."""

    kind: str
    a: str
    b: str


def journal_groups(first_seed: int, count: int) -> Iterator[Group]:
    """One group a made journal: names and their variants, facts, sentences, questions."""
    for seed in range(first_seed, first_seed + count):
        journal, rng = make_journal(seed), random.Random(seed)
        texts = [text for pair in journal_pairs(journal, rng) for text in (pair.a, pair.b)]
        texts += [s for entry in journal.entries for s in entry.sentences if rng.random() < 0.2]
        texts += [" ".join(rng.choice(journal.entries).sentences)[:LONGEST]]
        yield list(dict.fromkeys(texts))


def journal_pairs(journal: MadeJournal, rng: random.Random) -> list[Pair]:
    """What belongs together in one journal; pairs of a kind come in the order of the journal."""
    told = [(fact, entry) for entry in journal.entries for fact in entry.facts]
    pairs = []
    for fact, entry in told:
        pairs.append(Pair("fact and its sentence", fact.fact, entry.sentences[fact.sentence]))
        pairs.append(Pair("fact and its entity", fact.fact, rng.choice((fact.source, fact.target))))
        others = [
            other.fact
            for other, _ in told
            if other.fact != fact.fact and {other.source, other.target} & {fact.source, fact.target} - {journal.owner}
        ]
        if others:
            pairs.append(Pair("facts of one entity", fact.fact, rng.choice(others)))
    facts = {fact.fact_id: fact.fact for fact, _ in told}
    for question in journal.questions:
        pairs += [Pair("question and its fact", question.question, facts[i]) for i in question.fact_ids]
    for entry in journal.entries:
        for entity in entry.entities:
            variant = name_variant(entity.name, entity.type == "Person", rng)
            pairs.append(Pair("name and its variant", entity.name, variant))
    return pairs


def name_variant(name: str, is_person: bool, rng: random.Random) -> str:
    """How else one may write it: a part, an initial, a title; with or without an article."""
    words = name.split()
    if not is_person:
        parts = [f"the {name}", f"{name}, the old one", f"our {name}"]
        return rng.choice([*parts, words[0], words[-1]] if len(words) > 1 else parts)
    if len(words) < 2:
        return rng.choice((f"my friend {name}", f"Dr. {name}", f"{name} Schmidt", f"old {name}", f"{name}'s"))
    initials = (f"{words[0][0]}. {words[-1]}", f"{words[0]} {words[-1][0]}.")
    return rng.choice((words[0], words[-1], *initials, f"{words[-1]}, {words[0]}", f"Mr. {words[-1]}"))


def everyday_groups(seed: int, count: int) -> Iterator[Group]:
    """Facts of every day: all wordings of one, and of the same fact about someone or something else."""
    lists = _everyday()
    rng = random.Random(f"everyday-{seed}")
    for _ in range(count):
        wordings = [compile_template(form) for form in rng.choice(lists["facts"]).split(" ~ ")]
        bound = _binding(rng, lists)
        other = {**_binding(rng, lists), **{slot: bound[slot] for slot in rng.sample(sorted(bound), len(bound) // 2)}}
        texts = [_filled(form, rng, bound) for form in wordings]
        texts += [_filled(form, rng, other) for form in rng.sample(wordings, 2)]
        yield list(dict.fromkeys([*texts, bound["a"], bound["p"], bound["o"]]))


def diary_groups(folder: Path, *, held_out: bool = False) -> Iterator[Group]:
    """Sentences of each entry of the diaries found there, in order; every tenth entry by hash is held out."""
    for name in DIARIES:
        for line in _lines(folder / name):
            record = json.loads(line)
            key = f"{record.get('id', record.get('entry'))}"
            if (zlib.crc32(key.encode()) % 100 < HELD_OUT_PERCENT) != held_out:
                continue
            text = record.get("text") or record["note"]
            sentences = [text[start:end] for start, end in split_sentences(text)]
            if kept := [" ".join(s.split())[:LONGEST] for s in sentences if len(s) > 8]:
                yield kept


def _lines(path: Path) -> list[str]:
    """None where the file is absent: the diaries are not part of the repository."""
    if not path.is_file():
        return []
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).decode().splitlines()


def with_parts(group: Group, rng: random.Random) -> Group:
    """Diary sentences with shortened ones and small windows of words: half of what people search for are phrases."""
    out = list(group)
    for sentence in group:
        if rng.random() < 0.5:
            out.append(shortened(sentence))
        words = sentence.split()
        if rng.random() < 0.5 and len(words) > 6:
            start = rng.randrange(len(words) - 4)
            out.append(" ".join(words[start : start + rng.randint(2, 6)]))
    return out


def shortened(sentence: str) -> str:
    """The first two thirds of the words."""
    words = sentence.split()
    return " ".join(words[: max(1, len(words) * 2 // 3)])


def word_groups(words: list[str], seed: int, count: int) -> Iterator[Group]:
    """A word alone, and in some small heaps of words: so every token meets the teacher."""
    rng = random.Random(f"words-{seed}")
    for i in range(count):
        word = words[i % len(words)]
        group = [word]
        for size in (2, rng.randint(3, 6)):
            heap = [word, *(words[int(len(words) * rng.random() ** 2)] for _ in range(size - 1))]
            rng.shuffle(heap)
            group.append(" ".join(heap))
        yield group


def held_out_pairs(first_seed: int, journals: int, folder: Path, rng: random.Random) -> list[Pair]:
    """Related pairs of journals and diaries that training never read: other names, other sentence forms, other days."""
    pairs = []
    for seed in range(first_seed, first_seed + journals):
        pairs += journal_pairs(make_journal(seed, held_out=True), rng)
    for group in diary_groups(folder, held_out=True):
        pairs += [Pair("neighbouring diary sentences", a, b) for a, b in itertools.pairwise(group)]
        pairs += [Pair("diary sentence and its beginning", s, shortened(s)) for s in group]
    return pairs


def _everyday() -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    name = ""
    for line in (Path(__file__).parent / "everyday.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("= "):
            name = line[2:]
        elif not line.startswith("//"):
            lists.setdefault(name, []).extend([line] if name == "facts" else line.split("; "))
    return lists


def _binding(rng: random.Random, lists: dict[str, list[str]]) -> dict[str, str]:
    """A value for every slot a form may have."""
    bound = {name: rng.choice(items) for name, items in lists.items() if name != "facts"}
    places = rng.sample(lists["place"], 2)
    return {**bound, "a": _person(rng), "b": _person(rng), "p": places[0], "q": places[1], "o": bound["org"],
            "n": str(rng.randint(2, 99))}  # fmt: skip


def _person(rng: random.Random) -> str:
    sounds = rng.choice(SOUNDS)
    first = first_name(rng, rng.random() < 0.5, False, sounds)
    kind = rng.random()
    if kind < 0.35:
        return first
    last = surname(rng, False, sounds)
    title = rng.choice(("Mr.", "Mrs.", "Dr.", "Miss", "Uncle", "Professor", "Frau", "Herr", "Aunt"))
    return f"{title} {last}" if kind < 0.5 else f"{first} {last}"


def _filled(form: tuple[Part, ...], rng: random.Random, bound: dict[str, str]) -> str:
    text = render(form, rng, lambda slot, _: bound[slot])
    return text[0].upper() + text[1:]
