"""From an output type to the tokens it allows next.

Knows Outlines' types, llguidance and logits; knows neither the model nor the prompt.
In: a pydantic class, a JSON schema, a regex, a Lark grammar or a Python type.  Out: a Constraint for the decode loop.
"""

import itertools
import json
import re
import threading
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol

import llguidance
import llguidance.hf
import llguidance.numpy
import numpy as np
from pydantic import BaseModel

from app.errors import BadInput, GrammarGaveUp
from app.llm.blas import mx
from app.llm.bounds import Bounds, bounded_schema, canonical
from app.llm.loader import LoadedModel
from app.llm.request import OutputType
from app.llm.tool_calls import ToolCalls

# One way to write each JSON text: free whitespace lets a weak model write blanks until it runs out of tokens.
JSON_STYLE = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
ESCAPES = 'nrt\\"'  # what a journal needs; "\u0000" in a name would only break the database
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Grammar:
    """What an answer may be.

    kind, text   "json" with the bounded schema, "regex" or "lark" with their source: the identity of the grammar
    compiled     the same for llguidance
    """

    kind: str
    text: str
    compiled: str

    @property
    def identity(self) -> str:
        return f"{self.kind}:{json.dumps(JSON_STYLE, sort_keys=True)}:{self.text}"


def grammar_of(
    output_type: OutputType, bounds: Bounds | None = None, added: Collection[str] = frozenset()
) -> Grammar | None:
    """Translate an output type; None stays None, which is free text.

    added   added tokens of the tokenizer that have a text: tool calls begin with one where it is there
    raises  BadInput if the type has no grammar
    """
    if output_type is None:
        return None
    if isinstance(output_type, ToolCalls):
        return _tool_grammar(output_type, bounds, added)
    if isinstance(output_type, dict):
        return _json_grammar(output_type, bounds)
    if isinstance(output_type, type) and issubclass(output_type, BaseModel):
        return _json_grammar(output_type.model_json_schema(), bounds, sets_may_repeat=True)
    return _through_outlines(output_type, bounds)


def _through_outlines(output_type: OutputType, bounds: Bounds | None) -> Grammar:
    """Outlines' own types and the Python types it understands."""
    # Imported here: half a second that a run of our own prompts, which carry schemas, need not wait for.
    from outlines.types import CFG, JsonSchema, Regex
    from outlines.types.dsl import Term, python_types_to_terms, to_regex

    is_type = not isinstance(output_type, JsonSchema)
    try:
        if JsonSchema.is_json_schema(output_type) and is_type:
            output_type = JsonSchema(output_type)
        term = output_type if isinstance(output_type, Term) else python_types_to_terms(output_type)
        if isinstance(term, JsonSchema):
            return _json_grammar(json.loads(term.schema), bounds, sets_may_repeat=is_type)
        if isinstance(term, CFG):
            return Grammar("lark", term.definition, llguidance.LLMatcher.grammar_from_lark(term.definition))
        pattern = term.pattern if isinstance(term, Regex) else to_regex(term)
    except (TypeError, RecursionError, NotImplementedError) as error:  # Outlines raises each for a type it cannot say
        raise BadInput(f"{output_type!r} cannot be an output type", hint="give a pydantic class or a schema") from error
    return Grammar("regex", pattern, llguidance.LLMatcher.grammar_from_regex(pattern))


def _tool_grammar(calls: ToolCalls, bounds: Bounds | None, added: Collection[str]) -> Grammar:
    def styled(schema: dict[str, Any]) -> str:
        bounded = bounded_schema(schema, bounds)
        return canonical({**bounded, "x-guidance": _style(bounded)})

    schemas = [styled(function.parameters) for function in calls.functions]
    content = None if calls.content is None else styled(calls.content)
    text = calls.lark(schemas, content, added)
    return Grammar("lark", text, llguidance.LLMatcher.grammar_from_lark(text))


def _style(schema: dict[str, Any]) -> dict[str, Any]:
    return {**JSON_STYLE, "json_allowed_escapes": ESCAPES + ("u" if _has_control_constants(schema) else "")}


def _json_grammar(schema: dict[str, Any], bounds: Bounds | None, *, sets_may_repeat: bool = False) -> Grammar:
    text = canonical(bounded_schema(schema, bounds, sets_may_repeat=sets_may_repeat))
    style = _style(json.loads(text))
    try:
        compiled = llguidance.LLMatcher.grammar_from_json_schema(text, overrides=style)
    except ValueError as error:
        raise BadInput(f"the JSON schema cannot be compiled: {error}", hint="use valid Unicode") from error
    return Grammar("json", text, compiled)


def _has_control_constants(node: object) -> bool:
    """True if a constant holds a control character, which JSON can only write as an escape."""
    if isinstance(node, dict):
        return any(_has_control_constants(value) for value in node.values())
    if isinstance(node, list):
        return any(_has_control_constants(value) for value in node)
    return isinstance(node, str) and CONTROL.search(node) is not None


Bits = np.ndarray[Any, np.dtype[np.int32]]  # (rows, ceil(V / 32)): a set bit is an allowed token


class Constraint(Protocol):
    """What the decode loop asks at every step; one object per answer."""

    def forced(self) -> list[int]:
        """Take the tokens that are the only way on, perhaps none."""

    def accept(self, token: int) -> None:
        """Take the token the model chose."""

    def may_take(self, token: int) -> bool:
        """Take a guessed token if it is allowed here and does not end the answer."""

    def take_back(self, count: int) -> None:
        """Undo the last `count` tokens taken."""

    def mark(self, bits: Bits, row: int) -> None:
        """Set in `bits[row]` what is allowed next."""

    def is_complete(self) -> bool:
        """Nothing may follow."""


