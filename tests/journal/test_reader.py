"""Files and folders: what is found, which date counts, what is refused."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BadJournal
from app.journal.reader import find_files, read_journal
from tests.journal.shared import assert_partition
from tests.journal.test_headings import THIRD_OF_APRIL

DAY = date(2024, 4, 3)
Write = Callable[..., Path]  # (name, content) to a new file


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(name: str, content: str | bytes = "Wet all day.") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


def test_files_are_found_in_an_order_the_file_system_does_not_choose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    """Sorted by name, folders too; hidden and foreign files are skipped; one file given twice is read once."""
    names = ["2023/b.md", "2023/a.TXT", "2024/c.json", "z.markdown", "y.jrnl", ".hidden/x.md", ".x.md", "photo.png"]
    paths = [write(name) for name in reversed(names)]
    expected = [tmp_path / name for name in ("2023/a.TXT", "2023/b.md", "2024/c.json", "y.jrnl", "z.markdown")]
    assert find_files([tmp_path, paths[0].parent]) == expected
    listing = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: sorted(listing(self), reverse=True))
    assert find_files([tmp_path, paths[-1]]) == expected
    assert find_files([tmp_path / "photo.png"]) == [tmp_path / "photo.png"]


def test_a_folder_that_links_to_itself_is_named_once_and_not_followed(
    tmp_path: Path, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    """A loop costs one line in the log; a file that links to itself is a file that cannot be read."""
    path = write("a.md")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.md").symlink_to("self.md")
    assert find_files([tmp_path]) == [path, tmp_path / "self.md"]
    assert [str(tmp_path / "loop") in record.getMessage() for record in caplog.records] == [True]
    with pytest.raises(BadJournal, match=r"self\.md: cannot be read"):
        read_journal(tmp_path / "self.md")


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """A name of bytes that are no UTF-8 could be written nowhere: one line, which itself can be written."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/2024-03-04 caf\xe9.md"))
    try:
        path.write_text("Wet all day.")
    except OSError:
        pytest.skip("this file system takes no such name")
    assert find_files([tmp_path]) == [path]
    with pytest.raises(BadJournal, match="name is not UTF-8") as told:
        read_journal(path)
    assert "caf" in str(told.value).encode().decode()


def test_no_path_and_no_journal_are_refused(tmp_path: Path) -> None:
    """A path that does not exist and a folder without journals are named."""
    with pytest.raises(BadJournal, match="nowhere: no such file"):
        find_files([tmp_path / "nowhere"])
    with pytest.raises(BadJournal, match="no journal file in this folder"):
        find_files([tmp_path])


@pytest.mark.parametrize(
    ("name", "content", "day", "precision"),
    [
        ("2024-04-03.md", "Wet.", "2024-04-03", "day"),
        ("20240403.txt", "Wet.", "2024-04-03", "day"),
        ("2024_04_03 walk.txt", "Wet.", "2024-04-03", "day"),
        ("2024/04/03.md", "Wet.", "2024-04-03", "day"),
        ("2024/2024-04/03.md", "Wet.", "2024-04-03", "day"),
        ("03 April 2024.md", "Wet.", "2024-04-03", "day"),
        ("2024-04.md", "Wet.", "2024-04-01", "month"),
        ("diary_2024.txt", "Wet.", "2024-01-01", "year"),
        ("backup-2023-01-01/2024-04-03.md", "Wet.", "2024-04-03", "day"),
        ("2023-01-01.md", "---\ndate: 2024-04-03\n---\nWet.", "2024-04-03", "day"),
        ("2023-01-01.md", "---\r\ntitle: x\r\ncreated: 2024-04-03T23:00:00+02:00\r\n---\r\nWet.", "2024-04-03", "day"),
        ("2023-01-01.md", "# 2024-04-03\nWet.", "2024-04-03", "day"),
        ("a.md", "---\ndate: 2023-02-31\n---\nWet.", "2023-02-28", "day"),
        ("a.txt", "2024\n\nWet.", "2024-01-01", "year"),
        ("a.txt", "April 2024\n\nWet.", "2024-04-01", "month"),
        ("1911.txt", "January 3\n\nWet.", "1911-01-03", "day"),
        ("2024-04-03.md", "Wet.\n\n## 2019\n\nWas dry.", "2024-04-03", "day"),
    ],
)
def test_front_matter_then_headings_then_the_name_date_a_file(
    write: Write, name: str, content: str, day: str, precision: str
) -> None:
    """The strongest source wins; the name is asked last; month and year stay as coarse as they are."""
    reading = read_journal(write(name, content))
    assert_partition(reading)
    (entry,) = reading.entries
    assert (entry.date.isoformat(), entry.precision) == (day, precision)
    assert entry.text.startswith("Wet.")


