"""Tool calls as a chat model writes them: <tool_call> blocks under a grammar, rules in words, and the way back.

Knows JSON Schema, Lark and words; knows no protocol and no model. In: functions.  Out: a grammar, rules, read calls.

An answer is text, then calls, either may be missing: <tool_call>\\n{"name": ..., "arguments": {...}}\\n</tool_call>.
Qwen3 was trained to write this; other models are told so in the system message.
"""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.llm.functions import Function, FunctionCall

Schema = dict[str, Any]  # Any: JSON values nest
OPEN, CLOSE = "<tool_call>", "</tool_call>"
MAX_CALLS = 8  # at once, where several are allowed
_HEAD = re.compile(r'\n\{"name": ("(?:[^"\\]|\\.)*"), "arguments": ')
_TAIL = "}\n" + CLOSE


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """An output type: what may be said, and which functions may be called with which arguments.

    content   schema of what is said instead of a call; None: any text, before calls or alone
    """

    functions: tuple[Function, ...]
    must_call: bool = False
    parallel: bool = True
    content: Schema | None = None

    def lark(self, schemas: Sequence[str], content: str | None, added: Collection[str]) -> str:
        """The grammar in llguidance's Lark.

        schemas, content   bounded JSON schemas with their style, one a function
        added              added tokens of the tokenizer that have a text: where the marks are among them, a call
                           begins with the token that the model was trained on, else with its characters
        """
        are_tokens = {OPEN, CLOSE} <= set(added)
        first, last = (OPEN, CLOSE) if are_tokens else (json.dumps(OPEN), json.dumps(CLOSE))
        names = range(len(self.functions))
        lines = [
            f"calls: {self._several('rest', first)}",
            f'rest: "\\n" ({" | ".join(f"call_{i}" for i in names)}) "\\n" {last}',
            r"TEXT: /(?s:.+)/ & ~/(?s:.*)" + OPEN + "(?s:.*)/",
            *(
                f"call_{i}: {json.dumps(head(function.name))} %json {schema} {json.dumps('}')}"
                for i, (function, schema) in enumerate(zip(self.functions, schemas, strict=True))
            ),
        ]
        if self.must_call:
            start = "calls"
        elif content is not None:
            start = "calls | said"
            lines.append(f"said: %json {content}")
        elif are_tokens:
            start = "TEXT? calls?"
        else:
            # Characters of the mark could be text too: the lazy lexeme ends at the first mark.
            start = f"TEXT | | spoken {self._several('rest', first, begun=True)}"
            lines.append(f"spoken[suffix={first}]: /(?s:.*)/")
        return "\n".join([f"start: {start}", *lines])

    def _several(self, rest: str, first: str, *, begun: bool = False) -> str:
        one = rest if begun else f"{first} {rest}"
        return f'{one} ("\\n" {first} {rest}){{0,{MAX_CALLS - 1}}}' if self.parallel else one


def head(name: str) -> str:
    """What stands before the arguments of a call, after the mark and its newline."""
    return f'{{"name": {json.dumps(name, ensure_ascii=False)}, "arguments": '


def tool_rules(functions: Sequence[Function]) -> str:
    """What the system message says of them, in the words that Qwen3 was trained with."""
    lines = "\n".join(json.dumps(described(function), ensure_ascii=False) for function in functions)
    return (
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
        f"You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n{lines}\n</tools>\n\n"
        f"For each function call, return a json object with function name and arguments within {OPEN}{CLOSE} XML tags:"
        f'\n{OPEN}\n{{"name": <function-name>, "arguments": <args-json-object>}}\n{CLOSE}'
    )


def described(function: Function) -> dict[str, Any]:
    """A function as chat templates read it."""
    inner = {"name": function.name, "description": function.description, "parameters": function.parameters}
    return {"type": "function", "function": inner}


