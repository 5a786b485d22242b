"""What the ledger says about files that are read again, edited, renamed, copied or deleted."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.journal.types import Chunk, Entry, OffsetMap
from app.ledger.records import FileReading, episode_uuid
from app.ledger.store import Ledger

GROUP = "ines"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "home") as opened:
        yield opened


def chunks_of(entry: Entry, size: int) -> tuple[Chunk, ...]:
    starts = range(0, len(entry.text), size)
    return tuple(
        Chunk(entry, index, len(starts), start, min(start + size, len(entry.text)))
        for index, start in enumerate(starts)
    )


def reading(path: str, *days: tuple[str, str], size: int = 1000) -> FileReading:
    """A file of dated texts, one after the other, each after a heading of eleven characters."""
    entries, at = [], 0
    for day, text in days:
        at += 11
        entries.append(Entry(Path(path), date.fromisoformat(day), text, at, at + len(text)))
        at += len(text)
    chunks = tuple(chunk for entry in entries for chunk in chunks_of(entry, size))
    return FileReading(Path(path), "0" * 64, at, "utf-8", tuple(entries), chunks)


def test_the_same_plan_twice_equals_once(ledger: Ledger) -> None:
    """Planning is idempotent: nothing is new the second time, and the same chunks wait."""
    files = [reading("a.md", ("2024-03-04", "Nadia came."), ("2024-03-05", "Rain."))]
    first = ledger.plan(GROUP, files)
    waiting = ledger.pending_chunks(GROUP)
    second = ledger.plan(GROUP, files)
    assert (len(first.new), len(second.new), second.unchanged) == (2, 0, first.new)
    assert ledger.pending_chunks(GROUP) == waiting


def test_chunks_wait_in_date_order_then_in_file_order(ledger: Ledger) -> None:
    """The order is the entry's date first, then the order of the files, then the order inside the file."""
    ledger.plan(
        GROUP,
        [
            reading("b.md", ("2024-03-05", "second day, first file"), ("2024-03-04", "first day, first file")),
            reading("a.md", ("2024-03-04", "first day, second file, cut in two"), size=20),
        ],
    )
    waiting = ledger.pending_chunks(GROUP)
    assert [(c.date.day, c.order, c.index) for c in waiting] == [(4, 0, 0), (4, 1, 0), (4, 2, 1), (5, 0, 0)]
    assert ledger.pending_chunks(GROUP, limit=2) == waiting[:2]


def test_an_edited_entry_supersedes_the_old_one_and_its_episodes_stay_visible(ledger: Ledger) -> None:
    """Same file, same date, other words: the old entry is superseded and its finished episode is reported."""
    ledger.plan(GROUP, [reading("a.md", ("2024-03-04", "Nadia came."), ("2024-03-05", "Rain."))])
    old = ledger.pending_chunks(GROUP)[0]
    ledger.finish(old.episode_uuid, "done")
    plan = ledger.plan(GROUP, [reading("a.md", ("2024-03-04", "Nadia did not come."), ("2024-03-05", "Rain."))])
    assert plan.superseded == (old.entry_id,)
    assert plan.gone == ()
    assert [e.entry_id for e in ledger.past.entries(GROUP) if e.state == "superseded"] == [old.entry_id]
    ledger.past.forget(GROUP, {old.entry_id})
    assert all(entry.state == "current" for entry in ledger.past.entries(GROUP))
    assert ledger.resolve_episode(old.episode_uuid) is None


def test_an_entry_deleted_beside_another_of_its_day_is_gone_not_superseded(ledger: Ledger) -> None:
    """Only a new text takes an old one's place; an unchanged neighbour of the same date does not."""
    ledger.plan(GROUP, [reading("a.md", ("2024-03-04", "Morning."), ("2024-03-04", "Evening."))])
    plan = ledger.plan(GROUP, [reading("a.md", ("2024-03-04", "Morning."))])
    assert (len(plan.gone), plan.superseded) == (1, ())
    assert len(ledger.pending_chunks(GROUP)) == 1


def test_a_renamed_file_only_changes_places(ledger: Ledger) -> None:
    """The same entries under a new name are unchanged, stay done, and stand at the new place."""
    ledger.plan(GROUP, [reading("old.md", ("2024-03-04", "Nadia came."))])
    (chunk,) = ledger.pending_chunks(GROUP)
    ledger.finish(chunk.episode_uuid, "done")
    plan = ledger.plan(GROUP, [reading("new.md", ("2024-03-04", "Nadia came."))], gone_files=[Path("old.md")])
    assert plan.unchanged == (chunk.entry_id,)
    assert (plan.new, plan.gone, plan.superseded) == ((), (), ())
    place = ledger.resolve_episode(chunk.episode_uuid)
    assert place is not None
    assert place.path == Path("new.md")
    assert ledger.known_files(GROUP) == (Path("new.md"),)
    assert ledger.pending_chunks(GROUP) == []


def test_a_copied_entry_is_one_entry_in_two_places(ledger: Ledger) -> None:
    """An entry that stands in two files is loaded once and survives the loss of one of them."""
    texts = ("2024-03-04", "Nadia came.")
    ledger.plan(GROUP, [reading("a.md", texts), reading("b.md", ("2024-01-01", "New year."), texts)])
    assert ledger.counts(GROUP).entries == 2
    plan = ledger.plan(GROUP, [], gone_files=[Path("a.md")])
    assert plan.gone == ()
    last = ledger.pending_chunks(GROUP)[-1]
    place = ledger.resolve_episode(last.episode_uuid)
    assert place is not None
    assert (place.path, place.span) == (Path("b.md"), (31, 42))


