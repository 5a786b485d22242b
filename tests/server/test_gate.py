"""The gate: the SDKs that people use, over a real socket; each refusal raises the exception that it should."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from app.budget.limit import Budget
from app.errors import NoRoom
from app.llm.engine import Engine
from app.server.guard import access_for
from tests.server.asked import HI, LONG, MODEL, People
from tests.server.conftest import Running, Start

WEATHER = {
    "name": "weather",
    "description": "Weather of a place",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 12}, "days": {"type": "integer"}},
        "required": ["city", "days"],
    },
}
OPENAI_TOOLS: list[Any] = [{"type": "function", "function": WEATHER}]
ANTHROPIC_TOOLS: list[Any] = [
    {"name": "weather", "description": "Weather of a place", "input_schema": WEATHER["parameters"]}
]


@pytest.fixture(scope="module")
def client(running: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def claude(running: Running) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=running.url, api_key="none", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("seed", range(3))
def test_the_pieces_of_a_stream_are_the_whole_answer(
    client: openai.OpenAI, claude: anthropic.Anthropic, seed: int
) -> None:
    """Streamed and unstreamed answers to one request are the same text, in both dialects."""
    asked: Any = {"model": MODEL, "messages": HI, "max_tokens": 40, "temperature": 1.2, "seed": seed}
    whole = client.chat.completions.create(**asked)
    chunks = list(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == whole.choices[0].finish_reason
    greedy: Any = {"model": "claude-any", "messages": HI, "max_tokens": 20 + seed}
    with claude.messages.stream(**greedy) as stream:
        joined = "".join(stream.text_stream)
        message = stream.get_final_message()
    said = claude.messages.create(**greedy)
    assert joined == said.content[0].text
    assert (message.stop_reason, message.usage.output_tokens) == (said.stop_reason, said.usage.output_tokens)


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
def test_a_schema_is_always_kept(client: openai.OpenAI, claude: anthropic.Anthropic, is_streamed: bool) -> None:
    """`parse` of both SDKs finds an instance, also in a stream."""
    asked: Any = {"model": MODEL, "messages": HI, "response_format": People, "temperature": 1.0}
    for seed in range(4):
        if is_streamed:
            with client.chat.completions.stream(**asked, seed=seed) as stream:
                found = stream.get_final_completion().choices[0].message.parsed
        else:
            found = client.chat.completions.parse(**asked, seed=seed).choices[0].message.parsed
        assert isinstance(found, People)
    wanted: Any = {"model": MODEL, "max_tokens": 600, "messages": HI, "output_format": People}
    if is_streamed:
        with claude.messages.stream(**wanted) as events:
            assert isinstance(events.get_final_message().parsed_output, People)
    else:
        assert isinstance(claude.messages.parse(**wanted).parsed_output, People)


def test_json_object_is_an_object(client: openai.OpenAI) -> None:
    """Without a schema the answer is some JSON object, and it ends."""
    for seed in range(4):
        answer = client.chat.completions.create(
            model=MODEL, messages=HI, response_format={"type": "json_object"}, seed=seed, temperature=1.0
        )
        assert isinstance(json.loads(answer.choices[0].message.content or ""), dict)


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
def test_the_arguments_of_a_call_always_fit(
    client: openai.OpenAI, claude: anthropic.Anthropic, is_streamed: bool
) -> None:
    """A forced tool is called, with arguments of its schema, in both dialects."""
    forced: Any = {
        "model": MODEL, "messages": HI, "tools": OPENAI_TOOLS, "temperature": 1.0, "seed": 3,
        "tool_choice": {"type": "function", "function": {"name": "weather"}}, "parallel_tool_calls": False,
    }  # fmt: skip
    if is_streamed:
        with client.chat.completions.stream(**forced) as stream:
            choice = stream.get_final_completion().choices[0]
    else:
        choice = client.chat.completions.create(**forced).choices[0]
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls or []
    assert call.type == "function"
    assert {type(value) for value in json.loads(call.function.arguments).values()} == {str, int}
    wanted: Any = {
        "model": MODEL, "max_tokens": 600, "messages": HI, "tools": ANTHROPIC_TOOLS,
        "tool_choice": {"type": "tool", "name": "weather"},
    }  # fmt: skip
    if is_streamed:
        with claude.messages.stream(**wanted) as events:
            message: Any = events.get_final_message()
    else:
        message = claude.messages.create(**wanted)
    assert message.stop_reason == "tool_use"
    assert {block.name for block in message.content} == {"weather"}
    assert all(set(block.input) == {"city", "days"} for block in message.content)


def test_a_whole_round_with_a_tool_is_understood(client: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    """Calls and results go back in, and the next answer comes; counting says what was read."""
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Ghent", "days": 1}'},
    }
    turns: Any = [
        {"role": "system", "content": "Be brief."}, *HI,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    ]  # fmt: skip
    answer = client.chat.completions.create(model=MODEL, messages=turns, tools=OPENAI_TOOLS, max_tokens=8)
    assert answer.usage is not None
    blocks: Any = [
        *HI,
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "G"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "rain"}]},
        {"role": "system", "content": "It is Monday."},
    ]
    asked: Any = {"model": MODEL, "messages": blocks, "tools": ANTHROPIC_TOOLS, "system": "Be brief."}
    usage = claude.messages.create(**asked, max_tokens=8).usage
    read = usage.input_tokens + (usage.cache_read_input_tokens or 0)
    assert claude.messages.count_tokens(**asked).input_tokens == read


def test_stop_texts_end_an_answer_and_are_not_in_it(client: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    """The answer up to the stop text, in both dialects; Anthropic's says which one it was."""
    asked: Any = {"model": MODEL, "messages": HI, "max_tokens": 40}
    text = client.chat.completions.create(**asked).choices[0].message.content or ""
    stop = text[5:9]
    stopped = client.chat.completions.create(**asked, stop=[stop, "never said"]).choices[0]
    assert (stopped.message.content, stopped.finish_reason) == (text[: text.index(stop)], "stop")
    if stop.strip():
        message = claude.messages.create(**asked, stop_sequences=[stop])
        assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", stop)


