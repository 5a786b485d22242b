"""What the model is asked, and what it is allowed to answer."""

import json
from datetime import date
from typing import Any

import jsonschema
import pytest
from graphiti_core.prompts import create_prompt_library
from graphiti_core.prompts.dedupe_edges import EdgeDuplicate
from graphiti_core.prompts.dedupe_nodes import NodeResolutions
from graphiti_core.prompts.extract_edges import EdgeTimestamps, ExtractedEdges
from graphiti_core.prompts.extract_nodes import ExtractedEntities, SummarizedEntities
from graphiti_core.prompts.lib import validate_prompt_library

from app.prompts import schemas
from app.prompts.adapter import JSONAdapter
from app.prompts.answers import is_stuck
from app.prompts.fingerprint import prompts_fingerprint
from app.prompts.inputs import number_text
from app.prompts.library import JournalPrompts, PromptCall, take_call, told_apart
from app.prompts.names import find_mentions
from app.prompts.signatures import ENTITY_TYPES

TEXT = (
    "Met Clara Weiss at the Café Sperl yesterday. She works at Siemens in Graz now,\nwhich surprised me. "
    'Sir W. B. said "never mind", and my sister is ill since March.'
)
TYPES = [
    {"entity_type_name": "Entity" if name == "Thing" else name, "entity_type_id": i}
    for i, name in enumerate(ENTITY_TYPES)
]


def _prompts() -> JournalPrompts:
    return JournalPrompts(owner="Nora Lindqvist")


def _taken() -> PromptCall:
    call = take_call()
    assert call is not None
    return call


def _entities(text: str = TEXT) -> PromptCall:
    _prompts().extract_text(
        {"episode_content": text, "episode_timestamp": "2024-04-03T00:00:00+00:00", "entity_types": TYPES}
    )
    return _taken()


def _edges(prompts: JournalPrompts, labels: list[str] | None = None) -> PromptCall:
    prompts.edge(
        {
            "episode_content": TEXT,
            "reference_time": "2024-04-03T00:00:00+00:00",
            "nodes": [
                {"name": "Clara Weiss", "entity_types": labels or ["Entity", "Person"]},
                {"name": "Siemens", "entity_types": ["Organisation"]},
                {"name": "Nora Lindqvist", "entity_types": ["Person"]},
            ],
            "previous_episodes": [{"content": "Rain\nall day.", "timestamp": "2024-04-02T00:00:00+00:00"}],
        }
    )
    return _taken()


def _sayable(call: PromptCall, name: str) -> bool:
    """Whether any sentence's list may hold the name."""
    sentences = call.schema["properties"]["extracted_entities"]["properties"]
    item = {"name": name, "type": "Person"}
    answers = ({n: [item] if n == here else [] for n in sentences} for here in sentences)
    return any(_allowed(call, {"extracted_entities": answer}) for answer in answers)


def _edge(sentence: int = 1, times: int = 1, **changes: Any) -> dict[str, Any]:
    edge = {
        "source": "Clara Weiss",
        "target": "Siemens",
        "relation": "WORKS_AT",
        "fact": "Clara Weiss works at Siemens in Graz.",
        "valid_at": "2024-04-03",
        "invalid_at": None,
    }
    lines = number_text(TEXT, None).lines()
    told = lines[:2]  # the third speaks of none of the listed
    return {"edges": {line: [edge | changes] * times if line == lines[sentence] else [] for line in told}}


def _allowed(call: PromptCall, answer: dict[str, Any]) -> bool:
    return bool(jsonschema.Draft202012Validator(call.schema).is_valid(answer))


@pytest.mark.parametrize(
    "name",
    ["Clara Weiss", "Café Sperl", "Siemens", "my sister", "Sir W. B.", "Siemens in Graz"],
)
def test_a_name_of_the_entry_can_be_said(name: str) -> None:
    """Every run of words that could be a name is offered, a closing abbreviation with its full stop."""
    assert _sayable(_entities(), name)


