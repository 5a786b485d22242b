"""The laws of answering: the same tokens whatever is switched on, always an end, always a way to stop."""

import asyncio
import dataclasses
import json
from typing import Any

import jsonschema
import pytest
from graphiti_core.prompts.lib import BUILTIN_PROMPT_SPECS
from hypothesis import given, settings
from hypothesis import strategies as st

from app.budget.limit import MIN_FREE_BYTES
from app.budget.memory import GIB, Memory
from app.errors import Cancelled, NoRoom, PromptTooLong, Truncated
from app.llm import decode
from app.llm.blas import mx
from app.llm.engine import Engine
from app.llm.grammar import FreeText
from app.llm.loader import LoadedModel
from app.llm.mlx_thread import MLX_LOCK, CancelToken, run_mlx
from app.llm.request import Request, Turn
from app.llm.room import budget_for
from tests.llm.tiny import SHORT

MODELS = {
    spec.response_model.__name__: spec.response_model for spec in BUILTIN_PROMPT_SPECS.values() if spec.response_model
}
RULES = Turn("system", "Find who is named. Answer in JSON. " * 4)


def ask(text: str, output_type: Any = None, **manner: Any) -> Request:
    return Request(messages=[RULES, Turn("user", text)], output_type=output_type, is_template=True, **manner)


class Counting:
    """A model that counts its passes and the ids it reads."""

    def __init__(self, loaded: LoadedModel) -> None:
        self.inner, self.passes, self.ids = loaded.model, 0, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def __call__(self, ids: mx.array, cache: Any = None) -> Any:
        self.passes += 1
        self.ids += ids.size
        return self.inner(ids, cache=cache)

    def model(self, ids: mx.array, cache: Any = None) -> Any:
        """The model without its head."""
        self.passes += 1
        self.ids += ids.size
        return self.inner.model(ids, cache=cache)


class StopsAt(CancelToken):
    """Cancels itself when it is polled for the n-th time."""

    def __init__(self, poll: int) -> None:
        super().__init__()
        self.polls_left = poll

    def check(self) -> None:
        self.polls_left -= 1
        if self.polls_left == 0:
            self.cancel()
        super().check()


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_graphiti_answer_of_a_random_model_is_accepted(short_engine: Engine, name: str) -> None:
    """Greedy and drawn answers satisfy the response model and its own JSON schema."""
    schema = MODELS[name].model_json_schema()
    for seed, temperature in enumerate([0.0, 0.7, 2.0]):
        completion = short_engine.complete(ask(f"Marie {seed}", MODELS[name], temperature=temperature, seed=seed))
        answer = json.loads(completion.text)
        jsonschema.Draft202012Validator(schema).validate(answer)
        MODELS[name].model_validate(answer)
        assert completion.finish == "stop"


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(sorted(MODELS)),
    text=st.text(max_size=40),
    temperature=st.sampled_from([0.0, 1.0]),
    seed=st.integers(0, 2**31),
)
def test_fast_forward_and_prefix_reuse_change_no_token(
    short_engine: Engine, plain_engine: Engine, name: str, text: str, temperature: float, seed: int
) -> None:
    """The plain constrained loop, from a cold start, says the same tokens; only the passes differ."""
    fast, plain = (
        engine.complete(ask(text, MODELS[name], temperature=temperature, seed=seed))
        for engine in (short_engine, plain_engine)
    )
    assert fast.token_ids == plain.token_ids
    assert fast.forward_passes < plain.forward_passes == len(plain.token_ids)
    assert plain.cached_tokens == 0


