"""Write made journals as gold for the app's own commands: `python -m training.made_gold FILE [--journals N]`.

Knows the generator and the gold format; knows no model. In: seeds.  Out: a JSONL file for `evaluate` and `optimise`.

The journals are of the testing part: names and sentence forms that training never drew. A mention is an occurrence of
the name that the label has; shorter forms of it are not marked.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.prompts.names import find_mentions
from training.made.journal import make_journal
from training.made.labels import MadeEntry, MadeFact

FIRST_SEED = 890_000  # training draws from 10,000,000 on, training.evaluate from 880,000


def rows(first_seed: int, journals: int) -> Iterator[dict[str, Any]]:
    """One row an entry; entries of a journal share their world, so that people can be known again."""
    for seed in range(first_seed, first_seed + journals):
        journal = make_journal(seed, held_out=True)
        for place, entry in enumerate(journal.entries):
            yield {
                "id": f"made-{seed}-{place}",
                "world": f"made-{seed}",
                "date": entry.date.isoformat(),
                "language": entry.language,
                "owner": journal.owner,
                "text": entry.text,
                "entities": [{"name": entity.name, "type": entity.type} for entity in entry.entities],
                "facts": [_fact(fact) for fact in entry.facts],
                "mentions": list(_mentions(entry)),
            }


def write(file: Path, first_seed: int, journals: int) -> None:
    """The rows as JSONL."""
    lines = (json.dumps(row, ensure_ascii=False) for row in rows(first_seed, journals))
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _fact(fact: MadeFact) -> dict[str, Any]:
    names = ("source", "target", "relation", "fact", "valid_at", "invalid_at")
    return {name: getattr(fact, name) for name in names}


def _mentions(entry: MadeEntry) -> Iterator[dict[str, Any]]:
    for entity in entry.entities:
        for start, end in find_mentions(entry.text, entity.name):
            marked = {"name": entity.name, "type": entity.type, "identity": str(entity.identity)}
            yield {"start": start, "end": end, **marked}


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--journals", type=int, default=12, help="about 8 entries each")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="of the first journal")
    options = parser.parse_args()
    write(options.file, options.seed, options.journals)


if __name__ == "__main__":
    main()
