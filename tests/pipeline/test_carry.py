"""Leaving with one's data and coming back with it: export then import equals."""

import json
from pathlib import Path

import pytest

from app.export import jsonld
from tests.pipeline.conftest import Bench
from tests.pipeline.scripted import fresh_home
from tests.view.pictures import large_life


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Another empty home."""
    return fresh_home(tmp_path / "other")


def test_an_imported_home_equals_its_source(bench: Bench, copy: Path, tmp_path: Path) -> None:
    """Graph, places of texts, searches and a second export are equal; a load of the same journals asks nothing."""
    bench.load()
    file = tmp_path / "diary.jsonld"
    bench.ask("export", "jsonld", "--out", str(file))
    told = bench.ask("import", str(file), "--json", home=copy)
    assert told.code == 0
    assert bench.dump(copy) == bench.dump()
    for question in (["search", "Helios"], ["show", "Nadia"], ["export", "jsonld", "--out", str(tmp_path / "x")]):
        assert bench.ask(*question, home=copy).out == bench.ask(*question).out
    again = tmp_path / "again.jsonld"
    bench.ask("export", "jsonld", "--out", str(again), home=copy)
    assert again.read_text() == file.read_text()
    computed = bench.engine.computed
    report = bench.load(bench.journals, "--json", home=copy).json
    assert (bench.engine.computed, report["entries_new"], report["chunks_done"]) == (computed, 0, 3)


def test_an_imported_home_can_be_decided_on(bench: Bench, copy: Path, tmp_path: Path) -> None:
    """Everything in it can go and come back: Kuzu once died of changes to rows that an import had made together."""
    file, decided = tmp_path / "life.jsonld", tmp_path / "decisions.jsonl"
    file.write_text("".join(jsonld.write(large_life(6, 8))), encoding="utf-8")
    assert bench.ask("import", str(file), home=copy).code == 0
    before = bench.dump(copy)
    entities = [one for one in bench.ask("review", "--list", "--json", home=copy).json if one["kind"] == "entity"]
    decided.write_text("\n".join(json.dumps({"uuid": one["uuid"], "verb": "reject"}) for one in entities[:2]))
    assert bench.ask("review", "--decisions", str(decided), home=copy).out == "2 decisions made\n"
    assert bench.dump(copy) != before
    for _ in range(2):
        assert bench.ask("review", "--undo", home=copy).code == 0
    assert bench.dump(copy) == before


def test_decisions_come_along(bench: Bench, copy: Path, tmp_path: Path) -> None:
    """Made before the export, they stay made: not asked again, held by the next load, and each can be taken back."""
    bench.load()
    plain, file, decided = bench.dump(), tmp_path / "diary.jsonld", tmp_path / "decisions.jsonl"
    uuids = {one.get("fact", one.get("name")): one["uuid"] for one in bench.ask("review", "--list", "--json").json}
    made: list[dict[str, str]] = [
        {"uuid": uuids["Nadia left Helios."], "verb": "reject"},
        {"uuid": uuids["Thomas lives in Lyon."], "verb": "date", "valid_at": "2020-01-01"},
        {"uuid": uuids["Zoë"], "verb": "rename", "to": "Zoë Ro"},
        {"uuid": uuids["Łódź"], "verb": "merge", "into": "Lyon"},
        {"uuid": uuids["Nadia"], "verb": "accept"},
    ]
    decided.write_text("\n".join(map(json.dumps, made)), encoding="utf-8")
    assert bench.ask("review", "--decisions", str(decided)).code == 0
    bench.ask("export", "jsonld", "--out", str(file))
    for _ in range(2):  # the second import finds them there
        assert bench.ask("import", str(file), home=copy).code == 0
    assert bench.dump(copy) == bench.dump()
    assert bench.ask("review", "--list", "--json", home=copy).out == bench.ask("review", "--list", "--json").out
    again = tmp_path / "again.jsonld"
    bench.ask("export", "jsonld", "--out", str(again), home=copy)
    assert again.read_text() == file.read_text()
    bench.load(bench.journals, home=copy)
    assert bench.dump(copy) == bench.dump()
    for _ in made:
        assert bench.ask("review", "--undo", home=copy).out == bench.ask("review", "--undo").out
    assert bench.dump(copy) == bench.dump() == plain
    assert bench.ask("search", "Zoë", home=copy).out == bench.ask("search", "Zoë").out


def test_an_import_can_be_repeated_and_never_mixes(bench: Bench, copy: Path, tmp_path: Path) -> None:
    """The same file twice changes nothing; a home that holds other texts of the group is refused and stays as it is."""
    bench.load()
    file = tmp_path / "diary.jsonld"
    bench.ask("export", "jsonld", "--out", str(file))
    assert bench.ask("import", str(file), home=copy).code == 0
    assert bench.ask("import", str(file), home=copy).code == 0
    (bench.journals / "2025.md").write_text("# 2025-01-01\n\nMara lives in Kiel.\n")
    bench.load()
    before = bench.dump()
    told = bench.ask("import", str(file))
    assert told.code == 2
    assert "needs an empty one" in told.err
    assert bench.dump() == before


def test_what_cannot_be_imported_is_one_line(bench: Bench, copy: Path, tmp_path: Path) -> None:
    """A missing file, a file of another kind, a file of another group: exit code 2, and nothing is made."""
    (tmp_path / "other.json").write_text(json.dumps({"some": "thing"}))
    for name in ("nowhere.jsonld", "other.json"):
        told = bench.ask("import", str(tmp_path / name), home=copy)
        assert (told.code, told.err.count("\n")) == (2, 1)
    bench.load()
    bench.ask("export", "jsonld", "--out", str(tmp_path / "d.jsonld"))
    assert "not 'other'" in bench.ask("import", str(tmp_path / "d.jsonld"), "--group", "other", home=copy).err
    assert not (copy / "ledger.sqlite").exists()


@pytest.mark.parametrize("form", ["graphml", "csv", "markdown", "cypher"])
def test_every_format_is_written_from_the_command_line(bench: Bench, tmp_path: Path, form: str) -> None:
    """One call, one place, private files, and one line that says what was written."""
    bench.load()
    out = tmp_path / f"out-{form}"
    told = bench.ask("export", form, "--out", str(out))
    assert (told.code, told.out.count("\n")) == (0, 1)
    files = [out] if out.is_file() else [path for path in out.rglob("*") if path.is_file()]
    assert files
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
    assert any("Helios" in path.read_text() for path in files)
