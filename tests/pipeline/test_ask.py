"""Questions to a loaded home: answered from facts and entries, cited sentence by sentence, or plainly not told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.graph.words import FullText
from app.journal.language import does_not_tell, language_of
from app.pipeline.strangers import all_strangers, names_in
from tests.pipeline.conftest import Bench
from tests.pipeline.scripted import OWNER


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
        ("Where is Thomas with Zoë?", "The journal does not tell."),
        ("Wo wohnt Thomas mit Zoë?", "Das Tagebuch sagt dazu nichts."),
        ("Où habite Thomas avec Zoë ?", "Le journal n'en dit rien."),
    ],
)
def test_what_is_not_told_is_said_plainly_in_the_language_of_the_question(
    bench: Bench, question: str, said: str
) -> None:
    """Whatever words the model chose: no fact, no answer, no citation."""
    bench.load()
    told = bench.ask("ask", question, "--json").json
    assert (told["told"], told["citations"], [s["text"] for s in told["sentences"]]) == (False, [], [said])


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Where is Barbara Stone?", "The journal does not tell: it never names Barbara Stone."),
        ("Wo wohnt Barbara?", "Das Tagebuch sagt dazu nichts: Barbara kommt darin nicht vor."),
        ("Où habitent Barbara et Jules ?", "Le journal n'en dit rien : il ne nomme jamais Barbara, Jules."),
    ],
)
def test_who_is_never_named_is_not_asked_about(bench: Bench, question: str, said: str) -> None:
    """The answer says whose name is missing, and no model is asked for it."""
    bench.load()
    computed = bench.engine.computed
    told = bench.ask("ask", question, "--json").json
    assert (told["told"], told["citations"], [s["text"] for s in told["sentences"]]) == (False, [], [said])
    assert bench.engine.computed == computed


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Did Anna Keller meet Mr. Brown's wife in May?", ["Anna Keller", "Mr. Brown"]),
        ("Où habite Geneviève d'Ormesson ?", ["Geneviève", "Ormesson"]),
        ("Was Anna, or Bob, at St. Nicholas?", ["Anna", "Bob", "St. Nicholas"]),
        ("Barbara lives where?", []),
        ("where does barbara live?", []),
        ("WHERE DOES BARBARA LIVE?", []),
        ("Who came on Monday, and what did I say?", []),
    ],
)
def test_the_names_of_a_question_are_its_capitalised_words(question: str, names: list[str]) -> None:
    """Not its first word, no day, no function word, and nothing where capitals tell nothing."""
    assert names_in(question) == names


@given(st.lists(st.text("abcdefghäéł", min_size=3, max_size=9).map(str.title), min_size=1, max_size=5), st.data())
def test_who_is_named_once_is_no_stranger(words: list[str], data: st.DataObject) -> None:
    """A question that holds any name of the journal, in any case and with a possessive, goes to the model."""
    journal = FullText(["We saw " + " and ".join(words)])
    known = data.draw(st.sampled_from(words))
    assert all_strangers(f"Where did {known}'s friend meet Qqxx?", journal.has) == []
    assert all_strangers("Where did Qqxx and Mr. Xyzzy meet?", journal.has) == ["Qqxx", "Mr. Xyzzy"]
    assert all_strangers("Where did Qqxx meet Mum, or Mr. Xyzzy the Captain?", journal.has) == []


def test_as_of_shows_what_held_and_what_was_written(bench: Bench) -> None:
    """Nothing later than the day reaches the model, neither a fact nor a sentence; an ended fact still holds before."""
    bench.load()
    assert bench.ask("ask", "When did Zoë visit Łódź?", "--json").json["told"]
    assert not bench.ask("ask", "When did Zoë visit Łódź?", "--as-of", "2024-03-05", "--json").json["told"]
    april = bench.ask("ask", "Does Nadia work at Helios?", "--as-of", "2024-04-21", "--json").json
    assert "Nadia works at Helios." not in [cited["fact"] for cited in april["citations"]]
    march = bench.ask("ask", "Does Nadia work at Helios?", "--as-of", "2024-03-05", "--json").json
    assert "Nadia works at Helios." in [cited["fact"] for cited in march["citations"]]


def test_the_model_is_told_who_i_is(bench: Bench) -> None:
    """The prompt names the writer as the last load did, and each line it is shown can be quoted."""
    bench.load()
    assert bench.ask("ask", "Where do I and Zoë live?", "--json").code == 0
    asked = bench.engine.asked[-1]
    assert asked.fields["writer"] == OWNER
    assert [*asked.schema["properties"]["facts"]["properties"]] == asked.fields["facts_of_journal"].splitlines()


def test_a_question_is_never_asked_twice(bench: Bench) -> None:
    """The ledger remembers its answer; a question of a book's length is refused in one line."""
    bench.load()
    first = bench.ask("ask", "Where does Thomas live?").out
    computed = bench.engine.computed
    assert bench.ask("ask", "Where  does Thomas live? ").out == first
    assert bench.engine.computed == computed
    told = bench.ask("ask", "x" * 501)
    assert (told.code, told.out, told.err.splitlines()[-1].startswith("daybook: the question has 501")) == (2, "", True)


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
    assert (language_of("Who is 张伟?"), language_of("Wo hat 欧阳娜娜 gewohnt, wer war das?")) == ("en", "de")
    assert (language_of("我和 Clara Die 在哪里见过？"), language_of("张伟?")) == ("zh", "zh")
