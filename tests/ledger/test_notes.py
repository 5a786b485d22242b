"""A figure of a home is read without a trace, whoever holds the home and whatever was done to it."""

from pathlib import Path

import pytest

from app.ledger.notes import read_note
from app.ledger.store import LEDGER_NAME, Ledger
from tests.ledger.test_store import hold, kill

LOG = f"{LEDGER_NAME}-wal"


def traces(home: Path) -> dict[str, tuple[int, int]]:
    """Every file of a home but SQLite's index of the log, which holds nothing of its own: when changed, how long."""
    known = {path.name: path.stat() for path in home.iterdir() if not path.name.endswith("-shm")}
    return {name: (stat.st_mtime_ns, stat.st_size) for name, stat in known.items()}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home at rest that keeps a figure; its name is hard to write in a URL."""
    home = tmp_path / "my home? 100%#ł"
    with Ledger.open(home) as ledger:
        ledger.note("pace", "1")
    return home


def test_a_home_at_rest_is_left_as_it_was(home: Path) -> None:
    """No log and no index of one stays beside the ledger; where there is no ledger, there is none afterwards."""
    before = sorted(home.iterdir()), traces(home)
    assert (read_note(home, "pace"), read_note(home, "nothing")) == ("1", None)
    assert (sorted(home.iterdir()), traces(home)) == before
    assert read_note(home.parent, "pace") is None
    assert list(home.parent.iterdir()) == [home]


def test_a_home_that_nobody_may_write_to_answers(home: Path) -> None:
    """A copy on a disk that is read-only tells its figures, too."""
    (home / LEDGER_NAME).chmod(0o400)
    home.chmod(0o500)
    assert read_note(home, "pace") == "1"
    home.chmod(0o700)


def test_a_load_at_work_is_not_disturbed(home: Path) -> None:
    """What it wrote last is told, and its log is its own: the next word goes in and is told, too."""
    with Ledger.open(home) as ledger:
        for figure in ("2", "3"):
            ledger.note("pace", figure)
            before = traces(home)
            assert read_note(home, "pace") == figure
            assert traces(home) == before
    assert read_note(home, "pace") == "3"
    assert not (home / LOG).exists()


def test_what_a_killed_load_left_is_told_and_stays(home: Path) -> None:
    """The log that it left is read, and folded in by whoever opens the home next, not by a look."""
    kill(hold(home))
    before = traces(home)
    assert before[LOG][1] > 0
    assert read_note(home, "pace") == "1"
    assert traces(home) == before
    with Ledger.open(home) as ledger:
        assert ledger.calls.get("k") == "{}"
