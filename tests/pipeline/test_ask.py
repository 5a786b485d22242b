"""Questions to a loaded home: answered from facts and entries, cited sentence by sentence, or plainly not told."""

import pytest

from app.journal.language import does_not_tell, language_of
from tests.pipeline.conftest import Bench


def test_an_answer_cites_fact_date_and_entry(bench: Bench) -> None:
    """Each sentence has its numbers; each number its fact, its day, its file and the characters of its words."""
    bench.load()
    told = bench.ask("ask", "Where does Thomas live, in Lyon?", "--json").json
    assert told["told"] is True
    by_number = {cited["number"]: cited for cited in told["citations"]}
    for sentence in told["sentences"]:
        assert sentence["citations"]
        for number in sentence["citations"]:
            cited = by_number[number]
            file_text = (bench.journals / "2024.md").read_text()
            assert file_text[cited["start"] : cited["end"]] == cited["words"]
            assert cited["file"].endswith("2024.md")
    facts = {(cited["fact"], cited["valid_at"], cited["invalid_at"]) for cited in told["citations"]}
    assert ("Thomas lives in Lyon.", "2024-03-04", "2024-04-21") in facts
    printed = bench.ask("ask", "Where does Thomas live, in Lyon?").out
    assert "2024-03-04 to 2024-04-21  Thomas lives in Lyon." in printed


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Where is Barbara?", "The journal does not tell."),
        ("Wo wohnt Barbara?", "Das Tagebuch sagt dazu nichts."),
        ("Où habite Barbara ?", "Le journal n'en dit rien."),
    ],
)
def test_what_is_not_told_is_said_plainly_in_the_language_of_the_question(
    bench: Bench, question: str, said: str
) -> None:
    """Whatever words the model chose: no fact, no answer, no citation."""
    bench.load()
    told = bench.ask("ask", question, "--json").json
    assert (told["told"], told["citations"], [s["text"] for s in told["sentences"]]) == (False, [], [said])


def test_as_of_shows_what_held_and_what_was_written(bench: Bench) -> None:
    """Nothing later than the day reaches the model, neither a fact nor a sentence; an ended fact still holds before."""
    bench.load()
    assert bench.ask("ask", "When did Zoë visit Łódź?", "--json").json["told"]
    assert not bench.ask("ask", "When did Zoë visit Łódź?", "--as-of", "2024-03-05", "--json").json["told"]
    april = bench.ask("ask", "Does Nadia work at Helios?", "--as-of", "2024-04-21", "--json").json
    assert "Nadia works at Helios." not in [cited["fact"] for cited in april["citations"]]
    march = bench.ask("ask", "Does Nadia work at Helios?", "--as-of", "2024-03-05", "--json").json
    assert "Nadia works at Helios." in [cited["fact"] for cited in march["citations"]]


def test_a_question_is_never_asked_twice(bench: Bench) -> None:
    """The ledger remembers its answer; a question without a word, or of a book's length, is refused in one line."""
    bench.load()
    first = bench.ask("ask", "Where does Thomas live?").out
    computed = bench.engine.computed
    assert bench.ask("ask", "Where  does Thomas live? ").out == first
    assert bench.engine.computed == computed
    for question in ("  ", "x" * 501):
        told = bench.ask("ask", question)
        assert (told.code, told.out, told.err.splitlines()[-1].startswith("daybook: the question has")) == (2, "", True)


def test_every_language_has_its_own_silence() -> None:
    """The languages that are recognised are those that can say no."""
    questions = {
        "en": "Who was ill in spring?", "de": "Wer war im Frühling krank?", "fr": "Qui était malade au printemps ?",
        "es": "¿Quién estaba enfermo y dónde?", "it": "Chi era malato e dove?", "nl": "Wie was er ziek, en waar?",
        "pt": "Quem estava doente e onde?", "zh": "春天谁病了？",
    }  # fmt: skip
    assert {code: language_of(question) for code, question in questions.items()} == {code: code for code in questions}
    assert len({does_not_tell(code) for code in questions}) == len(questions)
    assert language_of("Zzz?") == "en"
