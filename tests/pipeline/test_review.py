"""`review`: what was read is looked through, decided on, and mended at once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cli import review_screen
from tests.pipeline.conftest import Bench


def listed(bench: Bench) -> list[Any]:
    return list(bench.ask("review", "--list", "--json").json)


def item(bench: Bench, words: str) -> Any:
    return next(one for one in listed(bench) if words == one.get("fact", one.get("name")))


def decided(bench: Bench, tmp_path: Path, *decisions: dict[str, Any]) -> Any:
    path = tmp_path / "decisions.jsonl"
    path.write_text("\n".join(map(json.dumps, decisions)), encoding="utf-8")
    return bench.ask("review", "--decisions", str(path))


def test_items_come_text_by_text_with_their_sentence(bench: Bench) -> None:
    """People and things of a text, then its facts; each once, with the words it was read from and likely doubles."""
    bench.load()
    items = listed(bench)
    assert [one.get("fact", one.get("name")) for one in items[:3]] == ["Nadia", "Helios", "Thomas"]
    assert len({one["uuid"] for one in items}) == len(items)
    assert item(bench, "Nadia left Helios.")["words"] == "Nadia left Helios."
    assert item(bench, "Nadia")["words"] == "Nadia works at Helios."


def test_decisions_of_a_file_act_at_once(bench: Bench, tmp_path: Path) -> None:
    """Each verb changes what the commands show, leaves the list, and the last is taken back first."""
    bench.load()
    before = bench.dump()
    told = decided(
        bench,
        tmp_path,
        {"uuid": item(bench, "Nadia left Helios.")["uuid"], "verb": "reject"},
        {"uuid": item(bench, "Thomas lives in Lyon.")["uuid"], "verb": "date", "valid_at": "2020-01-01"},
        {"uuid": item(bench, "Zoë")["uuid"], "verb": "rename", "to": "Zoë Ro"},
        {"uuid": item(bench, "Łódź")["uuid"], "verb": "merge", "into": "Lyon"},
        {"uuid": item(bench, "Nadia")["uuid"], "verb": "accept"},
    )
    assert (told.code, told.out) == (0, "5 decisions made\n")
    names = [one.get("fact", one.get("name")) for one in listed(bench)]
    assert not {"Nadia left Helios.", "Thomas lives in Lyon.", "Zoë", "Łódź", "Nadia"} & set(names)
    assert bench.ask("show", "Zoë Ro").code == 0
    assert bench.ask("show", "Łódź").code == 2
    for said in ("accept Nadia", "merge Łódź", "rename Zoë", "date Thomas lives in Lyon.", "reject Nadia left Helios."):
        assert bench.ask("review", "--undo").out == f"taken back: {said}\n"
    assert bench.dump() == before
    assert bench.ask("review", "--undo").code == 2


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        ({"verb": "merge", "into": "Nobody"}, "no other 'Nobody'"),
        ({"verb": "date", "valid_at": "soon"}, "does not fit"),
        ({"verb": "rename", "to": " "}, "new name is needed"),
        ({"verb": "rename", "uuid": "nothing", "to": "x"}, "no decision on an undecided item"),
    ],
)
def test_a_decision_that_cannot_be_made_is_named_with_its_line(
    bench: Bench, tmp_path: Path, decision: dict[str, Any], said: str
) -> None:
    """Exit code 2; those before it are kept, the graph is whole."""
    bench.load()
    nadia = item(bench, "Nadia")["uuid"]
    told = decided(
        bench, tmp_path, {"uuid": nadia, "verb": "accept"}, {"uuid": item(bench, "Thomas")["uuid"], **decision}
    )
    assert told.code == 2
    assert ":2" in told.err
    assert said in told.err
    assert nadia not in [one["uuid"] for one in listed(bench)]


def test_a_fact_cannot_end_before_it_began(bench: Bench, tmp_path: Path) -> None:
    """Dates the wrong way round are refused, and so is what is no date."""
    bench.load()
    uuid = item(bench, "Thomas lives in Lyon.")["uuid"]
    for days, said in (
        ({"valid_at": "2024-01-02", "invalid_at": "2024-01-01"}, "before it began"),
        ({"valid_at": "soon"}, "no date"),
    ):
        told = decided(bench, tmp_path, {"uuid": uuid, "verb": "date", **days})
        assert (told.code, said in told.err) == (2, True)


def test_without_a_terminal_it_says_so(bench: Bench) -> None:
    """A program is told how; nothing hangs."""
    bench.load()
    told = bench.ask("review")
    assert told.code == 2
    assert "--decisions" in told.err


def test_one_key_a_decision(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right, wrong, later, taken back, a new name typed, an unknown key ignored, the end; all of it kept."""
    bench.load()
    keys: Iterator[str] = iter(["a", "r", "x", "s", "u", "r", "n", "q"])
    monkeypatch.setattr(review_screen, "_key", lambda: next(keys))
    monkeypatch.setattr("builtins.input", lambda _: "Thomas Roy")
    monkeypatch.setattr(review_screen, "_is_terminal", lambda: True)
    told = bench.ask("review")
    assert "3 decisions made" in told.out
    names = {entity["name"] for entity in bench.dump()["entities"]}
    assert "Helios" not in names
    assert "Thomas Roy" in names
