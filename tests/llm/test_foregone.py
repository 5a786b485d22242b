"""The laws of foregone answers: given where a schema allows one answer, never where it leaves a choice."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.llm.foregone import ChoiceError, foregone_answer

FIXED = st.recursive(
    st.one_of(st.none(), st.text(max_size=3), st.integers()).map(lambda value: {"const": value})
    | st.just({"type": "null"}),
    lambda inner: st.one_of(
        st.dictionaries(st.text(max_size=3), inner, max_size=3).map(
            lambda fields: {
                "type": "object",
                "properties": fields,
                "required": list(fields),
                "additionalProperties": False,
            }
        ),
        st.lists(inner, max_size=3).map(
            lambda items: {
                "type": "array",
                "prefixItems": items,
                "items": False,
                "minItems": len(items),
                "maxItems": len(items),
            }
        ),
    ),
    max_leaves=8,
)


@given(FIXED)
def test_the_only_answer_is_valid(schema: dict[str, Any]) -> None:
    """What is given without asking is what the schema allows."""
    jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(foregone_answer(schema))))


@pytest.mark.parametrize(
    "choice",
    [
        {"enum": [None, "Eva"]},
        {"type": "string"},
        {"type": "array", "items": {"const": 1}, "minItems": 0, "maxItems": 1},
        {"type": "object", "properties": {"a": {"const": 1}}, "required": [], "additionalProperties": False},
        {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]},
        {"anyOf": [{"const": 1}, {"const": 2}]},
    ],
)
def test_a_choice_is_never_made_for_the_model(choice: dict[str, Any]) -> None:
    """One field that may be said in two ways is enough, however deep."""
    whole = {"type": "object", "properties": {"b": choice}, "required": ["b"], "additionalProperties": False}
    for schema in (choice, whole):
        with pytest.raises(ChoiceError):
            foregone_answer(schema)
