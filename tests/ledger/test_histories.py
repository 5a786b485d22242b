"""Whatever is done to the files of a journal, the ledger ends as one that read only their last state."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ledger.store import Ledger
from tests.ledger.test_planning import GROUP, reading

PATHS = ("one/2024.md", "two/2024.md", "one/old.md")  # twins of one name, and a neighbour
Content = tuple[tuple[str, str], ...]
_contents: st.SearchStrategy[Content] = st.lists(
    st.tuples(st.sampled_from(["2024-02-29", "2024-03-01"]), st.sampled_from(["Nadia came.", "Rain.", "Snow."])),
    min_size=1,
    max_size=3,
    unique=True,
).map(tuple)
_actions = st.tuples(
    st.sampled_from(["write", "move", "copy", "delete", "load"]),
    st.sampled_from(PATHS),
    st.sampled_from(PATHS),
    _contents,
)


def act(files: dict[str, Content], what: str, path: str, other: str, content: Content) -> None:
    """What a person does to the folder: an edit is a write, a rename is a move inside a folder."""
    if what == "write":
        files[path] = content
    elif path in files and what in ("move", "copy"):
        files[other] = files[path]
        if what == "move" and path != other:
            del files[path]
    elif what == "delete":
        files.pop(path, None)


def load(ledger: Ledger, files: dict[str, Content]) -> list[str]:
    """Plan these files as a load does, forget what was edited, finish what waits: the texts that were read.

    An edit sends what was read before to be told again, out of the ledger: that is no reading.
    """
    gone = [path for path in ledger.known_files(GROUP) if str(path) not in files]
    ledger.plan(GROUP, [reading(path, *files[path]) for path in sorted(files)], gone_files=gone)
    ledger.past.forget(GROUP, {e.entry_id for e in ledger.past.entries(GROUP) if e.state == "superseded"})
    waiting = ledger.pending_chunks(GROUP)
    for chunk in waiting:
        ledger.finish(chunk.episode_uuid, "done")
    return [chunk.entry_id for chunk in waiting if not chunk.is_begun]


def standing(ledger: Ledger) -> set[tuple[str, str, tuple[Path, ...]]]:
    """Every entry that stands in a file: its identity, its day, its places."""
    return {(e.entry_id, str(e.date), tuple(sorted(e.files))) for e in ledger.past.entries(GROUP) if e.files}


@settings(max_examples=40, deadline=None)
@given(history=st.lists(_actions, max_size=10))
def test_after_any_history_the_ledger_equals_one_of_the_last_state(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[str, str, str, Content]]
) -> None:
    """Identity is content plus date: the same entries stand at the same places, and what is known is not read again."""
    files: dict[str, Content] = {}
    with Ledger.open(tmp_path_factory.mktemp("lived")) as lived, Ledger.open(tmp_path_factory.mktemp("fresh")) as fresh:
        for what, path, other, content in history:
            act(files, what, path, other, content)
            if what == "load":
                known = {entry.entry_id for entry in lived.past.entries(GROUP)}
                read = load(lived, files)
                assert len(read) == len(set(read))
                assert not known & set(read)
        load(lived, files)
        load(fresh, files)
        assert standing(lived) == standing(fresh)
        assert len(standing(fresh)) == len({entry for content in files.values() for entry in content})
        assert load(lived, files) == []
