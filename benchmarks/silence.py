"""What tells questions a journal answers from others: `python -m benchmarks.silence [--qmsum DIR] [--model]`.

Knows gold questions and our retrieval; asks a language model only with --model. In: gold.  Out: a table of signals.

A signal is good if it is higher for questions that are answered: AUC is how often it is, of all pairs, 0.5 being luck.
Graphs are those of the gold, so what is measured is the signal and not how well a model reads.
"""

import argparse
import asyncio
import gzip
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.graph.recall import Passages, fuse, passages_of
from app.graph.words import FullText, stems
from app.journal.sentences import split_sentences
from app.ledger.store import Ledger
from app.llm.embedder import QwenEmbedder
from app.llm.loader import load_embedder
from app.picture import Picture
from app.pipeline import models as opener
from app.pipeline.ask import Librarian
from app.pipeline.strangers import all_strangers
from app.settings import BUNDLED_EMBEDDER, settings
from tests.view.pictures import Life

Case = tuple[str, bool]  # a question and whether it can be answered
Figures = dict[str, float]
Row = dict[str, Any]
FIRST_SEED = 900_000
HANDWRITTEN = Path("tests/gold/handwritten.jsonl")
QUESTIONS = Path("tests/gold/questions.jsonl")


def auc(told: Sequence[float], silent: Sequence[float]) -> float:
    """The share of pairs in which the first is higher; equals count half."""
    a, b = np.array(told)[:, None], np.array(silent)[None, :]
    return float((a > b).mean() + (a == b).mean() / 2)


def signals(question: str, vector: Any, texts: Sequence[str], vectors: Any, words: FullText, fused: float) -> Figures:
    """What one could judge by, of one question and all facts and sentences."""
    scores, meaning = words.scores(question), vectors @ np.asarray(vector, np.float32)
    counts = Counter(stem for text in texts for stem in set(stems(text)))
    rare = {stem: float(np.log1p(len(texts) / (1 + counts[stem]))) for stem in set(stems(question))}
    best = set(stems(texts[int(np.argmax(scores))]))
    whole = sum(rare.values())
    return {
        "fused score of the best": fused,
        "cosine of the best": float(meaning.max()),
        "cosine of the best above the mean, in deviations": float((meaning.max() - meaning.mean()) / meaning.std()),
        "full-text score of the best": float(scores.max()),
        "share of the question's rare words in the best": sum(rare[s] for s in rare.keys() & best) / whole,
        "share of the question's rare words in the journal": sum(rare[s] for s in rare if counts[s]) / whole,
    }


def life_of(rows: Sequence[dict[str, Any]]) -> Picture:
    """The graph that gold tells of some entries."""
    life = Life()
    for row in rows:
        episode = life.entry(str(row["date"]), row["text"])
        sentences = [row["text"][a:b] for a, b in split_sentences(row["text"])]
        for entity in row["entities"]:
            life.entity(entity["name"], entity["type"])
            if entity["name"] in row["text"]:
                life.mention(episode, entity["name"])
        for fact in row["facts"]:
            life.entity(fact["source"]), life.entity(fact["target"])
            words = next((s for s in sentences if fact["target"] in s or fact["source"] in s), sentences[0])
            life.fact(
                episode, fact["source"], fact["relation"], fact["target"], fact["fact"], words, fact["invalid_at"]
            )
    return life.picture()


def handwritten() -> tuple[Picture, dict[str, list[Case]]]:
    """The hand-written entries as one journal, and its questions by kind."""
    rows = [json.loads(line) for line in HANDWRITTEN.read_text(encoding="utf-8").splitlines()]
    asked: dict[str, list[Case]] = defaultdict(list)
    for line in QUESTIONS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        asked[row["kind"]].append((row["question"], row["kind"] == "told"))
    return life_of(rows), asked


def made(seed: int) -> tuple[Picture, dict[str, list[Case]]]:
    """A made journal of names and forms that training never drew, and its questions."""
    from training.made.journal import make_journal  # late: it reads all its words

    journal = make_journal(seed, held_out=True, entries=12)
    rows = [
        {
            "date": entry.date, "text": entry.text,
            "entities": [{"name": e.name, "type": e.type} for e in entry.entities],
            "facts": [{n: getattr(f, n) for n in ("source", "target", "relation", "fact", "invalid_at")}
                      for f in entry.facts],
        }
        for entry in journal.entries
    ]  # fmt: skip
    asked: dict[str, list[Case]] = defaultdict(list)
    for question in journal.questions:
        asked["told" if question.fact_ids else "not told"].append((question.question, bool(question.fact_ids)))
    return life_of(rows), asked


class _Models:
    def __init__(self, embedder: Any, client: Any = None) -> None:
        self.embedder, self.client = embedder, client