def test_the_same_seed_gives_the_same_answer(short_engine: Engine) -> None:
    """A drawn answer is a function of the seed."""
    texts = [
        short_engine.complete(ask("Marie", MODELS["Summary"], temperature=1.5, seed=seed)).text for seed in (1, 1, 2)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_an_answer_cut_short_is_truncated(tiny: LoadedModel) -> None:
    """max_tokens inside a grammar is our own error; an answer that just fits is whole."""
    for fast_forward in (True, False):
        engine = Engine(tiny, bounds=SHORT, fast_forward=fast_forward)
        whole = engine.complete(ask("Marie", MODELS["SagaSummary"]))
        most = len(whole.token_ids)
        assert engine.complete(ask("Marie", MODELS["SagaSummary"], max_tokens=most)).text == whole.text
        with pytest.raises(Truncated):
            engine.complete(ask("Marie", MODELS["SagaSummary"], max_tokens=most - 1))


def test_free_text_ends_by_itself_or_by_length(short_engine: Engine, tiny: LoadedModel) -> None:
    """Without a grammar max_tokens is no error; no id beyond the tokenizer is said."""
    completion = short_engine.complete(ask("Marie", max_tokens=30, temperature=3.0))
    assert completion.finish == ("length" if len(completion.token_ids) == 30 else "stop")
    assert max(completion.token_ids, default=0) < tiny.token_count


def test_what_is_streamed_is_the_answer(short_engine: Engine) -> None:
    """The stretches handed to on_text make up the text."""
    heard = list[str]()
    completion = short_engine.complete(ask("é", MODELS["SummarizedEntities"], temperature=2.0, on_text=heard.append))
    assert "".join(heard) == completion.text


def test_too_long_a_prompt_is_refused_before_the_device(tiny: LoadedModel) -> None:
    """PromptTooLong comes while someone else still holds the device; an engine may allow less than its model."""
    engine = Engine(tiny, budget=budget_for(tiny, max_context=60, output_reserve=10))
    with MLX_LOCK, pytest.raises(PromptTooLong, match="50 are allowed"):
        engine.complete(ask("x " * 100))
    assert Engine(tiny, budget=budget_for(tiny, max_context=10**9)).budget.limit().context <= tiny.max_context_tokens


def test_no_prompt_above_the_limit_reaches_the_device_and_none_at_it_is_refused(tiny: LoadedModel) -> None:
    """One token more than `input` and the model is never called; exactly `input` is answered; so for a full memory."""
    counting = Counting(tiny)
    loaded = dataclasses.replace(tiny, model=counting)
    length = len(Engine(tiny).prepare(ask("x")).prompt.ids)
    for allowed, answered in ((length, True), (length - 1, False)):
        counting.passes = 0
        engine = Engine(loaded, budget=budget_for(tiny, max_context=allowed + 4, output_reserve=4))
        assert engine.budget.limit().input == allowed
        if answered:
            assert engine.complete(ask("x", max_tokens=2)).prompt_tokens == length
        else:
            with pytest.raises(PromptTooLong):
                engine.complete(ask("x"))
        assert bool(counting.passes) == answered


def test_a_full_memory_gives_up_the_kept_prefixes_before_it_refuses(tiny: LoadedModel) -> None:
    """NoRoom comes before any device work and only after what the engine itself keeps was freed."""
    counting = Counting(tiny)
    free = [64 * GIB]
    budget = dataclasses.replace(budget_for(tiny), memory=lambda: Memory(64 * GIB, free[0]))
    engine = Engine(dataclasses.replace(tiny, model=counting), budget=budget)
    engine.complete(ask("x", max_tokens=1))
    free[0] = MIN_FREE_BYTES
    counting.passes = 0
    assert engine._prefixes.nbytes > 0
    with pytest.raises(NoRoom):
        engine.complete(ask("x"))
    assert counting.passes == 0
    assert engine._prefixes.nbytes == 0
    free[0] = 64 * GIB
    assert engine.complete(ask("x", max_tokens=1)).prompt_tokens > 0


def test_the_answer_has_the_room_the_prompt_leaves(tiny: LoadedModel) -> None:
    """Prompt and answer together never pass the context."""
    prompt = len(Engine(tiny).prepare(ask("x")).prompt.ids)
    engine = Engine(tiny, budget=budget_for(tiny, max_context=prompt + 5, output_reserve=5))
    completion = engine.complete(ask("x", temperature=3.0, max_tokens=1000))
    assert len(completion.token_ids) <= 5


@pytest.mark.parametrize("poll", [1, 2, 3])
def test_a_cancelled_prefill_stops_at_the_next_chunk(tiny: LoadedModel, poll: int) -> None:
    """Polled before every chunk: cancelled at the n-th poll means n - 1 chunks were read."""
    counting = Counting(tiny)
    loaded = dataclasses.replace(tiny, model=counting)
    ids = list(range(3, 300)) * 7
    manner = Request(messages=(), max_tokens=5, cancel=StopsAt(poll))
    with pytest.raises(Cancelled):
        run_mlx(lambda: decode.generate(loaded, ids, _free(tiny), manner))
    assert counting.ids == (poll - 1) * tiny.reading.step


def test_a_cancelled_answer_stops_at_the_next_token(tiny: LoadedModel) -> None:
    """One short chunk, two tokens, then the third poll for a token ends it."""
    counting = Counting(tiny)
    loaded = dataclasses.replace(tiny, model=counting)
    manner = Request(messages=(), max_tokens=50, cancel=StopsAt(4), temperature=9.0)
    with pytest.raises(Cancelled):
        run_mlx(lambda: decode.generate(loaded, [5, 6], _free(tiny), manner))
    assert counting.passes == 3


def _free(tiny: LoadedModel) -> FreeText:
    return FreeText(tiny.token_count, tiny.vocab_size, frozenset())


async def test_a_cancelled_task_frees_the_device(tiny: LoadedModel) -> None:
    """Cancelling the awaiting task stops a long answer, and the next caller is served."""
    engine = Engine(tiny)
    heard = asyncio.Event()
    loop = asyncio.get_running_loop()
    endless = {"type": "string", "minLength": 9000, "maxLength": 9000}

    def hear(text: str) -> None:
        assert text
        loop.call_soon_threadsafe(heard.set)

    task = asyncio.create_task(engine.acomplete(ask("x", endless, max_tokens=9999, on_text=hear)))
    await heard.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await engine.acomplete(ask("x", {"const": 1}))).text == "1"


async def test_many_callers_get_what_each_would_get_alone(short_engine: Engine) -> None:
    """Concurrent questions do not touch each other's answers."""
    texts = [f"entry {n}" for n in range(8)]
    alone = [(await short_engine.acomplete(ask(text, MODELS["EdgeDuplicate"]))).token_ids for text in texts]
    together = await asyncio.gather(*(short_engine.acomplete(ask(text, MODELS["EdgeDuplicate"])) for text in texts))
    assert [completion.token_ids for completion in together] == alone


def test_the_key_of_a_question_is_what_decides_its_answer(short_engine: Engine) -> None:
    """Equal questions have equal keys; another text, another type or another model has another."""
    key = short_engine.prepare(ask("a", MODELS["Summary"])).key
    assert short_engine.prepare(ask("a", MODELS["Summary"])).key == key
    other_model = Engine(dataclasses.replace(short_engine.loaded, fingerprint="other"), bounds=SHORT)
    others = [
        short_engine.prepare(ask("b", MODELS["Summary"])).key,
        short_engine.prepare(ask("a", MODELS["EdgeDuplicate"])).key,
        short_engine.prepare(ask("a")).key,
        other_model.prepare(ask("a", MODELS["Summary"])).key,
    ]
    assert len({key, *others}) == 5
