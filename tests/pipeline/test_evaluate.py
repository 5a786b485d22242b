"""`evaluate`: gold goes the whole way of a journal, and what comes back is scored."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import Bench

PERSON = {"type": "Person"}


def gold(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def row(text: str, names: list[str], *facts: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    told = [{"source": a, "target": b, "relation": r, "valid_at": "2024-04-03"} for a, b, r in facts]
    return {
        "date": "2024-04-03",
        "owner": "Anna Keller",
        "text": text,
        "entities": [{"name": name, **PERSON} for name in names],
        "facts": told,
        **more,
    }


def figures(told: Any) -> dict[str, float]:
    return {figure["what"]: round(figure["value"], 3) for figure in told["figures"]}


PERFECT = row("Nadia works at Helios. I met Nadia.", ["Nadia", "Helios"],
              ("Nadia", "Helios", "WORKS_WITH"), ("Anna Keller", "Nadia", "MET"))  # fmt: skip


def test_what_was_marked_and_read_is_perfect(bench: Bench, tmp_path: Path) -> None:
    """A set that the scripted model reads as its gold has it scores one in everything; the home is not touched."""
    before = sorted(bench.home.rglob("*"))
    told = bench.ask("evaluate", str(gold(tmp_path / "gold.jsonl", PERFECT)), "--json")
    assert told.code == 0
    assert set(figures(told.json).values()) == {1.0}
    assert told.json["texts"] == 1
    assert {cost["prompt"] for cost in told.json["prompts"]} >= {"extract_nodes.extract_text", "extract_edges.edge"}
    assert sorted(bench.home.rglob("*")) == before


def test_what_was_not_found_costs_recall(bench: Bench, tmp_path: Path) -> None:
    """One name and one fact in two: half the recall at full precision."""
    more = row("Thomas met Nadia. something stirred.", ["Thomas", "Nadia", "something"], ("Thomas", "Nadia", "MET"))
    path = gold(tmp_path / "gold.jsonl", more)
    found = {figure["what"]: figure for figure in bench.ask("evaluate", str(path), "--json").json["figures"]}
    names = found["names of a text"]
    assert (names["precision"], round(names["recall"], 3)) == (1.0, 0.667)


def test_worlds_do_not_meet_and_one_world_is_one_graph(bench: Bench, tmp_path: Path) -> None:
    """Who is who is measured inside a world: there the second Nadia Ro is the first Nadia."""

    def named(text: str, world: str, *spans: tuple[str, str]) -> dict[str, Any]:
        mentions = [
            {"start": text.index(name), "end": text.index(name) + len(name), "name": name, "identity": who, **PERSON}
            for name, who in spans
        ]
        return {"date": "2024-04-03", "text": text, "world": world, "mentions": mentions}

    rows = (
        named("Nadia met Thomas.", "one", ("Nadia", "n"), ("Thomas", "t")),
        named("Nadia Ro came.", "one", ("Nadia Ro", "n")),
        named("Nadia met Otto.", "two", ("Nadia", "another"), ("Otto", "o")),
    )
    told = bench.ask("evaluate", str(gold(tmp_path / "gold.jsonl", *rows)), "--json").json
    assert figures(told)["who is who (B3)"] == 1.0
    assert figures(told)["names, the very characters"] == 1.0


def test_the_page_needs_nothing_else(bench: Bench, tmp_path: Path) -> None:
    """One file with plots, no script, no request, nothing of the texts in it."""
    told = bench.ask("evaluate", str(gold(tmp_path / "gold.jsonl", PERFECT)), "--page", str(tmp_path / "q.html"))
    assert "facts: the two ends" in told.out
    page = (tmp_path / "q.html").read_text(encoding="utf-8")
    assert page.count("<svg") >= 1
    assert not re.search(r"<script|https?://|url\(|@import", page)
    assert "default-src 'none'" in page
    assert "Nadia" not in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["nowhere.jsonl"], "cannot be read"), (["gold.jsonl", "--min-confidence", "2"], "0 to 1 is allowed")],
)
def test_bad_input_is_one_line(bench: Bench, tmp_path: Path, arguments: list[str], said: str) -> None:
    """Before any model is loaded."""
    gold(tmp_path / "gold.jsonl", PERFECT)
    told = bench.ask("evaluate", str(tmp_path / arguments[0]), *arguments[1:])
    assert told.code == 2
    assert said in told.err
    assert (told.err.count("\n"), bench.engine.computed) == (1, 0)
