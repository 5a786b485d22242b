"""QwenEmbedder: texts to unit vectors, each text once.

Knows Qwen3-Embedding's pooling and Graphiti's embedder contract; knows no graph.
In: documents or a query.  Out: lists of `dim` floats of length 1.
"""

import hashlib
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
from graphiti_core.embedder.client import EmbedderClient
from numpy.typing import NDArray

from app.errors import BadInput, PromptTooLong
from app.llm.blas import mx
from app.llm.loader import LoadedModel
from app.llm.mlx_thread import BACKGROUND, INTERACTIVE, CancelToken, arun_mlx, run_mlx
from app.llm.tokens import PromptEncoder

# Qwen3-Embedding's model card: queries carry the task, documents carry nothing.
QUERY_INSTRUCTION = "Given a question about a private journal, retrieve passages that answer the question"
END_OF_TEXT = "<|endoftext|>"
TOGETHER = 32  # texts of one length in a pass of `embed_many`
BLANK = " "  # stands for an empty text: Graphiti may embed an empty summary, and a name must have some vector


class Vectors(Protocol):
    """A memory of vectors by key; the ledger's is durable. Values are float32 bytes."""

    def get_all(self, keys: Sequence[str]) -> dict[str, bytes]: ...

    def put_all(self, vectors: Mapping[str, bytes]) -> None: ...