def test_an_entry_that_returns_is_current_again(ledger: Ledger) -> None:
    """Undoing an edit brings the first entry back with its finished chunks."""
    first, second = reading("a.md", ("2024-03-04", "One.")), reading("a.md", ("2024-03-04", "Two."))
    ledger.plan(GROUP, [first])
    ledger.finish(ledger.pending_chunks(GROUP)[0].episode_uuid, "done")
    ledger.plan(GROUP, [second])
    plan = ledger.plan(GROUP, [first])
    assert len(plan.superseded) == 1
    assert sorted(entry.state for entry in ledger.past.entries(GROUP)) == ["current", "superseded"]
    assert ledger.counts(GROUP).done == 1


def test_chunks_that_have_not_begun_may_be_cut_anew_and_begun_ones_may_not(ledger: Ledger) -> None:
    """Another context limit re-cuts what waits; an entry half in the graph keeps its cut."""
    day = ("2024-03-04", "abcdefghijkl")
    ledger.plan(GROUP, [reading("a.md", day, size=12)])
    ledger.plan(GROUP, [reading("a.md", day, size=4)])
    waiting = ledger.pending_chunks(GROUP)
    assert [(c.start, c.end, c.count) for c in waiting] == [(0, 4, 3), (4, 8, 3), (8, 12, 3)]
    ledger.finish(waiting[0].episode_uuid, "empty")
    ledger.plan(GROUP, [reading("a.md", day, size=6)])
    assert ledger.pending_chunks(GROUP) == waiting[1:]


def test_escaped_text_resolves_to_the_characters_of_the_file(ledger: Ledger) -> None:
    """A chunk of a JSON string stands where its escaped characters stand in the file."""
    entry = Entry(Path("a.json"), date(2024, 3, 4), 'a"b', 10, 14, offsets=OffsetMap((0, 1, 2), (10, 11, 13)))
    chunk = Chunk(entry, 0, 1, 0, 3)
    ledger.plan(GROUP, [FileReading(entry.path, "0" * 64, 20, "utf-8", (entry,), (chunk,))])
    place = ledger.resolve_episode(episode_uuid(GROUP, chunk.chunk_id))
    assert place is not None
    assert place.span == (10, 14)


def test_blanks_before_a_copy_shift_its_chunks(ledger: Ledger) -> None:
    """Identity ignores outer blanks, so a copy with other blanks still shows the same words."""
    first = Entry(Path("a.md"), date(2024, 3, 4), "abcdef", 0, 6)
    copy = Entry(Path("b.md"), date(2024, 3, 4), "\n\nabcdef", 0, 8)
    files = [FileReading(e.path, "0" * 64, 9, "utf-8", (e,), chunks_of(e, 3)) for e in (first, copy)]
    ledger.plan(GROUP, files)
    last = ledger.pending_chunks(GROUP)[-1]
    ledger.plan(GROUP, [], gone_files=[first.path])
    place = ledger.resolve_episode(last.episode_uuid)
    assert place is not None
    assert copy.text[slice(*place.span)] == "def"


def test_two_groups_share_nothing_but_the_file(ledger: Ledger) -> None:
    """The same text in two persons' groups is two episodes with two fates."""
    files = [reading("a.md", ("2024-03-04", "Nadia came."))]
    ledger.plan(GROUP, files)
    ledger.plan("jo", files)
    (mine,), (theirs,) = ledger.pending_chunks(GROUP), ledger.pending_chunks("jo")
    assert mine.episode_uuid != theirs.episode_uuid
    ledger.plan(GROUP, [], gone_files=[Path("a.md")])
    assert ledger.pending_chunks("jo") == [theirs]


@settings(max_examples=25, deadline=None)
@given(
    versions=st.lists(
        st.lists(st.tuples(st.integers(1, 3), st.sampled_from("abcd")), max_size=5), min_size=1, max_size=4
    ),
    ends=st.lists(st.sampled_from(["done", "empty", "quarantined"]), max_size=6),
)
def test_planned_is_always_the_sum_of_its_ends(
    tmp_path_factory: pytest.TempPathFactory, versions: list[list[tuple[int, str]]], ends: list[str]
) -> None:
    """After any history of edits: planned == done + empty + quarantined + waiting, and waiting is the queue."""
    with Ledger.open(tmp_path_factory.mktemp("home")) as ledger:
        fates = iter(ends)
        for version in versions:
            ledger.plan(GROUP, [reading("a.md", *[(f"2024-03-0{day}", letter * 9) for day, letter in version], size=4)])
            for chunk, end in zip(ledger.pending_chunks(GROUP, limit=1), fates, strict=False):
                ledger.finish(chunk.episode_uuid, end, "because" if end == "quarantined" else None)  # type: ignore[arg-type]
            counts = ledger.counts(GROUP)
            assert counts.planned == counts.done + counts.empty + counts.quarantined + counts.waiting
            assert counts.waiting == len(ledger.pending_chunks(GROUP))
            assert counts.planned == 3 * len(set(version))
