"""Laws of the made journals: labels agree with the text, with each other, and with the app's own reading of it."""

import random
import re
from datetime import date
from itertools import chain

import pytest

from app.journal.dates import find_dates
from app.journal.sentences import split_sentences
from app.prompts.signatures import ENTITY_TYPES
from training.made import dating
from training.made.journal import make_journal
from training.made.labels import MadeEntry, MadeJournal
from training.made.names import SOUNDS
from training.made.words import is_held_out, load_language
from training.made.world import NAMELESS_OWNER

SEEDS = range(70)
LANGUAGES = ("en", "de", "fr")
RELATION = re.compile(r"[A-Z]{2,14}(_[A-Z]{1,14}){0,4}")


@pytest.fixture(scope="module")
def journals() -> list[MadeJournal]:
    return [make_journal(seed, held_out=held_out) for seed in SEEDS for held_out in (False, True)]


@pytest.fixture(scope="module")
def entries(journals: list[MadeJournal]) -> list[MadeEntry]:
    return [entry for journal in journals for entry in journal.entries]


def test_same_seed_same_journal() -> None:
    """A seed fixes every word and label; another seed, or the other part, gives another journal."""
    assert make_journal(5) == make_journal(5)
    assert make_journal(5) != make_journal(6)
    assert make_journal(5).owner != make_journal(5, held_out=True).owner


def test_every_language_and_every_type_occurs(journals: list[MadeJournal]) -> None:
    """The sample is not one-sided: three languages and all entity types."""
    assert {journal.language for journal in journals} == set(LANGUAGES)
    types = {entity.type for journal in journals for entry in journal.entries for entity in entry.entities}
    assert types == set(ENTITY_TYPES)


def test_names_stand_in_the_text_once_each(entries: list[MadeEntry]) -> None:
    """Every entity's name occurs verbatim in a sentence, and no name of an entry means two entities."""
    for entry in entries:
        names = [entity.name for entity in entry.entities]
        assert len(set(names)) == len(names)
        assert len({entity.identity for entity in entry.entities}) == len(names)
        assert all(any(name in sentence for sentence in entry.sentences) for name in names)


def test_facts_join_named_entities_or_the_owner(journals: list[MadeJournal]) -> None:
    """A fact's ends are two different names of its entry or the owner, and its sentence exists."""
    for journal in journals:
        for entry in journal.entries:
            ends = {entity.name for entity in entry.entities} | {journal.owner}
            for fact in entry.facts:
                assert {fact.source, fact.target} <= ends
                assert fact.source != fact.target
                assert 0 <= fact.sentence < len(entry.sentences)
                assert RELATION.fullmatch(fact.relation)


def test_facts_begin_with_their_source_and_contain_their_target(entries: list[MadeEntry]) -> None:
    """A fact is one sentence that can be read on its own, with no unfilled slot."""
    for fact in chain.from_iterable(entry.facts for entry in entries):
        assert fact.fact.startswith(fact.source)
        assert fact.target in fact.fact
        assert fact.fact.endswith(".")
        assert not re.search(r"[\[\]{}|~]|  ", fact.fact)


def test_dates_of_facts_are_dates_the_app_finds(entries: list[MadeEntry]) -> None:
    """Every date of a fact is the entry's own or one that `find_dates` resolves from its text."""
    for entry in entries:
        found = {one.date for one in find_dates(entry.text, entry.date)} | {entry.date.isoformat()}
        for fact in entry.facts:
            assert fact.valid_at in found
            assert fact.invalid_at is None or (fact.invalid_at in found and fact.invalid_at > fact.valid_at)


def test_the_app_cuts_the_text_into_the_same_sentences(entries: list[MadeEntry]) -> None:
    """`split_sentences` gives back what the generator joined."""
    for entry in entries:
        assert tuple(entry.text[start:end] for start, end in split_sentences(entry.text)) == entry.sentences


def test_sentences_hold_no_notation(entries: list[MadeEntry]) -> None:
    """No bracket, slot or double space of the words files reaches the text."""
    for sentence in chain.from_iterable(entry.sentences for entry in entries):
        assert not re.search(r"[\[\]{}|~@#]|  | [,.;]", sentence), sentence


