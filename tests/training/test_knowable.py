"""Of which two names a reader can say whether they are one."""

import pytest

from training.knowable import are_plainly_one, are_plainly_two


@pytest.mark.parametrize(
    ("name", "sentence", "other", "other_sentence", "is_known"),
    [
        ("Tini", "Tini came.", "Tini Moreau", "Met Tini Moreau.", True),
        ("Dr. G. Gūta", "Saw Dr. G. Gūta.", "Dr. Gūnaka Gūta", "Dr. Gūnaka Gūta is ill.", True),
        ("my aunt", "My aunt Hélène came.", "Hélène", "Hélène left.", True),
        ("Hélène", "Meine Tante Hélène kam.", "meine Tante", "Meine Tante lacht.", True),
        ("my aunt", "My aunt came.", "Hélène", "Hélène left.", False),
        ("my daughter", "My daughter came.", "Hương", "To his daughter Hương he left it.", False),
        ("my wife", "My wife sang.", "My wife", "My wife and I danced.", True),
        ("my wife", "My wife sang.", "my sister", "My sister sang.", False),
    ],
)
def test_one_being_shows_it_or_not(name: str, sentence: str, other: str, other_sentence: str, is_known: bool) -> None:
    """By words in common, or by a role of the writer's beside the name; another's daughter is not mine."""
    assert are_plainly_one(name, sentence, other, other_sentence) == is_known


@pytest.mark.parametrize(
    ("name", "other", "is_known"),
    [
        ("Tini", "Tini Moreau", False),
        ("Enzo Tinnai", "Enzo di Tukwe", True),
        ("Canon Şahin", "Mrs. Şahin", True),
        ("Şahin", "Mrs. Şahin", False),
        ("my wife", "Isla", True),
        ("my brother", "My brother", False),
        ("Siemens", "Bonn", True),
    ],
)
def test_two_beings_show_it_or_not(name: str, other: str, is_known: bool) -> None:
    """Unless one could be short for the other; titles that differ tell."""
    assert are_plainly_two(name, other) == is_known
