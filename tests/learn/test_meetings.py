"""Who is who becomes lessons: from gold with identities, and from the owner's own merges."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema

from app.learn.lessons import RESOLVE, examples_of, meetings_of, said_in
from app.measure.gold import GoldMention, GoldText
from tests.pipeline.conftest import Bench, bench

__all__ = ["bench"]


def text(day: int, words: str, *named: tuple[str, str]) -> GoldText:
    mentions = tuple(
        GoldMention(words.index(name), words.index(name) + len(name), name, "Person", who) for name, who in named
    )
    return GoldText(str(day), "w", date(2024, 4, day), "Mia", words, (), mentions, identities=True)


def test_a_name_is_asked_about_where_it_could_be_someone_known() -> None:
    """Another form of a known name is its bearer; a stranger of like name nobody known; the same name no question."""
    texts = [
        text(3, "Rosa Lind sang. Eva came.", ("Rosa Lind", "r"), ("Eva", "e")),
        text(4, "Rosa slept. Eva left.", ("Rosa", "r"), ("Eva", "e")),
        text(5, "Otto Lind came.", ("Otto Lind", "o")),
    ]
    first, second = meetings_of(reversed(texts))
    assert (first.name, first.same_as, first.known) == (
        "Rosa",
        "Rosa Lind",
        (("Rosa Lind", "Person", "Rosa Lind sang."),),
    )
    assert (second.name, second.same_as, [name for name, _, _ in second.known]) == ("Otto Lind", None, ["Rosa Lind"])


def test_a_meeting_is_the_call_that_a_load_would_make() -> None:
    """The right answer keeps to the call's schema, and is what it is scored by."""
    texts = [text(3, "Rosa Lind sang.", ("Rosa Lind", "r")), text(4, "Rosa slept.", ("Rosa", "r"))]
    (example,) = examples_of([], meetings_of(texts))[RESOLVE]
    answer = {"entity_resolutions": example.entity_resolutions}
    jsonschema.validate(answer, example.answer_schema)
    assert said_in(RESOLVE, example.entity_resolutions) == set(example.right) == {"Rosa is Rosa Lind"}
    assert said_in(RESOLVE, [{"name": "Rosa", "same_as": None}]) == {"Rosa is nobody known"}


def test_merges_in_review_are_lessons_on_who_is_who(bench: Bench, tmp_path: Path) -> None:
    """A merge that the owner made counts for `optimise`."""
    bench.load()
    items: list[Any] = bench.ask("review", "--list", "--json").json
    uuid = next(item["uuid"] for item in items if item.get("name") == "Łódź")
    decisions = tmp_path / "decisions.jsonl"
    decisions.write_text(json.dumps({"uuid": uuid, "verb": "merge", "into": "Lyon"}), encoding="utf-8")
    assert "0 for resolve_entities" in bench.ask("optimise", "--dry-run").err
    assert bench.ask("review", "--decisions", str(decisions)).code == 0
    assert "1 for resolve_entities" in bench.ask("optimise", "--dry-run").err
