"""The laws of streaming: whole characters only, joined they are the answer, and nothing of a stop text is heard."""

import asyncio

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.errors import BadInput, Cancelled, TimedOut
from app.llm.engine import Engine
from app.llm.loader import LoadedModel
from app.llm.mlx_thread import MLX_LOCK, CancelToken
from app.llm.request import Completion, Request, Turn
from app.llm.streaming import TextStream

ENDLESS = {"type": "string", "minLength": 9000, "maxLength": 9000}


def ask(**wishes: object) -> Request:
    return Request(messages=[Turn("user", "x")], **wishes)  # type: ignore[arg-type]


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=30), sizes=st.lists(st.integers(1, 5), max_size=40))
@example(text="\ufffd", sizes=[])
def test_pieces_are_whole_characters_and_make_up_the_text(tiny: LoadedModel, text: str, sizes: list[int]) -> None:
    """However the tokens arrive, the pieces join to what the tokenizer makes of them all."""
    ids, heard = tiny.tokenizer.encode(text, add_special_tokens=False), list[str]()
    stream = TextStream(tiny.tokenizer, hear=heard.append)
    rest = list(ids)
    for size in [*sizes, len(ids)]:
        stream.add(rest[:size])
        del rest[:size]
        assert "\ufffd" not in "".join(heard) or "\ufffd" in text
    whole = stream.close()  # hands out what was held back, so it comes before the hearing
    assert "".join(heard) == whole == tiny.tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    assert all(heard)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 255), max_size=30))
def test_bytes_that_are_no_text_are_shown_as_such(tiny: LoadedModel, ids: list[int]) -> None:
    """A random model may say half characters: at the end the pieces are still what the tokenizer makes of them."""
    heard = list[str]()
    stream = TextStream(tiny.tokenizer, hear=heard.append)
    for token in ids:
        stream.add([token])
    assert stream.close() == "".join(heard) == tiny.tokenizer.decode(ids, clean_up_tokenization_spaces=False)


@settings(max_examples=200, deadline=None)
@given(text=st.text("ab.", max_size=20), stops=st.lists(st.text("ab.", min_size=1, max_size=3), max_size=3))
def test_text_ends_before_the_first_stop_text(tiny: LoadedModel, text: str, stops: list[str]) -> None:
    """What was heard is the text up to the first stop, never a part of it."""
    heard = list[str]()
    stream = TextStream(tiny.tokenizer, stops, heard.append)
    for token in tiny.tokenizer.encode(text, add_special_tokens=False):
        stream.add([token])
    ends = [(at + len(stop), at) for stop in stops if (at := text.find(stop)) >= 0]
    assert stream.close() == "".join(heard) == text[: min(ends, default=(0, len(text)))[1]]
    assert (stream.stopped_by is None) == (not ends)


def test_free_text_stops_at_a_stop_text(short_engine: Engine) -> None:
    """The answer is the unstopped one up to there, its tokens too, whether drafts ran ahead or not."""
    whole = short_engine.complete(ask(max_tokens=60, temperature=1.0))
    stop = whole.text[len(whole.text) // 2 :][:3]
    stopped = short_engine.complete(ask(max_tokens=60, temperature=1.0, stop=(stop,)))
    assert stopped.text == whole.text[: whole.text.index(stop)]
    assert (stopped.finish, stopped.stopped_by) == ("stop", stop)
    assert stopped.token_ids == whole.token_ids[: len(stopped.token_ids)]


async def test_an_iterator_yields_the_text_and_then_the_answer(short_engine: Engine) -> None:
    """The pieces join to the text of the Completion, which comes last; an error comes out of the iterator."""
    items = [item async for item in short_engine.astream(ask(max_tokens=30, temperature=1.0))]
    assert isinstance(items[-1], Completion)
    assert "".join(str(item) for item in items[:-1]) == items[-1].text
    with pytest.raises(BadInput):
        [item async for item in short_engine.astream(ask(output_type=object()))]


async def test_a_listener_who_leaves_frees_the_device(tiny: LoadedModel) -> None:
    """Closing the iterator in the middle of a long answer stops it."""
    engine = Engine(tiny)
    pieces = engine.astream(ask(output_type=ENDLESS, max_tokens=9999))
    assert await anext(pieces)
    await pieces.aclose()  # type: ignore[attr-defined]
    async with asyncio.timeout(10):
        assert (await engine.acomplete(ask(output_type={"const": 1}))).text == "1"


def test_time_runs_out_while_waiting_and_while_answering(tiny: LoadedModel) -> None:
    """A deadline is an error of its own, before and during the work, and a kind of Cancelled."""
    engine = Engine(tiny)
    for seconds in (0.0, 0.05):
        with pytest.raises(TimedOut, match="within"):
            engine.complete(ask(output_type=ENDLESS, max_tokens=9999, cancel=CancelToken(timeout_seconds=seconds)))
    assert issubclass(TimedOut, Cancelled)
    assert not MLX_LOCK.locked()


@pytest.mark.parametrize(
    "wish", [{"temperature": -1}, {"temperature": float("nan")}, {"max_tokens": 0}, {"stop": ("",)}, {"logprobs": 21}]
)
def test_a_wish_out_of_bounds_is_refused(wish: dict[str, object]) -> None:
    """Before anything is encoded."""
    with pytest.raises(BadInput):
        ask(**wish)
