"""DSPy's engine contract on the model in this process."""

import asyncio
import copy
import json
import pickle
import threading
from collections.abc import AsyncIterator
from typing import Any

import dspy
import pytest
from dspy import lm15

from app import dspy_lm
from app.dspy_lm import AsyncMlxEngine, Flights, JSONAdapter, MlxEngine, mlx_lm
from app.dspy_wire import request_of
from app.errors import NoRoom, PromptTooLong, StorageFailed
from app.llm.engine import Engine
from app.llm.functions import FunctionCall
from app.llm.mlx_thread import CancelToken, Job
from app.llm.request import Completion
from app.llm.tool_calls import read_calls
from benchmarks.dspy_lm import Crowd

NUMBER = {"type": "object", "properties": {"n": {"enum": [1, 22, 333]}}, "required": ["n"]}
LONG = {
    "type": "object",
    "properties": {"t": {"type": "string", "minLength": 4000, "maxLength": 5000}},
    "required": ["t"],
}


def request(text: str = "A number.", schema: Any = NUMBER, **config: Any) -> lm15.Request:
    wanted = {"type": "json_schema", "schema": schema} if schema else None
    return lm15.Request("mlx", (lm15.Message.user(text),), config=lm15.Config(response_format=wanted, **config))


@pytest.fixture
def flights(short_engine: Engine) -> Flights:
    return Flights(short_engine)


class Started(Engine):
    """An engine whose answers come when the test says so."""

    def __init__(self, engine: Engine) -> None:
        self.__dict__.update(engine.__dict__)
        self.jobs: list[Job] = []

    def start(self, *_: Any, **__: Any) -> Job:
        self.jobs.append(Job(0, 0, None, CancelToken()))
        return self.jobs[-1]


DONE = Completion((1, 2), '{"n": 1}', 10, 4, 2, 0.0, 0.0, "stop")


def test_the_name_tells_model_revision_and_quantisation(short_engine: Engine) -> None:
    """DSPy's cache knows a model by its name alone; and nothing is kept on disk unless asked for."""
    lm = mlx_lm(short_engine)
    loaded = short_engine.loaded
    assert lm.model == f"mlx/{loaded.name}@{loaded.fingerprint[:12]}-float32"
    assert lm.cache is False


def test_usage_counts_what_came_from_the_cache(short_engine: Engine) -> None:
    """The second call of a program reads its rules from the cache, and says so."""
    lm = mlx_lm(short_engine)
    with dspy.context(lm=lm, adapter=JSONAdapter()):
        for question in ("Why?", "How?"):
            dspy.Predict("question -> answer: bool")(question=question)
    first, second = (call["usage"]["prompt_tokens_details"]["cached_tokens"] for call in lm.history)
    assert first == 0 < second


def test_streams_tell_the_answer_in_pieces(flights: Flights) -> None:
    """One start, the text in order, one end with the usage; the same text as without a stream."""
    whole = MlxEngine(flights).complete(request()).text
    start, *deltas, end = MlxEngine(flights).stream(request())

    async def collected(events: AsyncIterator[Any]) -> list[Any]:
        return [event async for event in events]

    events = asyncio.run(collected(AsyncMlxEngine(flights).stream(request())))
    assert (start.type, end.type, end.finish_reason) == ("start", "end", "stop")
    assert "".join(delta.delta.text for delta in deltas) == whole
    assert "".join(event.delta.text for event in events[1:-1]) == whole
    assert end.usage.output_tokens > 0


async def test_a_listener_hears_a_field_as_it_is_written(short_engine: Engine) -> None:
    """DSPy's streamify with our adapter: the last field in chunks, then the prediction that holds it."""
    with dspy.context(lm=mlx_lm(short_engine), adapter=JSONAdapter()):
        listener = dspy.streaming.StreamListener(signature_field_name="answer")
        program = dspy.streamify(dspy.Predict("question -> n: int, answer"), stream_listeners=[listener])
        heard = [chunk async for chunk in program(question="Why?")]
    assert isinstance(heard[-1], dspy.Prediction)
    assert json.loads("".join(chunk.chunk for chunk in heard[:-1])) == heard[-1].answer
    assert len(heard) > 1


