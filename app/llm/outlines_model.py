"""Our engine as an Outlines model: who has `outlines.from_mlxlm(...)` changes that one line.

Knows Outlines' model contract and the Engine; knows no application.
In: a prompt or a Chat, and an output type.  Out: text that is in it.

    model = from_engine(*mlx_lm.load("mlx-community/Qwen3-4B-4bit"))     # was: outlines.from_mlxlm(...)
    model("Who was at the harbour?", Literal["Marie", "Pepys"])
    outlines.Generator(model, Person)("Marie, 31, of Ghent.")
"""

import queue
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from outlines.inputs import Chat
from outlines.models import VLLMOffline
from outlines.models.base import ModelTypeAdapter

from app.errors import BadInput
from app.llm.engine import Engine
from app.llm.loader import adopt
from app.llm.request import DEFAULT_MAX_TOKENS, OutputType, Request, Turn


class Turns(ModelTypeAdapter):  # type: ignore[misc]  # outlines is untyped for us
    """Outlines' inputs as messages; output types are left as they are, the engine compiles them."""

    def format_input(self, model_input: Any) -> list[Turn]:
        """raises BadInput for anything but a text or a Chat of texts"""
        if isinstance(model_input, str):
            return [Turn("user", model_input)]
        if isinstance(model_input, Chat) and all(isinstance(m.get("content"), str) for m in model_input.messages):
            return [Turn(message["role"], message["content"]) for message in model_input.messages]
        raise BadInput(f"{type(model_input).__name__} is no prompt", hint="give a text or an outlines.Chat of texts")

    def format_output_type(self, output_type: Any = None) -> Any:
        return output_type


# Outlines knows two kinds of models, by a closed list of classes: those it masks itself, on Metal alone and a token a
# pass, and those that keep to an output type on their own. Ours is of the second kind, like vLLM in this process.
class EngineModel(VLLMOffline):  # type: ignore[misc]
    """An Outlines model over an Engine.

    model, mlx_tokenizer   as `outlines.models.MLXLM` has them
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.model = engine.loaded.model
        self.mlx_tokenizer = engine.loaded.tokenizer
        self.type_adapter = Turns()

    def generate(self, model_input: Any, output_type: OutputType = None, **wishes: Any) -> str:
        """The answer's text.

        wishes   of a Request: max_tokens, temperature, seed, stop
        raises   as `Engine.complete`
        """
        return self.engine.complete(self._request(model_input, output_type, wishes)).text

    def generate_batch(self, model_input: list[Any], output_type: OutputType = None, **wishes: Any) -> list[str]:
        """One after the other: there is one device."""
        return [self.generate(one, output_type, **wishes) for one in model_input]

    def generate_stream(self, model_input: Any, output_type: OutputType = None, **wishes: Any) -> Iterator[str]:
        """Pieces of the text as they become certain; closing the iterator stops the device."""
        pieces: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        request = replace(self._request(model_input, output_type, wishes), on_text=pieces.put)
        job = self.engine.start(self.engine.prepare(request))
        job.future.add_done_callback(lambda _: pieces.put(None))
        try:
            while (piece := pieces.get()) is not None:
                yield piece
            job.future.result()
        finally:
            job.cancel()

    def _request(self, model_input: Any, output_type: OutputType, wishes: dict[str, Any]) -> Request:
        turns = self.type_adapter.format_input(model_input)
        try:
            return Request(messages=turns, output_type=output_type, **{"max_tokens": DEFAULT_MAX_TOKENS, **wishes})
        except TypeError as error:
            raise BadInput(f"the engine takes no such wish: {error}", hint="see app.llm.request.Request") from error


def from_engine(model: Any, tokenizer: Any = None, name: str = "model") -> EngineModel:
    """An Outlines model of an Engine, or of what `mlx_lm.load` returns."""
    return EngineModel(model if isinstance(model, Engine) else Engine(adopt(model, tokenizer, name)))
