"""Vectors in OpenAI's words.

Knows OpenAI's names and an embedder; keeps no text. In: the JSON of a request.  Out: JSON.
"""

import base64
import math
import struct
from typing import Any, Literal, Protocol

from pydantic import Field, JsonValue

from app.llm.mlx_thread import BACKGROUND, INTERACTIVE
from app.server.body import Body, parse
from app.server.refusals import Invalid, Unsupported

MAX_TEXTS = 2048
FEW = 16  # texts that a person may wait for; more are batch work


class Embedder(Protocol):
    """What is asked of the embedder."""

    dim: int

    async def embed_once(self, texts: list[str], *, priority: int) -> tuple[list[list[float]], int]: ...


class EmbeddingsBody(Body):
    model: str
    input: str | list[str] | list[int] | list[list[int]]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = Field(default=None, ge=1)
    user: JsonValue = None


def read_embeddings(body: dict[str, Any], dim: int) -> tuple[EmbeddingsBody, list[str]]:
    """raises Unsupported, Invalid"""
    asked = parse(EmbeddingsBody, body)
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    if not 1 <= len(texts) <= MAX_TEXTS:
        raise Invalid("input", f"input has {len(texts)} texts, 1 to {MAX_TEXTS} are allowed")
    told = [text for text in texts if isinstance(text, str)]
    if len(told) < len(texts):
        cure = "send texts; in LangChain set check_embedding_ctx_length=False"
        raise Unsupported("input", "tokens of another model's tokenizer cannot be embedded", hint=cure)
    if not all(told):
        raise Invalid("input", "input has an empty text")
    if asked.dimensions is not None and asked.dimensions > dim:
        raise Invalid("dimensions", f"dimensions is {asked.dimensions}, the vectors have {dim}")
    return asked, told


def priority_of(texts: list[str]) -> int:
    """Many texts at once are nobody's question."""
    return INTERACTIVE if len(texts) <= FEW else BACKGROUND


async def embed(asked: EmbeddingsBody, texts: list[str], embedder: Embedder, model: str) -> dict[str, Any]:
    """The body of the response."""
    vectors, tokens = await embedder.embed_once(texts, priority=priority_of(texts))
    shaped = [_shaped(_cut(vector, asked.dimensions), asked.encoding_format) for vector in vectors]
    data = [{"object": "embedding", "index": place, "embedding": vector} for place, vector in enumerate(shaped)]
    return {
        "object": "list",
        "model": model,
        "data": data,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _cut(vector: list[float], dimensions: int | None) -> list[float]:
    """Matryoshka: the first components, scaled to length 1 again."""
    if dimensions is None or dimensions == len(vector):
        return vector
    kept = vector[:dimensions]
    length = math.sqrt(sum(value * value for value in kept)) or 1.0
    return [value / length for value in kept]


def _shaped(vector: list[float], form: str | None) -> list[float] | str:
    if form == "base64":  # little-endian float32
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    return vector
