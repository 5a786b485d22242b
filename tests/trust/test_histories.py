"""Whatever is done to the files of a journal, the graph ends as one that read only what is known now, in its order."""

import random
from pathlib import Path

import pytest

from app.ledger.store import Ledger
from tests.ledger.test_histories import PATHS, Content, act
from tests.pipeline.conftest import Bench
from tests.pipeline.scripted import fresh_home, write_journal

SAID = (
    "Nadia works at Helios.",
    "Nadia left Helios. Thomas lives in Lyon.",
    "Nadia Roth met Thomas. Thomas moved from Lyon.",
    "Nadia met Thomas.",
)
DAYS = ("2024-02-29", "2024-03-01")


def draw(chance: random.Random) -> Content:
    """One to three entries, of which some say the same on one day or on two."""
    return tuple({(chance.choice(DAYS), chance.choice(SAID)): None for _ in range(chance.randint(1, 3))})


def lay(journals: Path, files: dict[str, Content]) -> None:
    """Make the folder hold just these files."""
    for file in [file for file in journals.rglob("*.md") if str(file.relative_to(journals)) not in files]:
        file.unlink()
    for name, content in files.items():
        write_journal(journals / name, *content)


@pytest.mark.parametrize("seed", range(3))
def test_after_any_history_the_graph_equals_a_fresh_one(bench: Bench, tmp_path: Path, seed: int) -> None:
    """Written, edited, renamed, moved, copied, deleted, twins: a home that never saw what went has the equal graph."""
    chance = random.Random(seed)
    (bench.journals / "2024.md").unlink()
    files: dict[str, Content] = {"base.md": (("2024-01-01", "Mara met Nadia."),)}
    for _ in range(3):
        for what in chance.choices(["write", "write", "move", "copy", "delete"], k=3):
            act(files, what, chance.choice(PATHS), chance.choice(PATHS), draw(chance))
        lay(bench.journals, files)
        assert bench.load().code == 0
    told = {episode["uuid"]: (episode["valid_at"][:10], episode["text"]) for episode in bench.dump()["episodes"]}
    with Ledger.open(bench.home) as ledger:
        known = [told[uuid] for uuid in ledger.places("journal")]
        assert "superseded" not in {entry.state for entry in ledger.past.entries("journal")}
    assert len(known) == len(told)
    assert {*known} >= {entry for content in files.values() for entry in content}
    fresh, elsewhere = fresh_home(tmp_path / "fresh"), tmp_path / "one by one"
    for place, entry in enumerate(known):
        write_journal(elsewhere / f"{place}.md", entry)
        assert bench.load(elsewhere, home=fresh).code == 0
    assert bench.dump() == bench.dump(fresh)
