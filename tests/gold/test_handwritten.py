"""The handwritten gold keeps its own rules: see README.md beside it.

Knows the file and the product's entity types; asks no model.
"""

import json
import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app.pipeline.strangers import names_in
from app.prompts.relations import relations_between
from app.prompts.signatures import ENTITY_TYPES

QUESTIONS = Path(__file__).parent / "questions.jsonl"
LINES = (Path(__file__).parent / "handwritten.jsonl").read_text(encoding="utf-8").splitlines()
ENTRIES: list[dict[str, Any]] = [json.loads(line) for line in LINES]

every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=[entry["id"] for entry in ENTRIES])


def test_the_collection_is_as_described() -> None:
    """Forty entries by forty writers, in order of date: thirty English, six German, four French; four name nothing."""
    assert [entry["id"] for entry in ENTRIES] == [f"h{number:02d}" for number in range(1, 41)]
    assert [entry["date"] for entry in ENTRIES] == sorted(entry["date"] for entry in ENTRIES)
    assert len({entry["owner"] for entry in ENTRIES}) == 40
    assert Counter(entry["language"] for entry in ENTRIES) == {"en": 30, "de": 6, "fr": 4}
    assert sum(not entry["entities"] for entry in ENTRIES) == 4
    assert any(fact["invalid_at"] for entry in ENTRIES for fact in entry["facts"])
    assert {entity["type"] for entry in ENTRIES for entity in entry["entities"]} == set(ENTITY_TYPES)


@every_entry
def test_the_fields_are_complete(entry: dict[str, Any]) -> None:
    """An entry has exactly the described fields, 40 to 150 words, and a real date of 1700 to 2026."""
    assert list(entry) == ["id", "date", "language", "owner", "text", "entities", "facts"]
    assert all(list(entity) == ["name", "type"] for entity in entry["entities"])
    fields = ["source", "target", "relation", "fact", "valid_at", "invalid_at"]
    assert all(list(fact) == fields for fact in entry["facts"])
    assert 40 <= len(entry["text"].split()) <= 150
    assert entry["text"] == entry["text"].strip()
    assert 1700 <= date.fromisoformat(entry["date"]).year <= 2026


@every_entry
def test_names_stand_in_the_text(entry: dict[str, Any]) -> None:
    """Each name stands in the text from the start of a word, is listed once, has a known type, is not the writer's."""
    names = [entity["name"] for entity in entry["entities"]]
    assert len(set(names)) == len(names)
    assert entry["owner"] not in names
    for entity in entry["entities"]:
        assert re.search(rf"(?<!\w){re.escape(entity['name'])}", entry["text"]), entity
        assert entity["type"] in ENTITY_TYPES


@every_entry
def test_facts_join_what_is_listed(entry: dict[str, Any]) -> None:
    """A fact joins two ends that its relation can join, each listed or the writer; its sentence names both."""
    kinds = {entity["name"]: entity["type"] for entity in entry["entities"]} | {entry["owner"]: "Person"}
    for fact in entry["facts"]:
        assert {fact["source"], fact["target"]} <= set(kinds)
        assert fact["source"] != fact["target"]
        assert fact["fact"].startswith(fact["source"])
        assert fact["target"] in fact["fact"]
        assert fact["fact"].endswith(".")
        assert fact["relation"] in relations_between(kinds[fact["source"]], kinds[fact["target"]])
    keys = [(fact["source"], fact["relation"], fact["target"]) for fact in entry["facts"]]
    assert len(set(keys)) == len(keys)


@every_entry
def test_facts_hold_when_they_are_written(entry: dict[str, Any]) -> None:
    """A fact becomes true on the entry's day or earlier, and ends, if it does, no earlier than it began."""
    for fact in entry["facts"]:
        valid_at = date.fromisoformat(fact["valid_at"])
        assert valid_at <= date.fromisoformat(entry["date"])
        assert fact["invalid_at"] is None or date.fromisoformat(fact["invalid_at"]) >= valid_at


def test_the_questions_are_as_described() -> None:
    """What is told names the entry that tells it; a stranger's name stands in no entry."""
    questions = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    assert Counter(asked["kind"] for asked in questions) == {"told": 46, "stranger": 20, "untold": 26}
    known = {entry["id"] for entry in ENTRIES}
    assert all((asked["entry"] in known) == (asked["kind"] == "told") for asked in questions)
    texts = " ".join(entry["text"] for entry in ENTRIES)
    strangers = [name for asked in questions if asked["kind"] == "stranger" for name in names_in(asked["question"])]
    assert strangers
    assert not [name for name in strangers if name in texts]
