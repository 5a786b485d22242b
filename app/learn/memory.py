"""An LM engine that remembers: the same run again asks nothing twice, and every call is counted.

Knows DSPy's engine contract; knows neither the model nor the program. In: an engine, a memory, a meter.  Out: answers.
"""

import hashlib
import json
from collections import Counter
from dataclasses import asdict, replace
from typing import Any, Protocol

from dspy import lm15

from app.learn.study import Meter


class Calls(Protocol):
    """The ledger's memory of answered calls."""

    def get(self, key: str) -> str | None: ...

    def put(
        self, key: str, *, prompt_name: str, answer: str, prompt_tokens: int, answer_tokens: int, cached_tokens: int,
        seconds: float,
    ) -> None: ...  # fmt: skip


class Remembering:
    """One model's engine with a memory; what is drawn at random is drawn from a seed, so that it can be found again.

    calls   None: count only
    """

    supports_response_schema = True
    supports_function_calling = True
    supports_reasoning = False

    def __init__(self, inner: Any, calls: Calls | None, meter: Meter) -> None:
        self.supported_params = inner.supported_params
        self._inner = inner
        self._calls = calls
        self._meter = meter
        self._asked: Counter[str] = Counter()

    def complete(self, request: lm15.Request) -> lm15.Response:
        """The answer given before, or one of now."""
        self._meter.count()
        key = self._key(request)
        if request.config.temperature:
            self._asked[key] += 1
            drawn = hashlib.sha256(f"{key}{self._asked[key]}".encode()).digest()
            request = replace(request, config=replace(request.config, seed=int.from_bytes(drawn[:4], "big")))
            key = self._key(request)
        known = self._calls.get(key) if self._calls is not None else None
        if known is not None:
            return _response(request, known)
        response: lm15.Response = self._inner.complete(request)
        if self._calls is None:
            return response
        text = response.text or ""
        self._calls.put(
            key, prompt_name="optimise", answer=text, prompt_tokens=response.usage.input_tokens or 0,
            answer_tokens=response.usage.output_tokens or 0, cached_tokens=response.usage.cache_read_tokens or 0,
            seconds=0.0,
        )  # fmt: skip
        return response

    def close(self) -> None:
        """The model stays."""

    def __deepcopy__(self, memo: dict[int, object]) -> "Remembering":
        return self

    def _key(self, request: lm15.Request) -> str:
        return hashlib.sha256(json.dumps(asdict(request), sort_keys=True, default=str).encode()).hexdigest()


def _response(request: lm15.Request, text: str) -> lm15.Response:
    return lm15.Response(
        id=None, model=request.model, message=lm15.Message.assistant([lm15.TextPart(text)]), finish_reason="stop",
        usage=lm15.Usage(input_tokens=0, output_tokens=0, cache_read_tokens=0),
    )  # fmt: skip