def write_calls(calls: Sequence[FunctionCall]) -> str:
    """What the model said when it made these calls."""
    return "\n".join(
        f"{OPEN}\n{head(call.name)}{json.dumps(call.arguments, ensure_ascii=False)}{_TAIL}" for call in calls
    )


def read_calls(text: str) -> tuple[str, list[FunctionCall]]:
    """A whole answer: what was said before the calls or instead of them, and the calls. The inverse of the grammar."""
    if not text.endswith(CLOSE):  # JSON that was asked for may quote the marks
        return text, []
    reader, said, calls = CallReader(), "", list[list[str]]()
    for part in (*reader.add(text), *reader.close()):
        if isinstance(part, Said):
            said += part.text
        elif isinstance(part, Called):
            calls.append([part.name, ""])
        else:
            calls[-1][1] += part.text
    return said, [FunctionCall(name, json.loads(arguments)) for name, arguments in calls]


@dataclass(frozen=True, slots=True)
class Said:
    """A stretch of text."""

    text: str


@dataclass(frozen=True, slots=True)
class Called:
    """A call begins; the stretches of its arguments follow."""

    name: str


@dataclass(frozen=True, slots=True)
class Argument:
    """A stretch of the JSON text of the last call's arguments."""

    text: str


Part = Said | Called | Argument


class CallReader:
    """Reads an answer while it is written: pieces in, parts out; what may yet become a mark waits.

    The grammar keeps the mark out of free text, so a mark always begins a call; one that is cut off before its
    arguments is no part at all.

    or_json   what is said instead of calls is JSON, which may quote the marks: then the first character tells
    """

    def __init__(self, *, or_json: bool = False) -> None:
        self._waiting = ""
        self._or_json = or_json
        self._in_call = False
        self._in_arguments = False
        self._is_json = False

    def add(self, piece: str) -> Iterator[Part]:
        """What is certain now."""
        self._waiting += piece
        while (part := self._next()) is not None:
            if not isinstance(part, Said | Argument) or part.text:
                yield part

    def close(self) -> Iterator[Part]:
        """What still waited, of an answer that ended on the way."""
        if self._waiting and self._in_arguments:
            yield Argument(self._waiting)
        elif self._waiting and not self._in_call:
            yield Said(self._waiting)

    def _next(self) -> Part | None:
        if self._in_arguments:
            return self._argument()
        if self._in_call:
            found = _HEAD.match(self._waiting)
            if found is None:
                return None
            self._waiting, self._in_arguments = self._waiting[found.end() :], True
            return Called(json.loads(found[1]))
        return self._said()

    def _argument(self) -> Part | None:
        end = self._waiting.find(_TAIL)
        if end >= 0:
            text, self._waiting = self._waiting[:end], self._waiting[end + len(_TAIL) :]
            self._in_call = self._in_arguments = False
            return Argument(text)
        return self._certain(Argument, _TAIL)

    def _said(self) -> Part | None:
        if self._or_json and self._waiting:
            self._or_json, self._is_json = False, not self._waiting.startswith(OPEN[0])
        if self._is_json:
            text, self._waiting = self._waiting, ""
            return Said(text) if text else None
        at = self._waiting.find(OPEN)
        if at >= 0:
            # The newline between text and call belongs to neither.
            text, self._waiting = self._waiting[:at].rstrip("\n"), self._waiting[at + len(OPEN) :]
            self._in_call = True
            return Said(text)
        return self._certain(Said, OPEN)

    def _certain(self, kind: type[Said] | type[Argument], mark: str) -> Part | None:
        """All but an end with which the mark, or newlines before it, may begin."""
        held = next((n for n in range(len(mark) - 1, 0, -1) if self._waiting.endswith(mark[:n])), 0)
        end = len(self._waiting) - held
        if kind is Said:
            end = len(self._waiting[:end].rstrip("\n"))
        if end == 0:
            return None
        text, self._waiting = self._waiting[:end], self._waiting[end:]
        return kind(text)