def test_logprobs_are_those_of_the_tokens_said(client: openai.OpenAI) -> None:
    """One a token, none above zero, the alternatives best first; their texts joined are the answer."""
    asked: Any = {"model": MODEL, "messages": HI, "max_tokens": 10, "logprobs": True, "top_logprobs": 3}
    choice = client.chat.completions.create(**asked).choices[0]
    assert choice.logprobs is not None
    told = choice.logprobs.content or []
    assert "".join(one.token for one in told) == choice.message.content
    assert all(one.logprob <= 0 and len(one.top_logprobs) == 3 for one in told)
    assert all(one.top_logprobs[0].logprob >= one.top_logprobs[2].logprob for one in told)
    streamed = [c.choices[0].logprobs for c in client.chat.completions.create(**asked, stream=True) if c.choices]
    assert [one.content for one in streamed if one] == [told]


def test_the_same_seed_is_the_same_answer(client: openai.OpenAI) -> None:
    """And no seed is another one each time."""
    asked: Any = {"model": MODEL, "messages": HI, "max_tokens": 20, "temperature": 1.5}
    said = [client.chat.completions.create(**asked, seed=s).choices[0].message.content for s in (1, 1, 2)]
    assert said[0] == said[1] != said[2]
    assert len({client.chat.completions.create(**asked).choices[0].message.content for _ in range(3)}) > 1


def test_one_list_of_models_serves_both_sdks(
    client: openai.OpenAI, claude: anthropic.Anthropic, running: Running
) -> None:
    """The limit is in it, under each name by which clients look for it; and it is the limit that is kept."""
    limit = running.desk.limit()
    model: Any = client.models.retrieve(MODEL)
    assert model.limit == {
        "context": limit.context, "input": limit.input, "output": limit.output, "binding": limit.binding,
    }  # fmt: skip
    assert model.max_model_len == model.context_length == limit.context
    assert claude.models.list().data[0].max_input_tokens == limit.input
    assert claude.models.retrieve("claude-sonnet").id == "claude-sonnet"
    assert client.models.list().data[0].id == MODEL


def test_embeddings_have_length_one_in_either_encoding(client: openai.OpenAI) -> None:
    """base64 and floats are the same vectors; fewer dimensions are the first ones, scaled again."""
    texts = ["Marie lives in Ghent", "x", "Marie lives in Ghent"]
    floats = client.embeddings.create(model="embedder", input=texts, encoding_format="float")
    coded = client.embeddings.create(model="embedder", input=texts)
    assert [one.embedding for one in floats.data] == [one.embedding for one in coded.data]
    assert floats.data[0].embedding == floats.data[2].embedding != floats.data[1].embedding
    assert floats.usage.total_tokens > 3
    few = client.embeddings.create(model="embedder", input="x", dimensions=8).data[0].embedding
    assert sum(value * value for value in few) == pytest.approx(1, abs=1e-5)


