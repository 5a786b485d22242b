"""The owner's decisions: kept in order, and gone with the texts they quote."""

from datetime import date
from pathlib import Path

from app.journal.types import Chunk, Entry
from app.ledger.records import FileReading
from app.ledger.store import Ledger
from app.picture import Label

GROUP = "ines"
DAYS = ("Nadia came.", "Nadia left.")


def plan(ledger: Ledger) -> list[str]:
    """A file of two entries; the uuids of their episodes."""
    entries = [
        Entry(Path("a.md"), date(2024, 3, i + 1), text, 20 * i, 20 * i + len(text)) for i, text in enumerate(DAYS)
    ]
    chunks = tuple(Chunk(entry, 0, 1, 0, len(entry.text)) for entry in entries)
    ledger.plan(GROUP, [FileReading(Path("a.md"), "0" * 64, 99, "utf-8", tuple(entries), chunks)])
    return [chunk.episode_uuid for chunk in ledger.pending_chunks(GROUP)]


def a_label(*episodes: tuple[str, ...], undo: dict[str, str] | None = None) -> Label:
    roots = {f"root {i}": of_root for i, of_root in enumerate(episodes)}
    return Label("merge", "entity", "some uuid", {"name": "Nadia", "into": "Nadja Żak"}, roots, undo)


def test_decisions_come_back_in_the_order_they_were_made(tmp_path: Path) -> None:
    """What was kept is there after a restart, for its own group alone."""
    with Ledger.open(tmp_path) as ledger:
        first, second = plan(ledger)
        labels = [a_label((first,), (second,), undo={"summary": "Łódź"}), a_label((second,))]
        numbers = [ledger.labels.keep(GROUP, label) for label in labels]
    with Ledger.open(tmp_path) as ledger:
        kept = ledger.labels.all(GROUP)
        assert (kept, [label.number for label in kept]) == (labels, numbers)
        assert ledger.labels.all("another") == []
        ledger.labels.withdraw(numbers[:1])
        assert ledger.labels.all(GROUP) == labels[1:]


def test_a_label_goes_with_the_text_it_quotes(tmp_path: Path) -> None:
    """When an entry is dropped, a label that has no other text for one of its names is no more in the file."""
    with Ledger.open(tmp_path) as ledger:
        first, second = plan(ledger)
        entry = ledger.pending_chunks(GROUP)[0].entry_id
        ledger.labels.keep(GROUP, a_label((first,), (first, second), undo={"summary": "secret"}))
        ledger.labels.keep(GROUP, a_label((first, second), (second,), undo={"summary": "secret"}))
        ledger.labels.keep(GROUP, a_label((second,)))
        ledger.past.forget(GROUP, {entry})
        shared, own = ledger.labels.all(GROUP)
        assert shared.roots == {"root 0": (second,), "root 1": (second,)}
        assert own.roots == {"root 0": (second,)}
        assert shared.undo is None, "what undoes it may quote the text that is gone"
    assert b"secret" not in (tmp_path / "ledger.sqlite").read_bytes()
