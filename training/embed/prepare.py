"""Make what the embedder's training reads: `python -m training.embed.prepare`. Needs the teacher; run once.

Knows texts, teacher and student. In: seeds and the diaries.  Out: training/runs/embed with groups of texts in shards,
the tokenizer, the projection, the teacher's vectors of each shard (training can start when there is one) and a start.
"""

import json
import random
from pathlib import Path

import torch

from training.embed import texts
from training.embed.student import CONFIG, start_from_teacher, train_embed_tokenizer
from training.embed.teacher import Projection, Teacher
from training.model import Nano
from training.tokenizer import save_tokenizer
from training.train import RUNS

RUN = RUNS / "embed"
SHARDS = 8
FIRST_SEED, JOURNALS = 5_000_000, 1_600
EVERYDAY = 9_000
# A word of the teacher's list counts as WORD_WEIGHT / (rank + 100) occurrences when merges are learnt, as in English.
WORD_WEIGHT = 300_000


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    RUN.mkdir(parents=True, exist_ok=True)
    teacher = Teacher()
    groups = all_groups(teacher.words())
    samples = [text for group in groups for text in group]
    samples += [f"{word} " * (WORD_WEIGHT // (rank + 100)) for rank, word in enumerate(teacher.words())]
    tokenizer = train_embed_tokenizer(samples)
    save_tokenizer(tokenizer, RUN / "tokenizer")
    for i in range(SHARDS):
        shard = groups[i::SHARDS]
        vectors = teacher.vectors([text for group in shard for text in group])
        if i == 0:
            projection = Projection.fitted(vectors, CONFIG.hidden_size)
            torch.save(projection.axes, RUN / "projection.pt")
            model = Nano(CONFIG)
            start_from_teacher(model, tokenizer, teacher, projection, projection(vectors).mean(0))
            torch.save(model.state_dict(), RUN / "start.pt")
        (RUN / f"shard-{i}.json").write_text(json.dumps(shard, ensure_ascii=False))
        _save_beside(vectors, RUN / f"shard-{i}.pt")
        print(f"shard {i + 1} of {SHARDS}: {len(vectors):,} texts in {len(shard):,} groups", flush=True)


def all_groups(words: list[str]) -> list[texts.Group]:
    """Every kind of group, shuffled."""
    rng = random.Random(0)
    groups = list(texts.journal_groups(FIRST_SEED, JOURNALS))
    groups += texts.everyday_groups(0, EVERYDAY)
    groups += [texts.with_parts(group, rng) for group in texts.diary_groups(texts.SHARED / "data" / "diaries")]
    groups += texts.word_groups(words, 0, len(words))
    rng.shuffle(groups)
    return groups


def _save_beside(vectors: torch.Tensor, path: Path) -> None:
    """A shard is there whole or not at all: training looks for it while this still runs."""
    beside = path.with_suffix(".new")
    torch.save(vectors, beside)
    beside.replace(path)


if __name__ == "__main__":
    main()