def test_functions_are_called_with_arguments_that_fit(flights: Flights) -> None:
    """A required call is a call; a forced function is that function; `none` answers in words; arguments keep refs."""
    day = {"type": "object", "properties": {"d": {"type": "string", "format": "date"}}, "required": ["d"]}
    when = {"type": "object", "properties": {"on": {"$ref": "#/$defs/Day"}}, "required": ["on"], "$defs": {"Day": day}}
    tools = (lm15.FunctionTool("find", "Find.", when), lm15.FunctionTool("count", "Count.", when))

    def asked(mode: Any, *allowed: str) -> lm15.Response:
        config = lm15.Config(
            max_tokens=200, tool_choice=lm15.ToolChoice(mode, allowed, parallel=None if mode == "none" else False)
        )
        return MlxEngine(flights).complete(lm15.Request("mlx", (lm15.Message.user("Go."),), tools=tools, config=config))

    (call,) = asked("required", "count").tool_calls
    assert (call.name, list(call.input), list(call.input["on"])) == ("count", ["on"], ["d"])
    assert asked("required").finish_reason == "tool_call"
    assert asked("none").tool_calls == []
    order = lm15.Request("mlx", (lm15.Message.user("Go."),), tools=tools, config=lm15.Config(max_tokens=200))
    *deltas, end = list(MlxEngine(flights).stream(order))[1:]
    whole = MlxEngine(flights).complete(order)
    assert (end.finish_reason, "".join(delta.delta.text for delta in deltas)) == (whole.finish_reason, whole.text)


def test_a_conversation_with_results_is_understood() -> None:
    """Calls and results of earlier turns become text; roles alternate as templates want them."""
    call = lm15.ToolCallPart("1", "find", {"q": "x"})
    result = lm15.ToolResultPart("1", (lm15.TextPart("nothing"),), name="find")
    turns = (
        lm15.Message.user("Look."), lm15.Message.user("Now."), lm15.Message("assistant", (call,)),
        lm15.Message("tool", (result,)),
    )  # fmt: skip
    asked = request_of(lm15.Request("mlx", turns, system="Rules."), template="")
    assert [turn.role for turn in asked.messages] == ["system", "user", "assistant", "user"]
    assert asked.messages[1].content == "Look.\n\nNow."
    assert asked.messages[3].content == "<tool_response>\nnothing\n</tool_response>"
    assert read_calls(asked.messages[2].content) == ("", [FunctionCall("find", {"q": "x"})])


