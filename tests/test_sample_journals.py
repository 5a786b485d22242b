"""The sample journals are what data/journals/ORIGIN says they are.

Reads them through the journal room as `make load` does; asks no model.
"""

from collections import Counter
from datetime import date
from pathlib import Path

from app.journal.reader import find_files, read_journal

JOURNALS = Path(__file__).parent.parent / "data" / "journals"
ENTRIES = [entry for path in find_files([JOURNALS]) for entry in read_journal(path).entries]


def test_every_form_gives_its_entries() -> None:
    """Eighteen dated entries come out of four forms, and ORIGIN itself is not read as one."""
    forms = Counter("ghent/*.md" if path.suffix == ".md" else path.name for path in (e.path for e in ENTRIES))
    assert forms == {"lund-notebook.txt": 6, "ghent/*.md": 7, "dayone.json": 3, "jrnl.txt": 2}
    assert min(e.date for e in ENTRIES) == date(2022, 9, 18)
    assert max(e.date for e in ENTRIES) == date(2024, 5, 26)
    assert len({e.date for e in ENTRIES}) == len({e.entry_id for e in ENTRIES}) == 18


def test_entries_are_of_a_diary_s_length() -> None:
    """Each has 40 to 180 words: a page, not a novel."""
    assert [entry.date for entry in ENTRIES if not 40 <= len(entry.text.split()) <= 180] == []
