"""Examples as token ids, with how much each token of the answer counts in training.

Knows ChatML and answers as JSON text; knows no tensors. In: an Example.  Out: an Encoded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from transformers import PreTrainedTokenizerFast

from app.prompts.adapter import dump_answer
from training.tasks import Example

MAX_EXAMPLE_TOKENS = 1700  # beside the rules; a longer example is left out
# Of what a fact says in words of its own: half of the loss on facts lay there, and none of what makes a fact right.
RETOLD_WEIGHT = 0.4
_FACT = re.compile(r'"fact": "((?:[^"\\]|\\.)+)"')


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of one example, and how much each token of the answer counts: nothing where the grammar gives it."""

    prefix: tuple[int, ...]
    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    weights: tuple[float, ...]

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.answer)


class ExampleEncoder:
    """ChatML around the contents, each content encoded as plain text, as the app's own client does it."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        self._control = {t: tokenizer.convert_tokens_to_ids(t) for t in ("<|im_start|>", "<|im_end|>")}
        self._prefixes: dict[str, tuple[int, ...]] = {}

    def encode(self, example: Example) -> Encoded:
        start, end = self._control["<|im_start|>"], self._control["<|im_end|>"]
        if example.system not in self._prefixes:
            head = [start, *self._plain("system\n"), *self._plain(example.system), end, *self._plain("\n")]
            self._prefixes[example.system] = (*head, start, *self._plain("user\n"))
        prompt = (*self._plain(example.user), end, *self._plain("\n"), start, *self._plain("assistant\n"))
        ids = self._tokenizer(
            example.answer, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True
        )
        weights = [1.0] * len(example.answer)  # by character
        for weight, spans in ((0.0, read_aloud(example)), (RETOLD_WEIGHT, retold(example))):
            for first, last in spans:
                weights[first:last] = [weight] * (last - first)
        # A token that begins in a line and ends behind it decides whether the line's list is empty.
        counted = [max(weights[first:last]) for first, last in ids["offset_mapping"]]
        return Encoded(self._prefixes[example.system], prompt, (*ids["input_ids"], end), (*counted, 1.0))

    def _plain(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        return ids


def read_aloud(example: Example) -> Iterator[tuple[int, int]]:
    """Half-open spans of the lines that the grammar makes an answer repeat: at run time nobody asks for them."""
    place = 0
    for field in example.schema["properties"].values():
        for line in field.get("required", []):
            place = example.answer.index(quoted := dump_answer(line), place) + len(quoted)
            yield place - len(quoted) + 1, place


def retold(example: Example) -> Iterator[tuple[int, int]]:
    """Half-open spans of the sentences that facts are told in."""
    for found in _FACT.finditer(example.answer):
        yield found.span(1)
