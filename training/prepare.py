"""Make the tokenizer of a run: `python -m training.prepare`. Run once before `training.train`.

Knows made journals and the prompts; knows no weights. In: seeds.  Out: training/runs/NAME/tokenizer.
"""

import argparse
import itertools
from collections.abc import Iterator

from training.batches import journals_examples
from training.tokenizer import load_tokenizer, save_tokenizer, train_tokenizer
from training.train import RUNS

SAMPLE_EXAMPLES = 12_000
TOKENIZER_SEED = 1


def sample_texts() -> Iterator[str]:
    """What the model will read and write; the rules once, so that they do not fill the vocabulary."""
    rules = set()
    for example in itertools.islice(journals_examples(TOKENIZER_SEED), SAMPLE_EXAMPLES):
        if example.system not in rules:
            rules.add(example.system)
            yield example.system
        yield example.user
        yield example.answer


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default="nano", help="folder under training/runs")
    folder = RUNS / parser.parse_args().name / "tokenizer"
    save_tokenizer(train_tokenizer(sample_texts()), folder)
    tokenizer = load_tokenizer(folder)
    print(f"{len(tokenizer)} tokens in {folder}")
