"""Gold as lessons: what people marked becomes answers that the grammar lets a model give."""

from datetime import date

import pytest

from app.learn.lessons import EDGES, Lesson, examples_of, said_in
from app.measure.gold import GoldEntity, GoldFact, GoldText


@pytest.mark.parametrize(
    ("kinds", "marked", "taught"),
    [
        (("Person", "Organisation"), "works at", "WORKS_AT"),
        (("Person", "Organisation"), "EMPLOYED_BY", "CONNECTED_WITH"),
        ((None, None), "WORKS_AT", "WORKS_AT"),
    ],
    ids=["a label in other letters", "a label of its own", "no types marked"],
)
def test_a_marked_fact_is_taught(kinds: tuple[str | None, str | None], marked: str, taught: str) -> None:
    """Whatever its label and its ends' types: a lesson that leaves it out would teach to leave it out."""
    entities = tuple(GoldEntity((name,), kind) for name, kind in zip(("Eva", "Siemens"), kinds, strict=True))
    fact = GoldFact("Eva", "Siemens", marked, "Eva works at Siemens.")
    text = GoldText("1", "w", date(2024, 4, 3), "Ada", "Eva works at Siemens now.", entities, facts=(fact,))
    (example,) = examples_of([Lesson(text)])[EDGES]
    ((edge,),) = example.edges.values()
    assert (edge["source"], edge["relation"], edge["target"]) == ("Eva", taught, "Siemens")
    assert said_in(EDGES, example.edges) == set(example.right)