async def judge(
    picture: Picture, asked: dict[str, list[Case]], models: Any, ledger: Ledger, told: dict[str, list[Row]], where: str
) -> None:
    """Adds a row a question: its kind, its signals, whom it names that is never named, and what the model chose."""
    passages = [passage.text for passage in passages_of(picture, split_sentences)]
    texts = [*(fact.fact for fact in picture.in_order), *passages]
    vectors, words = await models.embedder.embed_many(texts), FullText(texts)
    librarian = await Librarian.of(picture, models, ledger.calls)
    for kind, cases in asked.items():
        for question, is_told in cases:
            vector = await models.embedder.embed_query(question)
            found = await librarian.find(question)
            row: Row = dict(signals(question, vector, texts, vectors, words, max(hit.score for hit in found)))
            row |= {"told": is_told, "question": question, "unnamed": all_strangers(question, words.has), "kind": kind}
            if models.client is not None:
                row["chosen"] = (await librarian.answer(question, found))[0]
            told.setdefault(where, []).append(row)


async def meetings(folder: Path, embedder: QwenEmbedder, told: dict[str, list[Row]]) -> None:
    """QMSum: each question asked of its own meeting and of the next one; a text is a turn."""
    with gzip.open(folder / "dev.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    for number, meeting in enumerate(rows):
        texts = [f"{speaker}: {text}"[:1000] for speaker, text in meeting["turns"]]
        vectors, words = await embedder.embed_many(texts), FullText(texts)
        passages = Passages(texts, vectors, [i > 0 for i in range(len(texts))])
        for is_told, other in ((True, meeting), (False, rows[number - 1])):
            for item in other["specific"]:
                question = item["question"]
                vector = await embedder.embed_query(question)
                fused = max(fuse(passages.rankings(question, passages.meanings(vector))).values())
                row: Row = dict(signals(question, vector, texts, vectors, words, fused))
                row |= {"told": is_told, "kind": "told" if is_told else "not told"}
                row |= {"question": question, "unnamed": all_strangers(question, words.has)}
                told.setdefault("meetings", []).append(row)


def table(told: dict[str, list[Row]]) -> None:
    """Print what was found, one column a set."""
    names = [name for name, value in next(iter(told.values()))[0].items() if isinstance(value, float)]
    print(f"| signal, AUC | {' | '.join(told)} |\n|---|{'---|' * len(told)}")
    for name in names:
        cells = []
        for rows in told.values():
            yes, no = ([row[name] for row in rows if row["told"] is is_told] for is_told in (True, False))
            cells.append(f"{auc(yes, no):.2f}")
        print(f"| {name} | {' | '.join(cells)} |")
    for title, is_silent in (
        ("silent: every name is one the journal never names", lambda row: bool(row["unnamed"])),
        ("silent: the model chose no line", lambda row: row.get("chosen") == []),
        ("silent: one or the other", lambda row: bool(row["unnamed"]) or row.get("chosen") == []),
    ):  # fmt: skip
        cells = []
        for rows in told.values():
            kinds: dict[str, list[bool]] = defaultdict(list)
            for row in rows:
                kinds[row["kind"]].append(is_silent(row))
            cells.append(", ".join(f"{kind} {sum(these)} of {len(these)}" for kind, these in kinds.items()))
        print(f"| {title} | {' | '.join(cells)} |")


async def measure(journals: int, qmsum: Path | None, with_model: bool) -> dict[str, list[Row]]:
    """Rows by set of questions."""
    told: dict[str, list[Row]] = {}
    with tempfile.TemporaryDirectory() as folder, Ledger.open(Path(folder)) as ledger:
        if with_model:
            models: Any = opener.open_models(settings.MLX_MODEL_NAME, str(BUNDLED_EMBEDDER), ledger)
        else:
            models = _Models(QwenEmbedder(load_embedder(str(BUNDLED_EMBEDDER), allow_download=False), 256))
        await judge(*handwritten(), models, ledger, told, "hand-written")
        for seed in range(journals):
            await judge(*made(FIRST_SEED + seed), models, ledger, told, "made journals")
        if qmsum is not None:
            await meetings(qmsum, models.embedder, told)
    return told


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--journals", type=int, default=24, help="made journals")
    parser.add_argument("--qmsum", type=Path, help="the folder of QMSum's dev.jsonl.gz")
    parser.add_argument("--model", action="store_true", help="also let the bundled model choose its lines")
    parser.add_argument("--rows", type=Path, help="write a row a question here, as JSON lines")
    options = parser.parse_args()
    told = asyncio.run(measure(options.journals, options.qmsum, options.model))
    if options.rows:
        rows = [json.dumps({"set": name} | row, ensure_ascii=False, default=str) for name in told for row in told[name]]
        options.rows.write_text("\n".join(rows), encoding="utf-8")
    table(told)


if __name__ == "__main__":
    main()