class GrammarConstraint:
    """A Constraint that follows a grammar, through llguidance."""

    def __init__(self, tokenizer: llguidance.LLTokenizer, grammar: Grammar, eos: frozenset[int]) -> None:
        self._tokenizer = tokenizer
        self._matcher = llguidance.LLMatcher(tokenizer, grammar.compiled)
        self._eos = eos
        self._ended = False
        if self._matcher.is_error():
            reason = self._matcher.get_error().splitlines()[0]
            raise BadInput(f"the {grammar.kind} grammar cannot be used: {reason}", hint="simplify the output type")

    def forced(self) -> list[int]:
        taken: list[int] = []
        while tokens := list(itertools.takewhile(lambda token: token not in self._eos, self._forced())):
            self._check(self._matcher.consume_tokens(tokens))
            taken += tokens
        return taken

    def _forced(self) -> list[int]:
        """The first tokens of the only way on; none where there are several.

        llguidance splits the text that must follow as the tokenizer would, which takes "<|im_end|>" in an entry for the
        token of that name, and then refuses it. There the text goes on with the longest token of its own characters.
        """
        tokens: list[int] = self._matcher.compute_ff_tokens()
        allowed = self._matcher.validate_tokens(tokens) if tokens else 0
        if allowed or not tokens:
            return tokens[:allowed]
        spelt: list[int] = self._tokenizer.greedy_tokenize(self._matcher.compute_ff_bytes().decode("utf-8", "replace"))
        return spelt[:1]

    def accept(self, token: int) -> None:
        if token in self._eos:
            self._ended = True
        else:
            self._check(self._matcher.consume_token(token))

    def may_take(self, token: int) -> bool:
        return token not in self._eos and self._matcher.try_consume_tokens([token]) == 1

    def take_back(self, count: int) -> None:
        if count:
            self._check(self._matcher.rollback(count))

    def mark(self, bits: Bits, row: int) -> None:
        llguidance.numpy.fill_next_token_bitmask(self._matcher, bits, row)
        if forced := self._forced():
            word, bit = divmod(forced[0], 32)
            if not bits[row, word] >> bit & 1:  # the token of that name is marked
                bits[row] = 0
                bits.view(np.uint32)[row, word] = 1 << bit

    def is_complete(self) -> bool:
        return self._ended or self._matcher.is_stopped()

    def _check(self, was_allowed: bool) -> None:
        # Every token came out of the mask; a refusal is a limit or a fault of llguidance, whose words quote the text.
        if not was_allowed or self._matcher.is_error():
            raise GrammarGaveUp("the grammar gave up inside the answer", hint="simplify the output type")


class FreeText:
    """A Constraint that only keeps tokens without a text from being produced; an end-of-sequence token ends it."""

    def __init__(self, token_count: int, vocab_size: int, eos: frozenset[int]) -> None:
        allowed = np.zeros((vocab_size + 31) // 32 * 32, dtype=np.uint8)
        allowed[:token_count] = 1
        self._bits = np.packbits(allowed, bitorder="little").view(np.int32)
        self._eos = eos
        self._ended = False

    def forced(self) -> list[int]:
        return []

    def accept(self, token: int) -> None:
        self._ended = token in self._eos

    def may_take(self, token: int) -> bool:
        return token not in self._eos

    def take_back(self, count: int) -> None:
        pass

    def mark(self, bits: Bits, row: int) -> None:
        bits[row, : len(self._bits)] = self._bits

    def is_complete(self) -> bool:
        return self._ended


class Grammars:
    """The constraints of one model: its tokenizer is translated for llguidance once, at the first grammar."""

    def __init__(self, loaded: LoadedModel) -> None:
        self.loaded = loaded
        self._guard = threading.Lock()
        self._tokenizer: llguidance.LLTokenizer | None = None

    def constraint(self, grammar: Grammar | None) -> Constraint:
        """A fresh constraint at the start of an answer.

        raises  BadInput if llguidance refuses the grammar
        """
        eos = self.loaded.eos_token_ids
        if grammar is None:
            return FreeText(self.loaded.token_count, self.loaded.vocab_size, eos)
        return GrammarConstraint(self._translated(), grammar, eos)

    def _translated(self) -> llguidance.LLTokenizer:
        with self._guard:
            if self._tokenizer is None:
                inner = self.loaded.tokenizer._tokenizer
                # All end tokens are named: llguidance takes the tokenizer's own only, and Qwen3 has two.
                eos = sorted(self.loaded.eos_token_ids)
                self._tokenizer = llguidance.hf.from_tokenizer(inner, max(len(inner), self.loaded.vocab_size), eos)
            return self._tokenizer


# Row b: -inf or 0 for each bit of the byte b, lowest bit first.
_BYTE_TO_MASK = np.array([bits[::-1] for bits in itertools.product((-np.inf, 0.0), repeat=8)], dtype=np.float32)


def no_bits(rows: int, vocab_size: int) -> Bits:
    """A bit for each logit, none set."""
    return np.zeros((rows, (vocab_size + 31) // 32), dtype=np.int32)


def mask(logits: mx.array, bits: Bits) -> mx.array:
    """Add 0 where a token's bit is set and -inf where it is not; plain array operations, the same on Metal and CPU.

    logits   (R, V) any float type; compared in float32, where bfloat16 would make ties of different tokens
    returns  (R, V) float32
    """
    table = mx.array(_BYTE_TO_MASK)[mx.array(bits.view(np.uint8))]  # (R, V / 8, 8)
    return logits.astype(mx.float32) + table.flatten(-2)[..., : logits.shape[-1]]