def test_words_end_where_a_stop_text_begins(flights: Flights) -> None:
    """Free text ends before the stop text; beside a grammar, which ends by itself, one is refused by name."""
    free = MlxEngine(flights).complete(request(schema=None, max_tokens=30)).text or ""
    stop = free[len(free) // 2]
    assert MlxEngine(flights).complete(request(schema=None, max_tokens=30, stop=(stop,))).text == free.split(stop)[0]
    with pytest.raises(lm15.UnsupportedFeatureError, match="stop"):
        MlxEngine(flights).complete(request(stop=("x",)))


def test_logprobs_tell_how_probable_each_token_was(flights: Flights) -> None:
    """One a token with its alternatives, joined they are the text, streamed or not; through DSPy, too."""
    response = MlxEngine(flights).complete(request(logprobs=2))
    said = response.logprobs
    assert said is not None
    assert "".join(token.token for token in said) == response.text
    assert all(token.logprob <= 0 and len(token.top) <= 2 for token in said)
    assert any(token.top for token in said)
    streamed = [event.delta.logprobs for event in list(MlxEngine(flights).stream(request(logprobs=2)))[1:-1]]
    assert [score for scores in streamed for score in scores] == list(said)
    (output,) = mlx_lm(flights.engine, max_tokens=9)("Say.", logprobs=True)
    assert len(output["logprobs"]["content"]) == 9


def test_cut_words_are_an_answer_and_a_cut_call_is_none(flights: Flights) -> None:
    """With functions as without: text that max_tokens ended has the finish "length"; half a call is refused."""
    tools = (lm15.FunctionTool("find", "Find.", {"type": "object", "properties": {"q": {"type": "string"}}}),)

    def asked(mode: Any) -> lm15.Request:
        config = lm15.Config(max_tokens=5, tool_choice=lm15.ToolChoice(mode))
        return lm15.Request("mlx", (lm15.Message.user("Go."),), tools=tools, config=config)

    response = MlxEngine(flights).complete(asked("auto"))
    assert (response.finish_reason, response.tool_calls) == ("length", [])
    assert list(MlxEngine(flights).stream(asked("auto")))[-1].finish_reason == "length"
    with pytest.raises(lm15.InvalidRequestError, match="max_tokens"):
        MlxEngine(flights).complete(asked("required"))


@pytest.mark.parametrize(
    ("raised", "expected", "attempts"),
    [
        (PromptTooLong("too long"), dspy.ContextWindowExceededError, 1),
        (StorageFailed("disk"), Exception, 3),
    ],
)
def test_errors_are_tried_again_only_where_it_helps(
    short_engine: Engine, raised: Exception, expected: type[Exception], attempts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A prompt that is too long is told once, in the class that ReAct knows; a failing machine is tried again."""
    tried = []

    class Failing(Started):
        def start(self, *_: Any, **__: Any) -> Job:
            tried.append(1)
            raise raised

    monkeypatch.setattr("dspy.clients.execution._delay", lambda *_: 0)
    with pytest.raises(expected):
        mlx_lm(Failing(short_engine), num_retries=2)("hello")
    assert len(tried) == attempts


def test_what_is_not_supported_is_said(flights: Flights) -> None:
    """A setting that would be ignored is refused, and so is an answer longer than allowed."""
    with pytest.raises(lm15.UnsupportedFeatureError, match="top_p"):
        MlxEngine(flights).complete(request(top_p=0.5))
    with pytest.raises(lm15.InvalidRequestError, match="not complete"):
        MlxEngine(flights).complete(request(schema=LONG, max_tokens=5))


def test_equal_requests_in_flight_are_answered_once(short_engine: Engine) -> None:
    """Two callers, one job; a third that wants it drawn has its own; after it landed the next starts anew."""
    engine = Started(short_engine)
    flights = Flights(engine)
    asked = flights.translate(request())
    one, two = (flights.join(asked)[0] for _ in range(2))
    flights.join(flights.translate(request(temperature=1.0)))
    engine.jobs[0].future.set_result(DONE)
    flights.join(asked)
    assert (one.result(), two.result(), len(engine.jobs)) == (DONE, DONE, 3)


def test_a_shared_answer_goes_on_while_anyone_waits(short_engine: Engine) -> None:
    """The first caller that gives up takes nothing from the second; the last one stops the device."""
    engine = Started(short_engine)
    flights = Flights(engine)
    (_, leave_first), (_, leave_second) = (flights.join(flights.translate(request())) for _ in range(2))
    leave_first()
    assert not engine.jobs[0].token.cancelled
    leave_second()
    assert engine.jobs[0].token.cancelled


async def test_a_cancelled_task_stops_the_device(flights: Flights) -> None:
    """A long answer is given up in the middle, and the next call is served."""
    engine = AsyncMlxEngine(flights)
    task = asyncio.create_task(engine.complete(request(schema=LONG, max_tokens=3000)))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await engine.complete(request())).finish_reason == "stop"


def test_a_crowd_is_served_one_at_a_time(short_engine: Engine) -> None:
    """Threads and loops together, every fifth giving up: one job on the device at a time, and nobody waits for ever."""
    crowd = Crowd(short_engine, calls=120)
    before = threading.active_count()
    crowd.run()
    assert (crowd.most_at_once, crowd.ends.total()) == (1, 120)
    assert crowd.ends["stop"] > 75
    assert threading.active_count() <= before + 1, "the device's own thread at most"


def test_copies_share_the_weights_and_saved_programs_have_none(
    short_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """deepcopy is the same engine; pickle and DSPy's own format name the model and find it again."""
    monkeypatch.setitem(dspy_lm._ENGINES, "tiny", short_engine)
    lm = mlx_lm("tiny")
    assert copy.deepcopy(lm.engine) is lm.engine
    again = pickle.loads(pickle.dumps(lm.engine))
    assert again._flights.engine is short_engine
    predict = dspy.Predict("question -> answer")
    predict.lm = lm
    state = predict.dump_state()
    assert json.dumps(state["lm"]).count("tiny") >= 2
    fresh = dspy.Predict("question -> answer")
    fresh.load_state(state, allow_unsafe_lm_state=True)
    assert fresh.lm.engine._flights.engine is short_engine


def test_a_full_memory_says_when_to_come_back(short_engine: Engine) -> None:
    """NoRoom is a 503 with its seconds."""

    class Full(Started):
        def start(self, *_: Any, **__: Any) -> Job:
            raise NoRoom("no room", retry_seconds=7)

    with pytest.raises(lm15.ServerError) as raised:
        MlxEngine(Flights(Full(short_engine))).complete(request())
    assert (raised.value.status, raised.value.retry_after) == (503, 7.0)
