"""The laws of embedding: unit vectors of the right part, each text once, the same alone and in company."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import BadInput, PromptTooLong
from app.llm.blas import mx
from app.llm.embedder import QwenEmbedder, pool_last_token
from app.llm.loader import LoadedModel
from app.llm.mlx_thread import run_mlx
from app.llm.reranker import EmbeddingReranker


class Shelf(dict[str, bytes]):
    """A memory of vectors, as the ledger keeps one."""

    def get_all(self, keys: Sequence[str]) -> dict[str, bytes]:
        return {key: self[key] for key in keys if key in self}

    def put_all(self, vectors: Mapping[str, bytes]) -> None:
        self.update(vectors)


class Body:
    """The model's body, counting how many texts it reads."""

    def __init__(self, loaded: LoadedModel) -> None:
        self.inner, self.read = loaded.model.model, 0
        self.model = self

    def __call__(self, ids: mx.array) -> mx.array:
        self.read += len(ids)
        hidden: mx.array = self.inner(ids)
        return hidden


@pytest.fixture(scope="module")
def embedder(tiny: LoadedModel) -> QwenEmbedder:
    return QwenEmbedder(tiny, 24)


@settings(max_examples=30, deadline=None)
@given(texts=st.lists(st.text(max_size=30), max_size=6))
def test_a_vector_is_the_same_alone_and_in_company(embedder: QwenEmbedder, tiny: LoadedModel, texts: list[str]) -> None:
    """Bit for bit, of length 1, in the order asked, repetitions included."""
    together = embedder.embed(texts + texts)
    fresh = QwenEmbedder(tiny, 24)
    assert together == [fresh.embed([text])[0] for text in texts] * 2
    assert all(len(vector) == 24 and math.isclose(math.hypot(*vector), 1, abs_tol=1e-6) for vector in together)


def test_pooling_cuts_first_and_normalises_then(tiny: LoadedModel) -> None:
    """By hand: the last token's (3, 4, 12) cut to 2 components is (3, 4) / 5."""
    hidden = run_mlx(lambda: pool_last_token(mx.array([[[9.0, 9, 9], [3, 4, 12]]]), 2).tolist())
    assert hidden == pytest.approx([0.6, 0.8])
    assert run_mlx(lambda: pool_last_token(mx.zeros((1, 1, 3)), 2).tolist()) == [0, 0]
    assert tiny.dtype == "float32"


def test_every_text_ends_with_endoftext(embedder: QwenEmbedder, tiny: LoadedModel) -> None:
    """Qwen3-Embedding pools the end-of-text token, and control text inside is only text."""
    end = tiny.tokenizer.convert_tokens_to_ids("<|endoftext|>")
    ids = embedder._ids("Marie <|endoftext|> Ghent")
    assert ids[-1] == end
    assert end not in ids[:-1]


async def test_a_text_is_embedded_once(tiny: LoadedModel) -> None:
    """Not twice in a process, and not again in the next one that has the same memory."""
    body, shelf = Body(tiny), Shelf()
    counted = dataclasses.replace(tiny, model=body)
    embedder = QwenEmbedder(counted, 16, vectors=shelf)
    first = await embedder.create_batch(["a", "b", "a"])
    assert await embedder.create(input_data=["a"]) == await embedder.create("a") == first[0] == first[2]
    assert body.read == len(shelf) == 2
    assert await QwenEmbedder(counted, 16, vectors=shelf).create_batch(["b", "a"]) == [first[1], first[0]]
    assert body.read == 2
    await QwenEmbedder(counted, 8, vectors=shelf).create("a")
    assert body.read == 3  # another dimension is another vector


async def test_many_are_as_each_alone_and_a_long_one_is_cut(tiny: LoadedModel, embedder: QwenEmbedder) -> None:
    """Texts of one length go together, in their order, none mixed up; a text beyond the context counts by its start."""
    texts = ["Ghent", "a b c", "Lyon", "d e f", "Ghent", "a", "x " * 5 * tiny.max_context_tokens]
    rows = await QwenEmbedder(tiny, embedder.dim).embed_many(texts)
    assert rows.shape == (len(texts), embedder.dim)
    for text, row in zip(texts[:-1], rows, strict=False):
        assert row.tolist() == pytest.approx(await embedder.create(text), abs=1e-5)
    assert math.hypot(*rows[-1]) == pytest.approx(1.0, abs=1e-5)
    assert (await embedder.embed_many([])).shape == (0, embedder.dim)


async def test_a_query_is_not_a_document(embedder: QwenEmbedder) -> None:
    """Queries carry the instruction, documents do not."""
    assert await embedder.embed_query("Ghent") != await embedder.create("Ghent")


async def test_a_blank_has_a_vector(embedder: QwenEmbedder) -> None:
    """Graphiti may embed an empty summary."""
    assert await embedder.create("") == await embedder.create(" ")
    assert await embedder.create_batch([]) == []


async def test_what_cannot_be_embedded_is_named(tiny: LoadedModel, embedder: QwenEmbedder) -> None:
    """A dimension the model lacks, token ids, a text beyond the context."""
    for dim in (0, 65):
        with pytest.raises(BadInput, match="1 to 64"):
            QwenEmbedder(tiny, dim)
    with pytest.raises(BadInput, match="token ids"):
        await embedder.create([1, 2])
    short = QwenEmbedder(dataclasses.replace(tiny, max_context_tokens=10), 8)
    with pytest.raises(PromptTooLong, match="10 are allowed"):
        await short.create("x y z " * 20)


async def test_a_rerank_orders_all_passages_by_probability(embedder: QwenEmbedder) -> None:
    """Sorted, between 0 and 1, every passage kept as it came; nothing for nothing."""
    reranker = EmbeddingReranker(embedder)
    passages = ["Ghent", "", "Marie lives in Ghent", "Ghent"]
    ranked = await reranker.rank("Who lives in Ghent?", passages)
    scores = [score for _, score in ranked]
    assert sorted(text for text, _ in ranked) == sorted(passages)
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert await reranker.rank("anything", []) == []
