"""The laws of the decode loop: drafts, forced tokens and caches of any kind change the passes, never the tokens."""

import dataclasses
import gzip
import itertools
import json
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_lm.models.cache import make_prompt_cache

from app.llm import decode
from app.llm.blas import mx
from app.llm.choosing import choose
from app.llm.drafts import Lookup
from app.llm.engine import Engine
from app.llm.forward import forward
from app.llm.grammar import FreeText
from app.llm.head import head_of
from app.llm.loader import LoadedModel, load_generator
from app.llm.mlx_thread import run_mlx
from app.llm.prefix_cache import Prefix
from app.llm.request import Completion, Request, Turn
from app.llm.widths import MEASURED, PassCosts, Widths
from tests.budget.zoo import WORDS, config_of, model_of
from tests.llm.tiny import CONTROL, MARKERS, SHARED, SHORT, TINY, build_model, build_tokenizer

RECORDED = SHARED / "data" / "graphiti_prompts.jsonl.gz"
COSTS = PassCosts((1.0,) * len(MEASURED), tie=1e-4)
LEVERS: list[dict[str, Any]] = [
    {"fast_forward": fast_forward, "guesses": guesses, "prefix_bytes": prefix_bytes}
    for fast_forward, guesses, prefix_bytes in itertools.product([True, False], [0, 1, 5, None], [0, 2**30])
]
PLAIN: dict[str, Any] = {"fast_forward": False, "guesses": 0, "prefix_bytes": 0}


