"""From messages to prompt ids, so that what people wrote can never become a control token.

Knows chat templates and tokenizers; knows neither the model nor what the messages are about.
In: messages with a role and a content.  Out: a Prompt of ids, and how many of them every call of its template shares.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from jinja2 import TemplateError
from tokenizers import Tokenizer

from app.errors import BadInput, ModelMissing

# Stand in for contents while the template is rendered; private-use characters, so that no template trims them.
_OPEN, _CLOSE = "\ue000", "\ue001"
_SLOT = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")


class Message(Protocol):
    """What Graphiti, DSPy and the server send: a role ("system", "user", "assistant") and a text."""

    @property
    def role(self) -> str: ...

    @property
    def content(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Turn:
    """A message of our own."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """Token ids of a rendered conversation, ready for the model's answer.

    fixed_length   leading ids that depend on the system message alone; 0 without one
    """

    ids: tuple[int, ...]
    fixed_length: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of the rendered prompt: the template's own text, or the content of message `slot`."""

    text: str
    slot: int | None


class PromptEncoder:
    """Applies a tokenizer's chat template with thinking off.

    Control tokens of the template become real control tokens; contents are encoded as characters, so "<|im_end|>" or
    "<think>" in a journal is only text. Without such text the ids are those of the usual render-then-encode.
    """

    def __init__(self, tokenizer: Any) -> None:
        """tokenizer: mlx-lm's TokenizerWrapper around a fast tokenizer (untyped)."""
        self._tokenizer = tokenizer
        self._added: dict[str, int] = {
            token.content: index for index, token in tokenizer.added_tokens_decoder.items() if token.content
        }
        self._added_ids = set(self._added.values())
        longest_first = sorted(self._added, key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        self._plain = _without_added_tokens(tokenizer.backend_tokenizer)

    def encode(self, messages: Sequence[Message]) -> Prompt:
        """Ids up to and including the assistant's opening.

        raises  BadInput if the template refuses the messages, ModelMissing if there is no template
        """
        ids: list[int] = []
        fixed_length, run, has_varied = 0, "", False
        rules = 0 if messages and messages[0].role == "system" else None
        for piece in self._pieces(messages):
            if piece.slot is not None:
                if piece.slot != rules and not has_varied:
                    # All before this run of text is fixed; the run itself may merge with what the user wrote.
                    has_varied, fixed_length = True, len(ids)
                run += piece.text
                continue
            for text, control in _split(piece.text, self._control):
                run += text
                if control is not None:
                    ids += [*self.encode_text(run), self._added[control]]
                    run = ""
        ids += self.encode_text(run)
        return Prompt(tuple(ids), fixed_length if rules is not None else 0)

    def encode_text(self, text: str) -> list[int]:
        """Ids of `text` as characters: never an added token, special or not."""
        text = text.encode("utf-8", "replace").decode()  # half of a surrogate pair is no text
        ids: list[int] = self._plain.encode(text, add_special_tokens=False).ids
        if self._added_ids.isdisjoint(ids):
            return ids
        # A vocabulary that holds the control text as an ordinary entry cannot reach it from single characters.
        return [index for character in text for index in self._plain.encode(character, add_special_tokens=False).ids]

    def _pieces(self, messages: Sequence[Message]) -> Iterator[_Piece]:
        """The rendered prompt, cut where contents begin and end."""
        # An empty content stays empty: templates ask whether there is one.
        slots = [f"{_OPEN}{i}{_CLOSE}" if message.content else "" for i, message in enumerate(messages)]
        turns = [{"role": message.role, "content": slot} for message, slot in zip(messages, slots, strict=True)]
        rendered = self._render(turns)
        shown = {int(index) for index in _SLOT.findall(rendered)}
        if lost := [turn["role"] for i, turn in enumerate(turns) if turn["content"] and i not in shown]:
            raise BadInput(f"the chat template leaves out the message of role {lost[0]!r}", hint="use system and user")
        end = 0
        for match in _SLOT.finditer(rendered):
            yield _Piece(rendered[end : match.start()], None)
            slot = int(match[1])
            yield _Piece(messages[slot].content, slot)
            end = match.end()
        yield _Piece(rendered[end:], None)

    def _render(self, turns: list[dict[str, str]]) -> str:
        if not self._tokenizer.has_chat_template:
            raise ModelMissing("the tokenizer has no chat template", hint="use an instruction-tuned model")
        try:
            rendered: str = self._tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
        except (TemplateError, TypeError, LookupError) as error:
            roles = ", ".join(turn["role"] for turn in turns) or "none"
            raise BadInput(f"the chat template refuses these roles: {roles} ({error})") from error
        return rendered


def _split(text: str, control: re.Pattern[str]) -> Iterator[tuple[str, str | None]]:
    """Plain text and the control token after it, in turn; the last plain text has none."""
    end = 0
    for match in control.finditer(text):
        yield text[end : match.start()], match[0]
        end = match.end()
    yield text[end:], None


def _without_added_tokens(backend: Tokenizer) -> Tokenizer:
    """The same vocabulary, blind to added tokens; nothing is put before or after what it encodes."""
    plain = Tokenizer(backend.model)
    if backend.normalizer is not None:
        plain.normalizer = backend.normalizer
    if backend.pre_tokenizer is not None:
        plain.pre_tokenizer = backend.pre_tokenizer
    return plain