@pytest.mark.parametrize(
    "name", ["Anna", "Clara  Weiss", "Sperl yesterday. She", "clara", "Siemens in Graz now", "She", "the", ""]
)
def test_a_name_that_is_not_in_the_entry_cannot_be_said(name: str) -> None:
    """No answer can name what the entry does not, nor what begins or ends with a function word."""
    assert not _sayable(_entities(), name)


def test_names_in_scripts_without_spaces_can_be_said() -> None:
    """Runs of signs serve where words are not parted."""
    call = _entities("午後往留黎廠。夜得二弟信。")
    assert _sayable(call, "留黎廠")


def test_a_name_stands_under_a_sentence_that_has_it() -> None:
    """Each sentence's list offers that sentence's words alone, and no sentence may be left out."""
    call = _entities()
    said = {"name": "Siemens", "type": "Organisation"}
    one, two, three = number_text(TEXT, None).lines()
    assert _allowed(call, {"extracted_entities": {one: [], two: [said], three: []}})
    assert not _allowed(call, {"extracted_entities": {one: [said], two: [], three: []}})
    assert not _allowed(call, {"extracted_entities": {two: [said]}})


def test_a_sentence_without_names_is_not_asked_about() -> None:
    """Nothing to name: the schema has no list for it and stays valid."""
    call = _entities("… !")
    assert _allowed(call, {"extracted_entities": {}})
    assert not _allowed(call, {"extracted_entities": {"1. … !": []}})


def test_the_owner_is_an_entity_of_every_entry_that_names_anyone() -> None:
    """The writer is added by rule, typed Person, once; an entry that names nothing stays empty."""
    call = _entities()
    siemens = {"name": "Siemens", "type": "Organisation"}
    answer = call.finish({"extracted_entities": {"1. A.": [], "2. B.": [siemens], "3. C.": [siemens]}})
    assert [item.name for item in ExtractedEntities(**answer).extracted_entities] == ["Siemens", "Nora Lindqvist"]
    assert call.finish({"extracted_entities": {"1. A.": [], "2. B.": []}}) == {"extracted_entities": []}


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "Graz"},
        {"target": "Clara Weiss"},
        {"relation": "works at"},
        {"relation": "READ"},
        {"source": "Siemens", "target": "Clara Weiss", "fact": "Siemens employs Clara Weiss."},
        {"fact": "Works at Siemens."},
        {"fact": "Clara Weiss"},
        {"fact": "Clara Weiss works at a firm."},
        {"valid_at": "2024-04-04"},
        {"invalid_at": "1999-01-01"},
    ],
)
def test_a_fact_outside_the_entry_cannot_be_said(changes: dict[str, Any]) -> None:
    """Ends are two different entities of kinds that the relation joins, dates are the entry's, the fact names both."""
    call = _edges(_prompts())
    assert _allowed(call, _edge())
    assert _allowed(call, _edge(valid_at="2024-04-02", invalid_at="2024-04-03"))
    assert not _allowed(call, _edge(**changes))


def test_a_sentence_tells_facts_of_those_it_can_speak_of() -> None:
    """The first sentence does not name Siemens yet; "she" of the second is Clara; the third speaks of none of them."""
    call = _edges(_prompts())
    met: dict[str, Any] = {"target": "Nora Lindqvist", "relation": "MET", "fact": "Clara Weiss met Nora Lindqvist."}
    assert _allowed(call, _edge(sentence=0, **met))
    assert not _allowed(call, _edge(sentence=0))
    assert [line.partition(".")[0] for line in call.schema["properties"]["edges"]["properties"]] == ["1", "2"]


def test_a_fact_points_to_its_sentence_and_becomes_graphitis_own() -> None:
    """`finish` gives Graphiti instants and constant indices, and keeps the span of the sentence."""
    prompts = _prompts()
    call = _edges(prompts)
    answer = call.finish(_edge(times=2))
    (edge,) = ExtractedEdges(**answer).edges
    assert (edge.valid_at, edge.invalid_at, edge.episode_indices) == ("2024-04-03T00:00:00Z", None, [0])
    (fact,) = prompts.facts
    assert TEXT[slice(*fact.span)] == "She works at Siemens in Graz now,\nwhich surprised me."


