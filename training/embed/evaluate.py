"""Measure the embedder against its teacher on texts it never saw: `python -m training.embed.evaluate`.

Knows held-out pairs, teacher and student. In: a model folder.  Out: tables for its card, printed.

Half of the pairs are related, an equal share of each kind (see `texts.journal_pairs`): a fact and its sentence, a name
and its variant ... The other half are two texts drawn at random from all the texts of the related ones. The figure is
Spearman's rank correlation of the student's cosines with the teacher's full ones over all pairs together.
"""

import argparse
import random
from collections import defaultdict
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from training.embed import texts
from training.embed.export import FOLDER, load_student
from training.embed.student import DIMS, embed
from training.embed.teacher import Teacher
from training.made.journal import make_journal
from training.model import Nano

FIRST_SEED, JOURNALS = 9_000_000, 200
PAIRS_PER_KIND = 600
RANKED_JOURNALS = 40  # their facts are the haystack of the ranking


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=FOLDER)
    folder = parser.parse_args().folder
    torch.set_num_threads(1)
    model, tokenizer = load_student(folder)
    teacher = Teacher()
    print(_table("pairs of texts", correlation(model, tokenizer, teacher)))
    print(_table("queries", ranked_first(model, tokenizer, teacher)))
    print(neighbours(model, tokenizer, teacher))


def _table(corner: str, figures: dict[str, dict[str, float]]) -> str:
    columns = list(next(iter(figures.values())))
    lines = [f"| {corner} | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, row in figures.items():
        cells = (f"{value:,}" if isinstance(value, int) else f"{value:.3f}" for value in row.values())
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def correlation(model: Nano, tokenizer: PreTrainedTokenizerFast, teacher: Teacher) -> dict[str, dict[str, float]]:
    """Spearman by part (all, random, related, each kind) and by number of components."""
    rng = random.Random(1)
    pairs = sample_pairs(rng)
    everything = sorted({text for pair in pairs for text in (pair.a, pair.b)})
    place = {text: i for i, text in enumerate(everything)}
    pairs += [texts.Pair("random", *rng.sample(everything, 2)) for _ in pairs]
    own, wanted = embed(model, tokenizer, everything), teacher.vectors(everything).float()
    rows: dict[str, list[int]] = defaultdict(list)
    for i, pair in enumerate(pairs):
        for part in ("all", pair.kind) if pair.kind == "random" else ("all", "related", pair.kind):
            rows[part].append(i)
    a, b = (torch.tensor([place[text] for text in column]) for column in zip(*((p.a, p.b) for p in pairs), strict=True))
    truth = (wanted[a] * wanted[b]).sum(-1)
    figures: dict[str, dict[str, float]] = {part: {"pairs": len(chosen)} for part, chosen in rows.items()}
    for dim in reversed(DIMS):
        cut = F.normalize(own[:, :dim], dim=-1)
        cosines = (cut[a] * cut[b]).sum(-1)
        for part, chosen in rows.items():
            figures[part][str(dim)] = spearman(cosines[chosen], truth[chosen])
    return figures


def sample_pairs(rng: random.Random) -> list[texts.Pair]:
    """As many of each kind; kinds whose source is absent (the diaries) are left out."""
    kinds: dict[str, set[texts.Pair]] = defaultdict(set)
    for pair in texts.held_out_pairs(FIRST_SEED, JOURNALS, texts.SHARED / "data" / "diaries", rng):
        if pair.a != pair.b:
            kinds[pair.kind].add(pair)
    chosen = []
    for _, found in sorted(kinds.items()):
        ordered = sorted(found, key=lambda pair: (pair.a, pair.b))
        chosen += rng.sample(ordered, min(PAIRS_PER_KIND, len(ordered)))
    return chosen


def ranked_first(model: Nano, tokenizer: PreTrainedTokenizerFast, teacher: Teacher) -> dict[str, dict[str, float]]:
    """Share of held-out sentences, and of questions, whose own fact is nearest among all facts of RANKED_JOURNALS."""
    journals = [make_journal(FIRST_SEED + i, held_out=True) for i in range(RANKED_JOURNALS)]
    facts = sorted({fact.fact for journal in journals for entry in journal.entries for fact in entry.facts})
    asked: dict[str, list[tuple[str, set[str]]]] = {"sentences": [], "questions": []}
    for journal in journals:
        by_id = {fact.fact_id: fact.fact for entry in journal.entries for fact in entry.facts}
        for entry in journal.entries:
            told: dict[str, set[str]] = defaultdict(set)
            for fact in entry.facts:
                told[entry.sentences[fact.sentence]].add(fact.fact)
            asked["sentences"] += told.items()
        asked["questions"] += [(q.question, {by_id[i] for i in q.fact_ids}) for q in journal.questions if q.fact_ids]
    figures: dict[str, dict[str, float]] = {}
    for kind, queries in asked.items():
        figures[kind] = {"queries": len(queries), "facts": len(facts)}
        words = [text for text, _ in queries]
        own = embed(model, tokenizer, facts), embed(model, tokenizer, words)
        full = teacher.vectors(facts).float(), teacher.vectors(words).float()
        for name, (haystack, needles), dim in [("teacher", full, 384), *((str(d), own, d) for d in reversed(DIMS))]:
            best = _nearest(needles, haystack, dim)
            hits = sum(facts[int(i)] in right for i, (_, right) in zip(best, queries, strict=True))
            figures[kind][name] = hits / len(queries)
    return figures


def neighbours(model: Nano, tokenizer: PreTrainedTokenizerFast, teacher: Teacher) -> str:
    """A table to look at: what stands nearest to a few names and facts, for student and teacher."""
    lines = ["| text | nearest, student (256) | nearest, teacher |", "|---|---|---|"]
    own, full = embed(model, tokenizer, SIGHTS), teacher.vectors(SIGHTS).float()
    for i, text in enumerate(SIGHTS):
        cells = []
        for vectors in (own, full):
            cosines = vectors @ vectors[i]
            cosines[i] = -1
            best = int(cosines.argmax())
            cells.append(f"{SIGHTS[best]} ({cosines[best]:.2f})")
        lines.append(f"| {text} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def spearman(a: Tensor, b: Tensor) -> float:
    """Correlation of ranks; equal values share their mean rank."""
    ranks = torch.stack([_ranks(a), _ranks(b)])
    return float(torch.corrcoef(ranks)[0, 1])


def _ranks(values: Tensor) -> Tensor:
    _, where, counts = torch.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    return (last - (counts - 1) / 2)[where]


def _nearest(needles: Tensor, haystack: Tensor, dim: int) -> Tensor:
    return (F.normalize(needles[:, :dim], dim=-1) @ F.normalize(haystack[:, :dim], dim=-1).T).argmax(-1)


SIGHTS = [
    "Clara Weiss", "Clara", "Mrs. Weiss", "Karl Weiss", "Café Sperl", "the coffee house", "Siemens", "the chess club",
    "Clara Weiss works at Siemens.", "Clara has a job with an engineering company.", "Where does Clara Weiss work?",
    "Clara Weiss left Siemens.", "Karl moved to Vienna in May.", "Karl lives in Austria now.", "Who lives in Vienna?",
    "My brother is ill with pneumonia.", "He has been in bed with a bad lung for a week.", "Father died on Sunday.",
    "We buried my father today.", "Rain all day.", "It was wet and cold outside.", "I could not sleep.",
    "Awake half the night, worrying about money.", "We had dinner at the new restaurant.", "Anna cooked fish for us.",
]  # fmt: skip


if __name__ == "__main__":
    main()
