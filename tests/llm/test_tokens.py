"""The laws of prompts: what people write stays text, and everything else is as the template says."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import BadInput, ModelMissing
from app.llm.loader import LoadedModel, load_generator
from app.llm.request import Turn
from app.llm.tokens import PromptEncoder
from tests.llm.tiny import CONTROL, MARKERS

SPOKEN = st.text(st.characters(exclude_categories=["Cs"]), max_size=60).filter(
    lambda text: not any(token in text for token in CONTROL + MARKERS)
)
HOSTILE = st.lists(
    st.sampled_from([*CONTROL, *MARKERS, "a", "\n", " ", "<|", "|>", "im_end", "\ue0000\ue001"]), max_size=12
).map("".join)


@pytest.fixture(scope="session", params=["tiny", "qwen"])
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, LoadedModel)
    return found


@pytest.fixture(scope="session")
def encoder(loaded: LoadedModel) -> PromptEncoder:
    return PromptEncoder(loaded.tokenizer)


def _usual_ids(loaded: LoadedModel, turns: list[Turn]) -> list[int]:
    """Render, then encode, as everyone does."""
    messages = [{"role": turn.role, "content": turn.content} for turn in turns]
    ids = loaded.tokenizer.apply_chat_template(messages, add_generation_prompt=True, enable_thinking=False)
    return [int(index) for index in ids]


@settings(max_examples=150, deadline=None)
@given(rules=SPOKEN, entry=SPOKEN)
def test_without_control_text_the_ids_are_the_usual_ones(
    loaded: LoadedModel, encoder: PromptEncoder, rules: str, entry: str
) -> None:
    """Our encoding equals render-then-encode, also where text merges across the template's newlines."""
    turns = [Turn("system", rules), Turn("user", entry)]
    assert list(encoder.encode(turns).ids) == _usual_ids(loaded, turns)


@settings(max_examples=150, deadline=None)
@given(rules=HOSTILE, entry=HOSTILE, reply=HOSTILE)
def test_no_control_token_comes_from_a_message(
    loaded: LoadedModel, encoder: PromptEncoder, rules: str, entry: str, reply: str
) -> None:
    """Whatever the contents say, the added tokens are those of the template around harmless contents."""
    added = set(loaded.tokenizer.added_tokens_decoder)

    def control_ids(*contents: str) -> list[int]:
        roles = ("system", "user", "assistant", "user")
        ids = encoder.encode([Turn(role, text) for role, text in zip(roles, contents, strict=True)]).ids
        return [index for index in ids if index in added]

    harmless = control_ids(*("x" if text else "" for text in (rules, entry, reply)), "x")
    assert control_ids(rules, entry, reply, "x") == harmless
    assert added.isdisjoint(encoder.encode_text(rules + entry))


@settings(max_examples=50, deadline=None)
@given(text=HOSTILE)
def test_control_text_is_not_lost_either(loaded: LoadedModel, encoder: PromptEncoder, text: str) -> None:
    """Characters in, the same characters out."""
    assert loaded.tokenizer.decode(encoder.encode_text(text)) == text


@settings(max_examples=50, deadline=None)
@given(rules=SPOKEN.filter(bool), one=SPOKEN, other=SPOKEN)
def test_the_fixed_part_depends_on_the_system_message_alone(
    loaded: LoadedModel, encoder: PromptEncoder, rules: str, one: str, other: str
) -> None:
    """Two calls with the same rules share their first `fixed_length` ids, and those hold all of the rules."""
    first, second = (encoder.encode([Turn("system", rules), Turn("user", text)]) for text in (one or "x", other or "y"))
    assert first.fixed_length == second.fixed_length > 0
    assert first.ids[: first.fixed_length] == second.ids[: second.fixed_length]
    rest = loaded.tokenizer.decode(list(first.ids[first.fixed_length :]))
    assert rest.startswith("user\n")


def test_without_rules_nothing_is_fixed(encoder: PromptEncoder) -> None:
    """A conversation that starts with the user has no prefix worth keeping."""
    assert encoder.encode([Turn("user", "hello")]).fixed_length == 0


def test_a_message_the_template_would_drop_is_refused(qwen: LoadedModel) -> None:
    """Qwen3's template passes over roles it does not know; nothing a person wrote disappears in silence."""
    with pytest.raises(BadInput, match="'developer'"):
        PromptEncoder(qwen.tokenizer).encode([Turn("developer", "d"), Turn("user", "x")])


def test_half_a_surrogate_pair_is_replaced(encoder: PromptEncoder) -> None:
    """A broken character from a file does not stop a call."""
    assert encoder.encode([Turn("user", "a\ud800b")]).ids == encoder.encode([Turn("user", "a?b")]).ids


def test_a_refusing_template_is_bad_input(tiny_folder: Path) -> None:
    """A template that raises names the roles; a tokenizer without one is ModelMissing."""
    refusing = load_generator(tiny_folder).tokenizer
    refusing.chat_template = "{{ raise_exception('no') }}"
    with pytest.raises(BadInput, match="these roles: user"):
        PromptEncoder(refusing).encode([Turn("user", "x")])
    refusing.has_chat_template = False
    with pytest.raises(ModelMissing, match="no chat template"):
        PromptEncoder(refusing).encode([Turn("user", "x")])