def test_a_fact_never_ends_before_it_begins() -> None:
    """An end on or before the beginning is dropped; the fact keeps the day it held."""
    answer = _edges(_prompts()).finish(_edge(invalid_at="2024-03-01"))
    assert answer["edges"][0]["invalid_at"] is None


@pytest.mark.parametrize(
    "babble",
    [
        "Clara Weiss said never, never, never, never to Siemens.",
        "Clara Weiss was at Kithithithithith.",
        "Clara Weiss was in the Meibloemstraat in the Meibloemstraat.",
        "Clara Weiss dislikes MEMBER_OF Siemens.",
    ],
)
def test_a_fact_whose_writer_got_stuck_is_left_out(babble: str) -> None:
    """A small model may say a thing for ever; three times may still be a person's way of writing."""
    assert _edges(_prompts()).finish(_edge(fact=babble))["edges"] == []
    for lively in (
        "Clara Weiss, ha ha ha, said never, never, never to Siemens & Halske in Siemensstadt.",
        "Clara Weiss owes Siemens 100000000 pounds.",
    ):
        assert _edges(_prompts()).finish(_edge(fact=lively))["edges"] != []


def test_what_the_entry_says_itself_is_no_babble() -> None:
    """A title of one word four times, or a label of the writer's own, stands in the sentence."""
    fact = "Clara Weiss saw Tora! Tora! Tora! Tora! with MY_APP."
    assert is_stuck(fact)
    assert is_stuck(fact, "We saw Tora! Tora! Tora! Tora! tonight.")
    assert not is_stuck(fact, "We saw Tora! Tora! Tora! Tora! with MY_APP tonight.")


def test_label_order_never_reaches_the_prompt() -> None:
    """Graphiti builds label lists from sets, whose order differs between processes; prompts repeat exactly."""
    one, other = _edges(_prompts(), ["Entity", "Person"]), _edges(_prompts(), ["Person", "Entity"])
    assert one.messages == other.messages


def test_resolutions_come_one_for_each_new_entity_in_order() -> None:
    """Names are fixed, candidates are in range, and null means new."""
    prompts = _prompts()
    prompts.nodes(
        {
            "episode_content": TEXT,
            "extracted_nodes": [{"name": "Clara Weiss", "entity_type": ["Person", "Entity"]}],
            "existing_nodes": [
                {"candidate_id": 0, "name": "Clara", "entity_types": ["Person"], "summary": "An old friend.\nMore."}
            ],
        }
    )
    call = _taken()
    answer = {"entity_resolutions": [{"name": "Clara Weiss", "same_as": "Clara"}]}
    assert _allowed(call, answer)
    assert not _allowed(call, {"entity_resolutions": []})
    assert not _allowed(call, {"entity_resolutions": [{"name": "Clara Weiss", "same_as": "Anna"}]})
    resolution = NodeResolutions(**call.finish(answer)).entity_resolutions[0]
    assert (resolution.id, resolution.duplicate_candidate_id) == (0, 0)
    assert "Clara (Person): An old friend." in call.messages[1]["content"]


def test_every_known_fact_gets_a_verdict_and_only_one_of_the_same_pair_can_be_the_same() -> None:
    """No known fact is passed over; the verdicts become the numbers that Graphiti wants."""
    prompts = _prompts()
    prompts.resolve_edge(
        {
            "existing_edges": [{"idx": 0, "fact": "Clara lives in Graz."}],
            "edge_invalidation_candidates": [{"idx": 1, "fact": "Clara lives in Linz."}],
            "new_edge": "Clara lives in Vienna.",
        }
    )
    call = _taken()
    graz, linz = "0. Clara lives in Graz.", "1. Clara lives in Linz."
    assert _allowed(call, {"verdicts": {graz: "same", linz: "ended"}})
    assert not _allowed(call, {"verdicts": {graz: "other", linz: "same"}})
    assert not _allowed(call, {"verdicts": {graz: "ended"}})
    found = EdgeDuplicate(**call.finish({"verdicts": {graz: "same", linz: "ended"}}))
    assert (found.duplicate_facts, found.contradicted_facts) == ([0], [1])


