"""What facts can be: relations by the kinds of their ends."""

import re
from typing import Any

import jsonschema
import pytest

from app.prompts import schemas
from app.prompts.relations import RELATIONS, all_relations, relations_between
from app.prompts.signatures import ENTITY_TYPES

PEOPLE = [f"Person{i}" for i in range(12)]
TOWNS = [f"Town{i}" for i in range(6)]
KINDS = {**dict.fromkeys(PEOPLE, "Person"), **dict.fromkeys(TOWNS, "Place")}
DAY = "2024-04-03"


def test_the_table_speaks_of_the_entity_types_in_graphitis_spelling() -> None:
    """Every kind has relations, and each is in capitals."""
    assert {kind for ends in RELATIONS for kind in ends} == set(ENTITY_TYPES)
    assert all(re.fullmatch(r"[A-Z]{2,14}(_[A-Z]{1,14}){0,4}", name) for name in all_relations())


def test_a_person_is_the_source() -> None:
    """So a fact between a person and anything else has one direction."""
    assert [kind for kind in ENTITY_TYPES if kind != "Person" and relations_between(kind, "Person")] == []


def test_a_kind_of_ones_own_can_be_anything() -> None:
    """Nothing is known of it, and no fact about it is lost."""
    assert relations_between("Recipe", "Person") == relations_between("Person", "Recipe") == all_relations()


@pytest.mark.parametrize("names", [[*PEOPLE[:2], *TOWNS[:2]], [*PEOPLE, *TOWNS]], ids=["each pair", "too many pairs"])
def test_relations_follow_the_kinds_also_where_pairs_are_too_many(names: list[str]) -> None:
    """One alternative a pair, or one a source and a kind: the same facts can be stated."""
    schema = schemas.edges({"1. A sentence.": names}, [DAY], KINDS)
    assert _is_allowed(schema, PEOPLE[0], "LIVES_IN", TOWNS[1])
    assert _is_allowed(schema, PEOPLE[0], "MARRIED_TO", PEOPLE[1])
    assert _is_allowed(schema, TOWNS[0], "LOCATED_IN", TOWNS[1])
    assert not _is_allowed(schema, PEOPLE[0], "MARRIED_TO", TOWNS[1])
    assert not _is_allowed(schema, TOWNS[0], "LIVES_IN", TOWNS[1])
    assert not _is_allowed(schema, TOWNS[0], "VISITED", PEOPLE[0])


def test_a_sentence_whose_names_can_be_nothing_to_each_other_is_not_asked_about() -> None:
    """Two books are nothing to each other."""
    kinds = {"Emma": "Work", "Hamlet": "Work", "Ada": "Person"}
    schema = schemas.edges({"1. Two books.": ["Emma", "Hamlet"], "2. I read.": ["Emma", "Ada"]}, [DAY], kinds)
    assert list(schema["properties"]["edges"]["properties"]) == ["2. I read."]


def _is_allowed(schema: dict[str, Any], source: str, relation: str, target: str) -> bool:
    fact = {"source": source, "target": target, "relation": relation, "fact": f"{source} and {target} are one."}
    answer = {"edges": {"1. A sentence.": [{**fact, "valid_at": DAY, "invalid_at": None}]}}
    return bool(jsonschema.Draft202012Validator(schema).is_valid(answer))