def test_prose_before_the_first_date_belongs_to_the_first_entry_unless_the_file_has_a_day(write: Write) -> None:
    """Nothing is lost: a preamble joins the first entry, or is the entry of the file's own day."""
    text = "My diary\n\n2024\n\n2024-04-03\nWet.\n\n2024-04-04\nDry.\n"
    reading = read_journal(write("a.txt", text))
    assert [e.text for e in reading.entries] == ["My diary\n\n2024\n\n2024-04-03\nWet.", "Dry."]
    assert [k for _, k in reading.furniture] == ["blank", "heading", "blank", "blank"]
    dated = read_journal(write("2024-04-02.txt", text.replace("2024\n\n", "", 1)))
    assert [(e.date.day, e.text) for e in dated.entries] == [(2, "My diary"), (3, "Wet."), (4, "Dry.")]


def test_the_owner_may_date_a_file_by_its_name_or_its_last_change(write: Write) -> None:
    """The file is then one entry, headings and all; without any date the refusal names both ways."""
    path = write("2024-04-03.txt", "2020-01-01\nOld.")
    assert [e.date for e in read_journal(path, date_from="name").entries] == [DAY]
    undated = write("a.txt")
    os.utime(undated, (1712145600, 1712145600))  # noon of 2024-04-03, UTC
    assert [e.date for e in read_journal(undated, date_from="mtime").entries] == [DAY]
    with pytest.raises(BadJournal, match=r"--date-from name.*--date-from mtime"):
        read_journal(undated)
    with pytest.raises(BadJournal, match="the name gives no date"):
        read_journal(undated, date_from="name")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"\x89PNG\0", "byte 4 is NUL"),
        ("a.txt", "été".encode() * 9 + b"\xff", "byte 45 is not UTF-8"),
        ("a.md", "---\ntitle: a: b\n---\nx", "line 2 of the front matter is not YAML"),
        ("a.md", "---\nx: " + "[" * 9999 + "\n---\nx", "front matter is not YAML"),
        ("a.txt", "04/05/2024\nx", "04/05/2024 may begin with the day or with the month"),
        ("a.txt", "April 2024\n\n03/04/2024\nMet Anna.\n\n05/04/2024\nBob died.\n", "03/04/2024 may begin"),
        ("a.txt", "2024-04-03\nMet Anna.\n\n05/04/2024\nBob died.\n", "05/04/2024 may begin"),
        ("a.json", "{", "line 1, column 2 is not JSON"),
    ],
)
def test_bad_files_are_refused_in_one_line(write: Write, name: str, content: str | bytes, message: str) -> None:
    """The message names the file and the place, and never what the journal says."""
    path = write(name, content)
    with pytest.raises(BadJournal, match=message) as caught:
        read_journal(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_what_is_no_readable_file_is_refused(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder, a pipe, a missing file, a forbidden one and one too large: each is refused before it is read."""
    os.mkfifo(tmp_path / "pipe.txt")
    for path, message in [
        (tmp_path, "not a regular file"),
        (tmp_path / "pipe.txt", "not a regular file"),
        (tmp_path / "gone.txt", "cannot be read .No such file"),
    ]:
        with pytest.raises(BadJournal, match=message):
            read_journal(path)
    large = write("large.txt", b"")
    with large.open("wb") as file:
        file.truncate(500 * 1024 * 1024)
    with pytest.raises(BadJournal, match="524,288,000 bytes"):
        read_journal(large)

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write("2024-04-03.md")
    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(BadJournal, match="Permission denied"):
        read_journal(path)


def test_copies_hold_the_same_entries(write: Write) -> None:
    """Identity is content and date: name, place, encoding and line ends around the text do not matter."""
    text = "# 2024-04-03\n\nJ’ai été là.\n"
    contents = [text.encode(), text.encode("utf-8-sig"), text.encode("cp1252"), text.replace("\n", "\r\n").encode()]
    readings = [read_journal(write(f"{i}/copy.md", content)) for i, content in enumerate(contents)]
    assert len({entry.entry_id for reading in readings for entry in reading.entries}) == 1
    assert len({reading.sha256 for reading in readings}) == len(contents)


def test_an_empty_file_has_no_entries(write: Write) -> None:
    """A blank page is no failure."""
    for content in (b"", b" \r\n", b"\xef\xbb\xbf", b"2024-04-03\n\n2024-04-04\n"):
        reading = read_journal(write("a.txt", content))
        assert reading.entries == ()
        assert reading.covered_chars == len(reading.text)


_LINES = st.sampled_from(
    [*THIRD_OF_APRIL.splitlines(), "", "1911", "# March", "January 3", "Wet.", "---", "date: 1911-01-03"]
)


@given(st.lists(st.one_of(_LINES, st.text(max_size=9))), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_every_character_has_one_owner(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], line_end: str, has_mark: bool
) -> None:
    """Whatever the lines: the file is refused, or entries and furniture partition its text."""
    path = tmp_path_factory.getbasetemp() / "any.md"
    path.write_bytes(("\ufeff" * has_mark + line_end.join(lines)).encode(errors="replace"))
    try:
        reading = read_journal(path)
    except BadJournal:
        return
    if reading.text:
        assert_partition(reading)
    assert all(entry.text.strip() == entry.text != "" for entry in reading.entries)
