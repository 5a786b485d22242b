"""Which words of an entry could be names."""

import json
from pathlib import Path

import pytest

from app.prompts.inputs import number_text
from app.prompts.names import candidate_names, one_line
from training.made.journal import make_journal

GOLD = Path(__file__).parent.parent / "gold" / "handwritten.jsonl"


def _share_offered(entries: list[tuple[str, list[str]]]) -> float:
    offered = [
        ({run for runs in number_text(text, None).names().values() for run in runs}, name)
        for text, names in entries
        for name in names
    ]
    return sum(name in names for names, name in offered) / len(offered)


def test_nearly_every_name_that_a_person_would_mark_is_offered() -> None:
    """A name that is not offered cannot be found: of the hand-written entries' names at most one in fifty is lost."""
    rows = [json.loads(line) for line in GOLD.read_text(encoding="utf-8").splitlines()]
    assert _share_offered([(row["text"], [e["name"] for e in row["entities"]]) for row in rows]) >= 0.98


def test_nearly_every_name_of_the_made_journals_is_offered() -> None:
    """The same for the journals that nano is trained on, in three languages."""
    entries = [entry for seed in range(60) for entry in make_journal(seed).entries]
    assert _share_offered([(entry.text, [e.name for e in entry.entities]) for entry in entries]) >= 0.985


@pytest.mark.parametrize(
    ("sentence", "names", "never"),
    [
        ("פגשתי את דנה כהן בתל אביב.", ["דנה כהן", "דנה"], "דנה כהן בתל אביב"),
        ("قابلت ليلى في القاهرة؟ أمس.", ["ليلى", "القاهرة"], "القاهرة؟ أمس"),
        ("오늘 민수를 서울역에서 만났다.", ["민수를", "서울역에서"], "만났다."),
        ("मैं आज दिल्ली में राम से मिला।", ["दिल्ली", "राम"], "दिल्ल"),
        ("Saw Zoe\u0308 Ng.", ["Zoe\u0308", "Zoe\u0308 Ng"], "Zoe"),
    ],
)
def test_scripts_without_capitals_offer_their_words(sentence: str, names: list[str], never: str) -> None:
    """Hebrew, Arabic, Korean and Hindi part words and have no capitals; signs on a letter belong to its word."""
    offered = candidate_names(sentence)
    assert set(names) <= set(offered)
    assert never not in offered


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        ("Clara's brother came.", "Clara"),
        ("Le frère d'Hal est là.", "Hal"),
        ("Wrote to my dear sister.", "my dear sister"),
        ("Read The Long Field again.", "The Long Field"),
        ("She is down with measles.", "measles"),
        ("The doctor says scarlet fever.", "scarlet fever"),
        ("Gelesen: Der graue Fluss, bis zwei.", "Der graue Fluss"),
        ("Saw ‘What the Fox Knew’ with Ama.", "What the Fox Knew"),
        ("Tea at the al-Rashid Academy.", "al-Rashid Academy"),
        ("My iPhone is gone.", "iPhone"),
        ("Marched with the 2nd Hussars.", "2nd Hussars"),
        ("Tea with Aunt May.", "Aunt May"),
        ("Wrote to Mrs. Nona Ma about it.", "Mrs. Nona Ma"),
        ("They say old Doc drinks.", "old Doc"),
    ],
)
def test_names_are_freed_of_what_grammar_hung_onto_them(sentence: str, name: str) -> None:
    """Possessives and elisions are no part of a name; roles, titles and illnesses are offered whole."""
    assert name in candidate_names(sentence)


@pytest.mark.parametrize("sentence", ["I went there and it was so.", "The other was not there.", "And then?"])
def test_function_words_are_no_names(sentence: str) -> None:
    """A sentence of function words offers none of them, however it is capitalised."""
    assert not [name for name in candidate_names(sentence) if name.lower() in ("i", "the", "and", "the other", "it")]


@pytest.mark.parametrize(
    ("sentence", "name", "no_name"),
    [
        ("I told Anna so.", "Anna", "told Anna"),
        ("A letter from my friend Bill.", "Bill", "friend Bill"),
        ("The streets of Edinburgh.", "Edinburgh", "of Edinburgh"),
    ],
)
def test_a_name_does_not_begin_with_the_common_word_before_it(sentence: str, name: str, no_name: str) -> None:
    """One written small begins a name only if names do so (van Dijk) or if it is a title or a customary word."""
    assert name in candidate_names(sentence)
    assert no_name not in candidate_names(sentence)


def test_every_candidate_is_a_run_of_the_sentence() -> None:
    """What is offered stands in the sentence, letter by letter."""
    for entry in make_journal(11).entries:
        for sentence in entry.sentences:
            assert all(name in one_line(sentence) for name in candidate_names(sentence))
