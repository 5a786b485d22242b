"""What a new name or fact could have to do with a known one."""

import pytest

from app.prompts.alike import could_be, could_end
from training.made.journal import make_journal


@pytest.mark.parametrize(
    ("new", "known"),
    [
        ("Clara", "Clara Weiss"),
        ("Mrs. Gale", "Edith Gale"),
        ("J. Smith", "Jane Smithson"),
        ("Müller", "Hans Mueller-Muller"),
        ("Lotte", "Charlotte Buff"),
        ("Meg", "Margaret Hobbs"),
        ("my sister", "Clara"),
        ("Ma fille", "Sheila"),
        ("Mum", "Hélène Moreau"),
        ("the Captain", "William Holt"),
        ("小张", "张伟"),
    ],
)
def test_a_person_s_names_are_never_ruled_out(new: str, known: str) -> None:
    """Short and full forms, initials, nicknames, roles and kin, either way round."""
    assert could_be(new, "Person", known, "Person")
    assert could_be(known, "Person", new, "Person")


@pytest.mark.parametrize(
    ("new", "kind", "known", "known_kind"),
    [
        ("Clara", "Person", "Robert Holt", "Person"),
        ("Vienna", "Person", "Vienna", "Place"),
        ("Lake Garda", "Place", "Berlin", "Place"),
        ("Radio Nanay", "Organisation", "Kortrijk Mills", "Organisation"),
    ],
)
def test_what_plainly_is_another_is_ruled_out(new: str, kind: str, known: str, known_kind: str) -> None:
    """No letters in common, or a person and a place."""
    assert not could_be(new, kind, known, known_kind)


def test_an_organisation_goes_by_its_initials_and_a_place_by_another_kind() -> None:
    """Kinds other than people are easily mixed up, and do not rule out."""
    assert could_be("BBC", "Organisation", "British Broadcasting Corporation", "Organisation")
    assert could_be("Friary Court", "Place", "The Friary", "Organisation")


def test_facts_that_share_no_name_end_nothing() -> None:
    """One name in common, or a role that may be anyone, leaves the question open."""
    assert not could_end("Clara moved to Graz.", "Robert lives in Linz.")
    assert could_end("Clara moved to Graz.", "Clara Weiss lives in Linz.")
    assert could_end("My father moved to Graz.", "Robert lives in Linz.")
    assert could_end("and so to bed", "and so home")


def test_the_made_journals_true_matches_are_left_possible() -> None:
    """Of what the generator knows to be one entity, or to be ended, nothing is ruled out but one in a hundred."""
    same, ended = [], []
    for seed in range(40):
        journal = make_journal(seed)
        known: dict[int, tuple[str, str]] = {}
        facts = {fact.fact_id: fact.fact for entry in journal.entries for fact in entry.facts}
        for entry in journal.entries:
            for entity in entry.entities:
                name, kind = known.setdefault(entity.identity, (entity.name, entity.type))
                same.append(could_be(entity.name, entity.type, name, kind))
            ended += [could_end(fact.fact, facts[i]) for fact in entry.facts for i in fact.ends]
    assert len(same) > 300
    assert len(ended) > 15
    assert same.count(False) <= len(same) / 100
    assert ended.count(False) <= len(ended) / 100 + 1