def test_entities_of_one_name_are_told_apart() -> None:
    """Labels differ where names do not, also where a name looks like a label."""
    assert told_apart(["Anna", "Eva", "Anna", "Anna (2)"]) == ["Anna", "Eva", "Anna (2)", "Anna (2) (2)"]


def test_timestamps_and_summaries_have_graphitis_shape() -> None:
    """The two rarer prompts give what Graphiti validates."""
    prompts = _prompts()
    prompts.extract_timestamps({"fact": "Clara moved in 1910.", "reference_time": "1911-02-03T00:00:00+00:00"})
    call = _taken()
    answer: dict[str, Any] = {"valid_at": "1910-01-01", "invalid_at": None}
    assert _allowed(call, answer)
    assert EdgeTimestamps(**call.finish(answer)).valid_at == "1910-01-01T00:00:00Z"
    prompts.extract_summaries_batch(
        {"episode_content": TEXT, "entities": [{"name": "Siemens", "summary": "", "entity_types": ["Entity"]}]}
    )
    call = _taken()
    answer = {"summaries": [{"name": "Siemens", "summary": "Clara works there."}]}
    assert _allowed(call, answer)
    assert SummarizedEntities(**call.finish(answer)).summaries[0].name == "Siemens"
    stuck = {"summaries": [{"name": "Siemens", "summary": "Clara had a job and I had a job and I had a job and I."}]}
    assert call.finish(stuck) == {"summaries": []}  # the old one stays


def test_the_rules_are_the_same_for_every_entry() -> None:
    """The system message is the fixed part: nothing of an entry is in it."""
    assert _entities().messages[0] == _entities("Another day in Rome.").messages[0]
    assert _edges(_prompts()).messages[0]["content"].count("Clara") == 0


def test_a_call_is_taken_once() -> None:
    """A specialisation never leaks into the next call."""
    _entities()
    assert take_call() is None


def test_graphiti_accepts_the_library() -> None:
    """Our builders stand in Graphiti's own library; its schemas are untouched."""
    library = _prompts().library()
    validate_prompt_library(library)
    assert library.specs.keys() == create_prompt_library().specs.keys()


def test_the_served_prompt_is_the_one_dspy_formats() -> None:
    """Byte for byte: the adapter alone renders."""
    from app.prompts.signatures import ExtractEdges

    call = _edges(_prompts())
    text = number_text(TEXT, date(2024, 4, 3))
    inputs = {
        "previous_entries": "2024-04-02: Rain all day.",
        "entry": text.entry(),
        "dates": text.date_lines(),
        "entities": "Clara Weiss (Person)\nSiemens (Organisation)\nthe writer: Nora Lindqvist (Person)",
    }
    assert JSONAdapter().format(ExtractEdges, [], inputs) == call.messages


def test_mentions_are_whole_words_across_line_breaks() -> None:
    """A name is found where it stands, not inside another word."""
    text = "Ann and Anna met Ann\nLee; Joann too."
    assert [text[a:b] for a, b in find_mentions(text, "Ann")] == ["Ann", "Ann"]
    assert [text[a:b] for a, b in find_mentions(text, "Ann Lee")] == ["Ann\nLee"]


def test_the_fingerprint_knows_every_builder(monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed bound of any answer's text makes another fingerprint: so would any changed word of a prompt."""
    before = prompts_fingerprint()
    monkeypatch.setattr(schemas, "MAX_SUMMARY_CHARS", schemas.MAX_SUMMARY_CHARS + 1)
    assert prompts_fingerprint() != before


def test_the_fingerprint_is_stable_between_processes() -> None:
    """It depends on the prompts alone, so that a stale model is noticed and a fresh one is not."""
    import subprocess
    import sys

    code = "from app.prompts.fingerprint import prompts_fingerprint; print(prompts_fingerprint())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert other == prompts_fingerprint()
    assert json.dumps(other).isascii()
