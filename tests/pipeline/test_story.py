"""A picture told in order of time, and two readings compared."""

import dataclasses
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings

from app.errors import BadInput
from app.picture import Picture
from app.pipeline.story import changes, diff, timeline
from tests.export.any import pictures
from tests.pipeline.conftest import Bench
from tests.pipeline.scripted import fresh_home
from tests.view.pictures import small_life


def without_names(picture: Picture) -> Picture:
    """The same told with other uuids, as another run would have it."""
    fresh = {fact.uuid: fact.uuid[::-1] for fact in picture.facts}
    return dataclasses.replace(
        picture,
        facts=tuple(dataclasses.replace(fact, uuid=fresh[fact.uuid]) for fact in picture.facts),
        spans=tuple(dataclasses.replace(span, target=fresh.get(span.target, span.target)) for span in picture.spans),
    )


def test_a_timeline_is_beginnings_and_ends_in_order() -> None:
    """Bern ends before Vienna begins on the same day; an entity is found by any case; bounds are inclusive."""
    told = [(str(event.day), event.kind, event.fact.fact) for event in timeline(small_life(), "anna")]
    assert told == [
        ("1912-04-03", "begins", "Anna met Clara Weiss."),
        ("1912-05-10", "begins", "Anna lives in Bern."),
        ("1913-02-01", "ends", "Anna lives in Bern."),
        ("1913-02-01", "begins", "Anna lives in Vienna."),
    ]
    days = {event.day for event in timeline(small_life(), since=date(1912, 5, 10), until=date(1912, 5, 10))}
    assert days == {date(1912, 5, 10)}
    with pytest.raises(BadInput, match="did you mean Vienna"):
        timeline(small_life(), "Viena")


def test_changes_since_a_day() -> None:
    """What began, what ended and who is first named on that day or later."""
    new = changes(small_life(), date(1912, 5, 10))
    assert [fact.fact for fact in new.began] == ["Anna lives in Bern.", "Anna lives in Vienna."]
    assert [fact.fact for fact in new.ended] == ["Anna lives in Bern."]
    assert [(str(one.day), one.name) for one in new.appeared] == [
        ("1912-05-10", "Anna"), ("1912-05-10", "Bern"), ("1913-02-01", "Vienna"),
    ]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(pictures())
def test_a_reading_does_not_differ_from_itself(picture: Picture) -> None:
    """Whatever uuids it has: all facts are the same, none is added, removed or changed."""
    found = diff(picture, without_names(picture))
    assert (found.same, found.added, found.removed, found.changed) == (len(picture.facts), (), (), ())


@settings(max_examples=40, deadline=None)
@given(pictures(), pictures())
def test_a_diff_counts_every_fact_once_and_turns_round(before: Picture, after: Picture) -> None:
    """same + changed + removed are the first, same + changed + added the second; exchanged, they exchange."""
    found, back = diff(before, after), diff(after, before)
    assert found.same + len(found.changed) + len(found.removed) == len(before.facts)
    assert found.same + len(found.changed) + len(found.added) == len(after.facts)
    assert (found.same, len(found.changed)) == (back.same, len(back.changed))
    assert sorted(map(repr, found.added)) == sorted(map(repr, back.removed)) or found.changed


def test_one_sentence_read_in_two_ways_is_a_change() -> None:
    """Another relation for the same ends and sentence is changed; another end is removed and added."""
    life = small_life()
    bern = next(fact for fact in life.facts if "Bern" in fact.fact)
    others = tuple(fact for fact in life.facts if fact != bern)
    reworded = dataclasses.replace(bern, relation="LIKES", fact="Anna likes Bern.")
    found = diff(life, dataclasses.replace(life, facts=(*others, reworded)))
    assert [(change.before.fact, change.after.fact) for change in found.changed] == [
        ("Anna lives in Bern.", "Anna likes Bern.")
    ]
    vienna = next(entity.uuid for entity in life.entities if entity.name == "Vienna")
    found = diff(life, dataclasses.replace(life, facts=(*others, dataclasses.replace(bern, target=vienna))))
    assert (found.same, len(found.removed), len(found.added), found.changed) == (3, 1, 1, ())


def test_the_commands_tell_it(bench: Bench, tmp_path: Path) -> None:
    """timeline, changes, show and diff on a loaded home, for people and as JSON; a home and an export compare alike."""
    bench.load()
    told = bench.ask("timeline", "Nadia").out
    assert "2024-03-04  Nadia works at Helios.\n" in told
    assert "2024-04-21  ends: Nadia works at Helios. (since 2024-03-04)\n" in told
    assert bench.ask("timeline", "Nadia", "--until", "2024-03-04", "--json").json[0]["day"] == "2024-03-04"
    assert (
        "first named, 2\n2024-03-11  Zoë (Person)\n2024-03-11  Łódź (Person)\n"
        in bench.ask("changes", "2024-03-11").out
    )
    card = bench.ask("show", "nadia").out
    assert "no longer true\n2024-03-04 to 2024-04-21  Nadia works at Helios.\n" in card
    assert "told of with\n  Anna Keller" in card or "told of with\n  Helios (2)" in card
    assert "Nadia works at Helios." in bench.ask("show", "nadia", "--as-of", "2024-03-05").out
    assert "Nadia works at Helios." not in bench.ask("show", "nadia", "--as-of", "2024-04-21").out
    bench.ask("export", "jsonld", "--out", str(tmp_path / "a.jsonld"))
    (bench.journals / "2025.md").write_text("# 2025-01-01\n\nMara lives in Kiel.\n")
    bench.load()
    found = bench.ask("diff", str(tmp_path / "a.jsonld"), str(bench.home))
    assert found.out.splitlines()[:2] == ["only in RUN_B, 1", "+ 2025-01-01  Mara lives in Kiel.  [LIVES_WITH]"]
    assert found.out.splitlines()[-1].endswith("the same, 0 changed, 0 removed, 1 added")
    assert (
        bench.ask("diff", str(tmp_path / "a.jsonld"), str(tmp_path / "nowhere"), home=fresh_home(tmp_path / "o")).code
        == 2
    )
