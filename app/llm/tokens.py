"""From messages to prompt ids, so that what people wrote can never become a control token.

Knows chat templates and tokenizers; knows neither the model nor what the messages are about.
In: messages with a role and a content.  Out: a Prompt of ids, and how many of them every call of its template shares.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError
from tokenizers import Tokenizer

from app.errors import BadInput, ModelMissing
from app.llm.request import Message

# Stand in for contents while the template is rendered; private-use characters, so that no template trims them.
_OPEN, _CLOSE = "\ue000", "\ue001"
_SLOT = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")


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
        # Those that a decoded answer shows: marks such as <tool_call>, but not the end of a turn.
        self.visible = {t.content for t in tokenizer.added_tokens_decoder.values() if t.content and not t.special}
        longest_first = sorted(self._added, key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        self._dangerous = re.compile("|".join(map(re.escape, [*longest_first, _OPEN, _CLOSE])))
        self._plain = _without_added_tokens(tokenizer.backend_tokenizer)

    def encode(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] = ()) -> Prompt:
        """Ids up to and including the assistant's opening.

        tools   JSON descriptions of functions, handed to the template
        raises  BadInput if the template refuses the messages, ModelMissing if there is no template
        """
        ids: list[int] = []
        fixed_length, run, has_varied = 0, "", False
        rules = 0 if messages and messages[0].role == "system" else None
        for piece in self._pieces(messages, tools):
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

    def _pieces(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> Iterator[_Piece]:
        """The rendered prompt, cut where contents begin and end."""
        texts = [message.content for message in messages]
        # An empty content stays empty: templates ask whether there is one.
        turns = [
            {"role": message.role, "content": _slot(i) if message.content else ""}
            | self._shielded(dict(getattr(message, "extra", {})), texts)
            for i, message in enumerate(messages)
        ]
        rendered = self._render(turns, self._shielded(list(tools), texts))
        shown = {int(index) for index in _SLOT.findall(rendered)}
        if lost := [turn["role"] for i, turn in enumerate(turns) if turn["content"] and i not in shown]:
            raise BadInput(f"the chat template leaves out the message of role {lost[0]!r}", hint="use system and user")
        end = 0
        for match in _SLOT.finditer(rendered):
            yield _Piece(rendered[end : match.start()], None)
            slot = int(match[1])
            yield _Piece(texts[slot], slot)
            end = match.end()
        yield _Piece(rendered[end:], None)

    def _shielded(self, value: Any, texts: list[str]) -> Any:
        """JSON values for the template, a slot in place of each control text; that text joins `texts`."""

        def to_slot(match: re.Match[str]) -> str:
            texts.append(match[0])
            return _slot(len(texts) - 1)

        if isinstance(value, str):
            return self._dangerous.sub(to_slot, value)
        if isinstance(value, Mapping):
            return {key: self._shielded(inner, texts) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._shielded(inner, texts) for inner in value]
        return value

    def _render(self, turns: list[dict[str, Any]], tools: list[Any]) -> str:
        if not self._tokenizer.has_chat_template:
            raise ModelMissing("the tokenizer has no chat template", hint="use an instruction-tuned model")
        try:
            rendered: str = self._tokenizer.apply_chat_template(
                turns, tools=tools or None, tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
        except (TemplateError, TypeError, ValueError, LookupError) as error:
            roles = ", ".join(turn["role"] for turn in turns) or "none"
            raise BadInput(f"the chat template refuses these roles: {roles} ({error})") from error
        return rendered


def _slot(index: int) -> str:
    return f"{_OPEN}{index}{_CLOSE}"


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