class QwenEmbedder(EmbedderClient):  # type: ignore[misc]  # graphiti-core is untyped for us
    """Embeds with the hidden state of the last token, in float32, cut to `dim` and then scaled to length 1.

    Texts go through the model one by one: rows of a batch differ in the last bits from the same text alone, and a
    rebuilt graph must have the vectors of the first one.
    """

    def __init__(self, loaded: LoadedModel, dim: int, *, vectors: Vectors | None = None) -> None:
        """
        dim       components kept, 1 <= dim <= hidden size (Matryoshka)
        raises    BadInput for a dim the model does not have
        """
        hidden = int(loaded.config.get("hidden_size", dim))
        if not 1 <= dim <= hidden:
            raise BadInput(f"dim is {dim}, the embedding model has 1 to {hidden}", hint="lower the dimension")
        self.loaded = loaded
        self.dim = dim
        self._vectors = vectors
        self._encoder = PromptEncoder(loaded.tokenizer)
        self._end = _end_token(loaded)
        self._known: dict[str, bytes] = {}
        self._guard = threading.Lock()

    async def create(self, input_data: str | list[str] | Iterable[int] | Iterable[Iterable[int]]) -> list[float]:
        """Graphiti's call for one document, which arrives as a text or a list of one text."""
        text = input_data if isinstance(input_data, str) else next(iter(input_data))
        if not isinstance(text, str):
            raise BadInput("token ids cannot be embedded", hint="pass the text")
        return (await self.create_batch([text]))[0]

    async def create_batch(self, input_data_list: list[str], *, priority: int = BACKGROUND) -> list[list[float]]:
        """One vector for each document, in order.

        raises  PromptTooLong for a text beyond the model's context, before device work
        """
        known, missing = self._split(input_data_list)
        if missing:
            token = CancelToken()
            known |= self._keep(await arun_mlx(self._compute, missing, token, priority=priority, cancel=token))
        return [_floats(known[text]) for text in input_data_list]

    async def embed_query(self, text: str) -> list[float]:
        """The vector of a question, with Qwen3-Embedding's instruction in front."""
        return (await self.create_batch([_query(text)], priority=INTERACTIVE))[0]

    async def embed_many(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(texts, dim): many documents for an index. Texts of one length go through the model together.

        That is several times faster; on a GPU the last bits may differ from those of a text that went alone, so
        what is written into a graph while it is read goes through `create_batch`. Of a text beyond the model's
        context the beginning counts.
        """
        known, missing = self._split(texts, is_cut=True)
        if missing:
            token = CancelToken()
            known |= self._keep(
                await arun_mlx(self._compute_together, missing, token, priority=BACKGROUND, cancel=token)
            )
        rows = [np.frombuffer(known[text], np.float32) for text in texts]
        return np.stack(rows) if rows else np.zeros((0, self.dim), np.float32)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """`create_batch` for callers without an event loop."""
        known, missing = self._split(texts)
        if missing:
            known |= self._keep(run_mlx(self._compute, missing, CancelToken()))
        return [_floats(known[text]) for text in texts]

    async def embed_once(self, texts: Sequence[str], *, priority: int = INTERACTIVE) -> tuple[list[list[float]], int]:
        """Vectors that nobody keeps, and the tokens they were computed from; as `create_batch` otherwise."""
        ids = {text: self._ids(text) for text in texts}
        token = CancelToken()
        vectors = await arun_mlx(self._compute, ids, token, priority=priority, cancel=token)
        return [_floats(vectors[text]) for text in texts], sum(len(ids[text]) for text in texts)

    def _split(self, texts: Sequence[str], *, is_cut: bool = False) -> tuple[dict[str, bytes], dict[str, list[int]]]:
        """Vectors already known, and the ids of the texts that are not."""
        with self._guard:
            known = {text: self._known[text] for text in dict.fromkeys(texts) if text in self._known}
        others = {self.key(text): text for text in dict.fromkeys(texts) if text not in known}
        if others and self._vectors is not None:
            kept = {others[key]: vector for key, vector in self._vectors.get_all(list(others)).items()}
            with self._guard:
                self._known |= kept
            known |= kept
        return known, {text: self._ids(text, is_cut=is_cut) for text in others.values() if text not in known}

    def _keep(self, fresh: dict[str, bytes]) -> dict[str, bytes]:
        with self._guard:
            self._known |= fresh
        if self._vectors is not None:
            self._vectors.put_all({self.key(text): vector for text, vector in fresh.items()})
        return fresh

    def key(self, text: str) -> str:
        """Identity of a vector: the model, the dimension and the text (a query carries its instruction)."""
        head = f"{self.loaded.fingerprint}\0{self.dim}\0"
        return hashlib.sha256(head.encode() + text.encode("utf-8", "surrogatepass")).hexdigest()

    def _ids(self, text: str, *, is_cut: bool = False) -> list[int]:
        most = self.loaded.max_context_tokens
        ids = [*self._encoder.encode_text(text or BLANK), self._end]
        if is_cut:
            return ids if len(ids) <= most else [*ids[: most - 1], self._end]
        if len(ids) > most:
            raise PromptTooLong(
                f"a text of {len(ids):,} tokens cannot be embedded, {most:,} are allowed",
                hint="embed it in parts",
            )
        return ids

    def _compute(self, missing: dict[str, list[int]], cancel: CancelToken) -> dict[str, bytes]:
        """On the MLX thread: one pass for each text."""
        vectors: dict[str, bytes] = {}
        for text, ids in missing.items():
            cancel.check()
            hidden = self.loaded.model.model(mx.array([ids]))
            vectors[text] = np.array(pool_last_token(hidden, self.dim)).tobytes()
        mx.clear_cache()
        return vectors

    def _compute_together(self, missing: dict[str, list[int]], cancel: CancelToken) -> dict[str, bytes]:
        """On the MLX thread: texts of one length at a time, so that none is padded."""
        vectors: dict[str, bytes] = {}
        by_length: dict[int, list[str]] = defaultdict(list)
        for text, ids in missing.items():
            by_length[len(ids)].append(text)
        for alike in by_length.values():
            for first in range(0, len(alike), TOGETHER):
                cancel.check()
                part = alike[first : first + TOGETHER]
                hidden = self.loaded.model.model(mx.array([missing[text] for text in part]))
                rows = mx.stack([pool_last_token(hidden[row : row + 1], self.dim) for row in range(len(part))])
                vectors |= {text: row.tobytes() for text, row in zip(part, np.array(rows), strict=True)}
        mx.clear_cache()
        return vectors


def pool_last_token(hidden: mx.array, dim: int) -> mx.array:
    """Take the last token's vector, keep `dim` components, scale to length 1.

    hidden   (1, T, D) hidden states before the LM head, T >= 1
    dim      components kept, 1 <= dim <= D (Matryoshka)
    returns  (dim,) float32, L2 norm 1 - cut first, then normalised
    source   Qwen3-Embedding's model card; Matryoshka Representation Learning, arXiv:2205.13147
    """
    vector = hidden[0, -1].astype(mx.float32)[:dim]
    return vector / mx.maximum(mx.linalg.norm(vector), 1e-12)


def _floats(vector: bytes) -> list[float]:
    values: list[float] = np.frombuffer(vector, dtype=np.float32).tolist()
    return values


def _query(text: str) -> str:
    return f"Instruct: {QUERY_INSTRUCTION}\nQuery:{text}"


def _end_token(loaded: LoadedModel) -> int:
    """<|endoftext|>, which Qwen3-Embedding was trained to end every text with; another model's own end otherwise."""
    index = loaded.tokenizer.convert_tokens_to_ids(END_OF_TEXT)
    return int(index) if index is not None else min(loaded.eos_token_ids)
