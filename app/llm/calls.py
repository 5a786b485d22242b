"""What GraphitiLM asks of its surroundings: a memory of answered calls, and a count of what they cost.

Knows shapes only.
In: keys and figures.  Out: answers given before, and sums for each prompt.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.llm.request import Completion
from app.llm.weights import Weight


class Calls(Protocol):
    """A memory of answered model calls; the ledger's is durable."""

    def get(self, key: str) -> str | None:
        """The answer recorded under `key`, or None."""

    def put(
        self,
        key: str,
        *,
        prompt_name: str,
        answer: str,
        prompt_tokens: int,
        answer_tokens: int,
        cached_tokens: int,
        seconds: float,
        weights: Sequence[Weight] | None,
    ) -> None:
        """Record an answer and, where it was asked for, how sure it was: both or neither."""


class Weights(Protocol):
    """A memory of how sure recorded answers were; the ledger's is durable."""

    def get(self, key: str) -> list[Weight] | None:
        """What was put under the key of a recorded call, or None."""


class Specialisation(Protocol):
    """What a prompt's builder leaves for the one call it was built for.

    messages   what the model is sent instead of Graphiti's rendering (which adds notes of its own)
    schema     JSON schema of the answer, tightened to this call
    weigh      told how sure the answer was, before `finish`; None: nobody wants to know
    finish     turns such an answer into the shape of Graphiti's response model
    """

    @property
    def messages(self) -> Sequence[Mapping[str, str]]: ...

    @property
    def schema(self) -> dict[str, Any]: ...

    @property
    def weigh(self) -> Callable[[str, Sequence[Weight]], None] | None: ...

    @property
    def finish(self) -> Callable[[dict[str, Any]], dict[str, Any]]: ...


@dataclass
class PromptStats:
    """Sums over the calls of one prompt; replayed calls cost nothing and add to `calls` and `replayed` only."""

    calls: int = 0
    replayed: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    answer_tokens: int = 0
    forward_passes: int = 0
    seconds: float = 0.0

    def __add__(self, other: "PromptStats") -> "PromptStats":
        return PromptStats(
            self.calls + other.calls,
            self.replayed + other.replayed,
            self.prompt_tokens + other.prompt_tokens,
            self.cached_tokens + other.cached_tokens,
            self.answer_tokens + other.answer_tokens,
            self.forward_passes + other.forward_passes,
            self.seconds + other.seconds,
        )


@dataclass
class CallStats:
    """What the model did in this run, by prompt name."""

    by_prompt: dict[str, PromptStats] = field(default_factory=dict)

    def record(self, prompt_name: str, completion: Completion) -> None:
        self._add(
            prompt_name,
            PromptStats(
                calls=1,
                prompt_tokens=completion.prompt_tokens,
                cached_tokens=completion.cached_tokens,
                answer_tokens=len(completion.token_ids),
                forward_passes=completion.forward_passes,
                seconds=completion.seconds_prefill + completion.seconds_decode,
            ),
        )

    def record_replay(self, prompt_name: str) -> None:
        self._add(prompt_name, PromptStats(calls=1, replayed=1))

    def total(self) -> PromptStats:
        return sum(self.by_prompt.values(), PromptStats())

    def _add(self, prompt_name: str, cost: PromptStats) -> None:
        self.by_prompt[prompt_name] = self.by_prompt.get(prompt_name, PromptStats()) + cost