def test_repeats_and_ends_point_to_earlier_facts(journals: list[MadeJournal]) -> None:
    """What a fact repeats has the same relation, what it ends has not, and nothing is ended twice."""
    for journal in journals:
        told = [fact for entry in journal.entries for fact in entry.facts]
        assert [fact.fact_id for fact in told] == list(range(len(told)))
        ended: set[int] = set()
        for fact in told:
            if fact.repeats is not None:
                assert fact.repeats < fact.fact_id
                assert told[fact.repeats].relation == fact.relation
            assert all(i < fact.fact_id for i in fact.ends)
            assert not ended & set(fact.ends)
            ended |= set(fact.ends)


def test_entries_follow_one_another(journals: list[MadeJournal]) -> None:
    """Dates rise within a journal, and at least one entry in ten of all names nothing."""
    for journal in journals:
        days = [entry.date for entry in journal.entries]
        assert days == sorted(set(days))
        assert date(1650, 1, 1) <= days[0]
    all_entries = [entry for journal in journals for entry in journal.entries]
    assert sum(not entry.entities for entry in all_entries) > len(all_entries) / 10


def test_questions_point_to_facts(journals: list[MadeJournal]) -> None:
    """An answered question names facts of the journal; an unanswered one says so; both kinds occur."""
    for journal in journals:
        told = {fact.fact_id for entry in journal.entries for fact in entry.facts}
        unknown = load_language(journal.language, False).lists["unknown"]
        for question in journal.questions:
            assert question.question.endswith("?")
            assert set(question.fact_ids) <= told
            assert (question.answer in unknown) == (not question.fact_ids)
    answered = [bool(question.fact_ids) for journal in journals for question in journal.questions]
    assert any(answered)
    assert not all(answered)


@pytest.mark.parametrize("language", LANGUAGES)
def test_held_out_forms_never_occur_in_training(language: str) -> None:
    """Every relation's forms are split in two, and no form is on both sides."""
    training, testing = load_language(language, False), load_language(language, True)
    for key, forms in training.forms.items():
        assert not {form.text for form in forms} & {form.text for form in testing.forms[key]}, key
        assert forms, key
    for name in training.parts:
        assert not set(training.parts[name]) & set(testing.parts[name])


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_parts_have_words_for_names(language: str) -> None:
    """No list that names are made of is empty on either side."""
    for held_out in (False, True):
        words = load_language(language, held_out)
        used = {
            word
            for key, items in words.lists.items()
            if key.startswith("names.")
            for i in items
            for word in i.split("~")
        }
        for name in used & set(words.lists):
            assert words.parts[name], name
        for sounds in SOUNDS:
            assert any(is_held_out(o + v) == held_out for o in sounds.onsets for v in sounds.vowels)


def test_held_out_people_never_occur_in_training(journals: list[MadeJournal]) -> None:
    """The owners and all people with a first and a family name differ between the parts."""
    names: tuple[set[str], set[str]] = (set(), set())
    for index, journal in enumerate(journals):  # training and testing alternate
        people = {e.name for entry in journal.entries for e in entry.entities if e.type == "Person" and " " in e.name}
        names[index % 2].update({journal.owner} - {NAMELESS_OWNER}, {name for name in people if not name[0].islower()})
    assert not {n for n in names[0] & names[1] if n.split()[0].lower() not in ("my", "our", "ma", "mon")}


def test_french_spans_elide_and_are_found() -> None:
    """A span begins "d'août", never "de août", and the app reads both of its ends."""
    today = date(1926, 7, 4)
    spans = [dating.span(random.Random(seed), today, "fr") for seed in range(80)]
    assert any(start.words.startswith("d'") for start, _ in spans)
    for start, end in spans:
        assert not re.match(r"de [ao]", start.words)
        found = {one.date for one in find_dates(f"Elle a vécu à Lyon {start.words} {end.words}.", today)}
        assert {start.day.isoformat(), end.day.isoformat()} <= found