def formatted(schema: dict[str, Any]) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}}


PICTURE = {"type": "image", "source": {"type": "url", "url": "http://127.0.0.1:1/"}}
UNSUPPORTED: list[dict[str, Any]] = [
    {"n": 2}, {"top_p": 0.5}, {"frequency_penalty": 1}, {"logit_bias": {"5": 1}}, {"reasoning_effort": "high"},
    {"store": True}, {"modalities": ["audio"]}, {"extra_body": {"made_up": 1}}, {"stop": ["a"] * 5}, {"stop": ""},
    {"functions": [{"name": "f", "parameters": {}}]}, {"temperature": 3}, {"top_logprobs": 2},
    {"stop": "a", "response_format": {"type": "json_object"}}, {"tools": [], "tool_choice": "required"},
    formatted({"type": "array", "uniqueItems": True}), formatted({"type": "string", "pattern": "("}),
    {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/"}}]}]},
]  # fmt: skip


@pytest.mark.parametrize("extra", UNSUPPORTED, ids=lambda extra: next(iter(extra)))
def test_what_is_not_supported_is_a_loud_400(client: openai.OpenAI, extra: dict[str, Any]) -> None:
    """Nothing that would change the answer is passed over."""
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(**{"model": MODEL, "messages": HI, "max_tokens": 3, **extra})
    assert raised.value.type == "invalid_request_error"


ANTHROPIC_UNSUPPORTED: list[dict[str, Any]] = [
    {"extra_body": {"top_k": 5}}, {"extra_body": {"top_p": 0.5}},
    {"thinking": {"type": "enabled", "budget_tokens": 2048}},
    {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, {"extra_body": {"made_up": 1}},
    {"messages": [{"role": "user", "content": [PICTURE]}]},
]  # fmt: skip


@pytest.mark.parametrize("extra", ANTHROPIC_UNSUPPORTED, ids=lambda extra: str(extra)[:40])
def test_what_is_not_supported_is_a_loud_400_for_claude_too(claude: anthropic.Anthropic, extra: dict[str, Any]) -> None:
    """The same in Anthropic's dialect."""
    with pytest.raises(anthropic.BadRequestError):
        claude.messages.create(**{"model": MODEL, "messages": HI, "max_tokens": 3000, **extra})


def test_a_prompt_beyond_the_limit_raises_what_each_sdk_calls_it(
    client: openai.OpenAI, claude: anthropic.Anthropic, running: Running
) -> None:
    """Refused before any device work, with both numbers, in the words by which clients know a full context."""
    with pytest.raises(openai.BadRequestError, match="maximum context length is") as raised:
        client.chat.completions.create(model=MODEL, messages=LONG)
    assert (raised.value.code, raised.value.param) == ("context_length_exceeded", "messages")
    with pytest.raises(anthropic.BadRequestError, match=r"prompt is too long: \d+ tokens > \d+ maximum"):
        claude.messages.create(model=MODEL, messages=LONG, max_tokens=5)
    most = running.desk.limit().context
    with pytest.raises(anthropic.BadRequestError, match=r"exceed context limit: \d+ \+ \d+ > \d+, decrease"):
        claude.messages.create(model=MODEL, messages=HI, max_tokens=most, timeout=60)
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model=MODEL, messages=HI, max_tokens=most)
    assert raised.value.code == "context_length_exceeded"


def test_a_model_that_is_not_loaded_is_not_loaded(client: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    """A name, a path or a hub name in a request opens nothing."""
    for name in ("gpt-5", "mlx-community/Qwen3-4B-4bit", "/etc", "claude-opus"):
        with pytest.raises(openai.NotFoundError) as raised:
            client.chat.completions.create(model=name, messages=HI)
        assert raised.value.code == "model_not_found"
    with pytest.raises(anthropic.NotFoundError):
        claude.messages.create(model="gpt-5", messages=HI, max_tokens=5)


def test_wrong_keys_and_wrong_bodies_raise_their_own_exceptions(start: Start) -> None:
    """401 and 400 in both dialects."""
    url = start(access=access_for("127.0.0.1", ["a-key-of-some-length"])).url
    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.models.list()
    with (
        anthropic.Anthropic(base_url=url, api_key="wrong", max_retries=0) as claude,
        pytest.raises(anthropic.AuthenticationError),
    ):
        claude.messages.create(model=MODEL, messages=HI, max_tokens=5)
    with (
        anthropic.Anthropic(base_url=url, auth_token="a-key-of-some-length", max_retries=0) as claude,
        pytest.raises(anthropic.BadRequestError),
    ):
        claude.messages.create(model=MODEL, messages=[], max_tokens=5)


def test_a_full_queue_and_a_full_memory_say_when_to_come_again(
    start: Start, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """429 and 529 for the queue, 503 for the memory, each with Retry-After; a full context has none."""
    full = start(places=0)
    with (
        openai.OpenAI(base_url=f"{full.url}/v1", api_key="x", max_retries=0) as client,
        pytest.raises(openai.RateLimitError) as busy,
    ):
        client.chat.completions.create(model=MODEL, messages=HI)
    with (
        anthropic.Anthropic(base_url=full.url, api_key="x", max_retries=0) as claude,
        pytest.raises(anthropic.APIStatusError) as overloaded,
    ):
        claude.messages.create(model=MODEL, messages=HI, max_tokens=5)
    assert (busy.value.status_code, overloaded.value.status_code) == (429, 529)
    assert int(busy.value.response.headers["retry-after"]) >= 1

    def no_room(_: Budget, tokens: int) -> None:
        raise NoRoom(f"{tokens} tokens need 9 GiB, 1 GiB is free", retry_seconds=7)

    monkeypatch.setattr(Budget, "refuse_for_now", no_room)
    asked: Any = {"model": MODEL, "messages": HI, "max_tokens": 5}
    for is_streamed in (False, True):
        with (
            openai.OpenAI(base_url=f"{running.url}/v1", api_key="x", max_retries=0) as client,
            pytest.raises(openai.InternalServerError) as busy_memory,
        ):
            client.chat.completions.create(**asked, stream=is_streamed)
        assert (busy_memory.value.status_code, busy_memory.value.code) == (503, "insufficient_memory")
        assert busy_memory.value.response.headers["retry-after"] == "7"
        with (
            anthropic.Anthropic(base_url=running.url, api_key="x", max_retries=0) as claude,
            pytest.raises(anthropic.APIStatusError) as overloaded,
        ):
            claude.messages.create(**asked, stream=is_streamed)
        assert overloaded.value.status_code == 503


def test_a_device_without_memory_is_said_and_the_server_goes_on(
    client: openai.OpenAI, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLX's own failure is a 503 with Retry-After, whole or streamed; the next request is answered as before."""
    asked: Any = {"model": MODEL, "messages": [{"role": "user", "content": "Much?"}], "max_tokens": 5}
    model = type(engine.loaded.model)

    def no_memory(*_: Any, **__: Any) -> None:
        raise RuntimeError("[malloc] Unable to allocate 4294967296 bytes.")

    for is_streamed in (False, True):
        with monkeypatch.context() as patch:
            patch.setattr(model, "__call__", no_memory)
            with pytest.raises(openai.InternalServerError) as refused:
                list(client.chat.completions.create(**asked, stream=is_streamed))
        assert (refused.value.status_code, refused.value.code) == (503, "insufficient_memory")
        assert int(refused.value.response.headers["retry-after"]) >= 1
        assert client.chat.completions.create(**asked).usage.completion_tokens > 0


async def test_many_at_once_are_each_answered_as_alone(running: Running, client: openai.OpenAI) -> None:
    """Async callers share the device; every answer is that of its own request."""
    asked: Any = {"model": MODEL, "max_tokens": 6}

    def turns(number: int) -> Any:
        return [{"role": "user", "content": f"Number {number}"}]

    alone = [client.chat.completions.create(messages=turns(n), **asked).choices[0].message.content for n in range(8)]
    async with openai.AsyncOpenAI(base_url=f"{running.url}/v1", api_key="x", max_retries=0) as many:
        together = await asyncio.gather(*(many.chat.completions.create(messages=turns(n), **asked) for n in range(8)))
        assert [one.choices[0].message.content for one in together] == alone
        pieces = [piece async for piece in await many.chat.completions.create(messages=turns(3), stream=True, **asked)]
    assert "".join(p.choices[0].delta.content or "" for p in pieces) == alone[3]