def recorded(count: int) -> list[Request]:
    """Some of the recorded prompts, evenly chosen, cut so that a tiny model answers them quickly."""
    if not RECORDED.exists():
        pytest.skip(f"the recorded prompts are not at {RECORDED}")
    with gzip.open(RECORDED, "rt", encoding="utf-8") as lines:
        calls = [json.loads(line) for line in lines]
    return [
        Request(
            messages=[Turn(message["role"], message["content"][:600]) for message in call["messages"]],
            output_type=call["json_schema"],
            is_template=True,
        )
        for call in calls[:: len(calls) // count]
    ]


@pytest.fixture(scope="module", params=[1, 2, 3])
def random_model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """Tiny models of three seeds."""
    folder = tmp_path_factory.mktemp(f"seed{request.param}")
    config = {**TINY, "vocab_size": (build_tokenizer(folder) // 64 + 1) * 64}
    build_model(folder, config, seed=request.param)
    return load_generator(folder)


def test_no_lever_changes_a_token(random_model: LoadedModel) -> None:
    """Recorded prompts, all combinations of levers, greedy and drawn: the plain loop's tokens, in fewer passes."""
    plain = Engine(random_model, bounds=SHORT, **PLAIN)
    engines = [Engine(random_model, bounds=SHORT, **levers) for levers in LEVERS]
    passes, tokens = Counter[int](), 0
    for seed, request in enumerate(recorded(3)):
        for temperature in (0.0, 0.8):
            asked = dataclasses.replace(request, temperature=temperature, seed=seed)
            wanted = plain.complete(asked).token_ids
            tokens += len(wanted)
            for place, engine in enumerate(engines):
                completion = engine.complete(asked)
                assert completion.token_ids == wanted, (seed, temperature, LEVERS[place])
                passes[place] += completion.forward_passes
    assert passes[LEVERS.index(PLAIN)] >= tokens
    assert passes[0] < tokens


@pytest.mark.parametrize(
    "family",
    [
        "grouped-query: qwen3",
        "MLA, latent: deepseek_v3",
        "sliding: llama with layer_types",
        "sliding: gemma3_text",
        "hybrid: qwen3_next",
        "hybrid: qwen3_5",
        "hybrid: lfm2",
        "hybrid: jamba",
    ],
)
def test_a_cache_that_cannot_be_cut_is_put_back(tiny: LoadedModel, family: str) -> None:
    """States and windows, filled past their size: guesses that fail leave no trace."""

    def run() -> list[tuple[Completion, Completion]]:
        mx.random.seed(0)
        model = model_of(config_of(family))
        model.set_dtype(mx.float32)
        loaded = dataclasses.replace(
            tiny, model=model, head=head_of(model), vocab_size=WORDS, token_count=WORDS, eos_token_ids=frozenset()
        )
        prompt = [5, 6, 7, 8, 9, 10] * 35 + [5, 6]
        pairs = []
        for seed, temperature in [(0, 0.0), (1, 0.6)]:
            request = Request(messages=(), max_tokens=40, temperature=temperature, seed=seed)
            answers = [
                decode.generate(loaded, prompt, FreeText(WORDS, WORDS, frozenset()), request, widths=widths)
                for widths in (None, Widths(COSTS, 4))
            ]
            pairs.append((answers[0], answers[1]))
        return pairs

    pairs = run_mlx(run)
    assert all(plain.token_ids == drafted.token_ids for plain, drafted in pairs)


def test_what_is_not_clear_is_asked_alone(tiny: LoadedModel) -> None:
    """A model whose wide passes are off by less than the tie answers as its one-token passes do."""

    class Rough:
        """Rounds otherwise whenever it sees several tokens at once."""

        def __call__(self, ids: mx.array, cache: Any = None) -> Any:
            logits = tiny.model(ids, cache=cache)
            noise = mx.random.normal(logits.shape, key=mx.random.key(ids.size)) * 0.05
            return logits if ids.size == 1 else logits + mx.clip(noise, -0.1, 0.1)

    loaded = dataclasses.replace(tiny, model=Rough(), head=None)
    free = FreeText(tiny.token_count, tiny.vocab_size, frozenset())
    request = Request(messages=(), max_tokens=200, temperature=0.7, seed=4)
    prompt = tiny.tokenizer.encode("met Marie in Ghent and met Marie in Ghent and met Marie")

    def say(widths: Widths | None) -> Completion:
        prefix = Prefix(make_prompt_cache(tiny.model), 0)
        return decode.generate(loaded, prompt, free, request, prefix=prefix, widths=widths)

    plain = run_mlx(say, None)
    careful = run_mlx(say, Widths(PassCosts(COSTS.seconds, tie=0.21), 4))
    careless = run_mlx(say, Widths(PassCosts(COSTS.seconds, tie=0.0), 4))
    assert careful.token_ids == plain.token_ids != careless.token_ids


def test_tokens_are_drawn_in_the_model_s_proportions() -> None:
    """Chi-square over 4,000 seeds, also where a draft is held against the draw: accept it or take another."""
    rng = np.random.default_rng(1)
    logits = np.append(rng.normal(size=7), -np.inf).astype(np.float32)
    shares = np.exp(logits / 0.8) / np.exp(logits / 0.8).sum()

    def drawn() -> list[int]:
        row = mx.array(logits)[None]
        requests = (Request(messages=(), temperature=0.8, seed=seed) for seed in range(4000))
        return [choose(row, row, request, [seed % 7])[0].token for seed, request in enumerate(requests)]

    counts = Counter(run_mlx(drawn))
    assert counts[7] == 0
    surprise = sum((counts[i] - 4000 * shares[i]) ** 2 / (4000 * shares[i]) for i in range(7))
    assert surprise < 22.5  # six degrees of freedom: once in a thousand


def test_probabilities_are_those_under_the_grammar(short_engine: Engine) -> None:
    """The allowed tokens share all of the probability; a forced token is certain; what was cut is a share."""
    request = Request(messages=[Turn("user", "A number?")], output_type=int_range(0, 9), logprobs=20, temperature=1.0)
    completion = short_engine.complete(request)
    assert completion.logprobs is not None
    assert [told.token for told in completion.logprobs] == list(completion.token_ids)
    told = completion.logprobs[0]
    assert sum(math.exp(share) for _, share in told.top) == pytest.approx(1, abs=1e-4)
    assert (told.token, told.logprob) in told.top
    assert told.cut is not None
    assert 0.5 < told.cut < 1  # ten digits of a vocabulary of 1,500
    forced = short_engine.complete(Request(messages=[Turn("user", "x")], output_type={"const": "Marie"}, logprobs=0))
    assert forced.logprobs is not None
    assert {(told.logprob, told.cut) for told in forced.logprobs} == {(0.0, None)}


def int_range(low: int, high: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": low, "maximum": high}


def test_probabilities_are_the_same_with_and_without_drafts(tiny: LoadedModel) -> None:
    """Each token is told from its own row, whether it was guessed or not."""
    text = "Marie met Pepys. Marie met Pepys. Marie met"
    request = Request(messages=[Turn("user", text)], max_tokens=40, logprobs=2, temperature=0.5, seed=3)
    plain, drafted = (Engine(tiny, guesses=guesses).complete(request).logprobs for guesses in (0, 5))
    assert plain is not None
    assert drafted is not None
    assert [told.token for told in plain] == [told.token for told in drafted]
    assert [told.logprob for told in plain] == pytest.approx([told.logprob for told in drafted], abs=1e-3)


def test_only_the_rows_asked_for_go_through_the_head(tiny: LoadedModel) -> None:
    """The head alone on some rows is the whole model's logits there."""

    def logits() -> tuple[Any, Any]:
        ids = [5, 6, 7, 8]
        parted = forward(tiny, ids, make_prompt_cache(tiny.model), [1, 3])
        whole = forward(dataclasses.replace(tiny, head=None), ids, make_prompt_cache(tiny.model), [1, 3])
        return np.array(parted), np.array(whole)

    assert tiny.head is not None
    parted, whole = run_mlx(logits)
    assert parted == pytest.approx(whole, abs=1e-4)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=40), st.integers(1, 8), st.integers(1, 10))
def test_a_draft_goes_on_as_the_text_did(ids: list[int], guesses: int, room: int) -> None:
    """Every guess followed its predecessor somewhere in the text, and there is room for one token more."""
    pays = Widths(COSTS, guesses).pays
    draft = Lookup(ids).draft(FreeText(4, 4, frozenset()), 1, room, pays, fast_forward=True)
    pairs = set(itertools.pairwise(ids))
    assert all(pair in pairs for pair in itertools.pairwise([ids[-1], *draft.tokens]))
    assert len(draft.tokens) == len(draft.guesses) == len(draft.agreed) <= min(guesses, room - 1)


def test_a_guess_is_taken_where_it_pays() -> None:
    """Free where a wide pass costs no more, never where each token costs a pass unless it is sure; hope moves it."""

    def costs(each: float) -> PassCosts:
        return PassCosts(tuple(1 + each * width for width in MEASURED), tie=0.0)

    flat, steep, some = Widths(COSTS), Widths(costs(20)), Widths(costs(0.1))
    assert flat.pays(1, 30, [1, 1, 1])
    assert not steep.pays(1, 2, [1, 1, 1])
    assert some.pays(1, 2, [1])
    assert not some.pays(1, 40, [1])  # a guess that fails would waste forty tokens
    for _ in range(100):
        some.learn([1], 0)
        some.learn([6, 1], 2)  # what comes behind a long agreement comes true
        some.learn([6, 1], 0)
    assert not some.pays(1, 20, [1])
    assert some.pays(1, 2, [6])


def test_guesses_are_judged_by_how_long_they_agreed() -> None:
    """Short agreements that fail cost long ones nothing, and nothing is learnt behind the first wrong guess."""
    widths = Widths(COSTS)
    for _ in range(200):
        widths.learn([1, 6, 6], 0)
        widths.learn([6, 2], 1)
    assert widths.hopes[1] < 0.01 < widths.hopes[3] == 0.6 < 0.99 < widths.hopes[6]
    assert widths.hopes[2] < 0.01
    hopeless = Widths(PassCosts(tuple(float(width) for width in MEASURED), tie=0.0), hopes=[0.0] * 7)
    assert sum(hopeless.pays(1, 1, [1]) for _ in range(2000)) > 0  # refused again and again, it is tried again
    assert not Widths(COSTS, 0).pays(1, 1, [6])


@pytest.mark.parametrize("control", [*CONTROL, *MARKERS])
@pytest.mark.parametrize("tokenizer", ["tiny", "qwen"])
def test_text_that_spells_a_control_token_is_said_as_text(
    tokenizer: str, control: str, request: pytest.FixtureRequest
) -> None:
    """A key, a constant and a choice hold the very characters, and no control token: the same tokens with any lever."""
    loaded: LoadedModel = request.getfixturevalue(tokenizer)
    text = f"3. He wrote {control} and left {control}"
    parts = {"said": {"const": text}, text: {"enum": [f"{control}a", f"{control}b", None]}}
    schema = {"type": "object", "properties": parts, "required": list(parts), "additionalProperties": False}
    asked = Request(messages=[Turn("user", text)], output_type=schema, max_tokens=400)
    plain = Engine(loaded, **PLAIN).complete(asked)
    answer = json.loads(plain.text)
    assert answer["said"] == text
    assert answer[text] in (f"{control}a", f"{control}b", None)
    assert not set(loaded.tokenizer.get_added_vocab().values()) & set(plain.token_ids)
    for levers in LEVERS[::3]:
        assert Engine(loaded, **levers).complete(asked).token_ids == plain.token_ids, levers
