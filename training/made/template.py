"""Sentence forms: `[a|b]` chooses, `{slot}` asks the writer; compiled once, rendered many times.

Knows the notation only. In: a line of a words file and a function that fills slots.  Out: text.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Slot:
    """A named gap; `modifier` is what follows the colon."""

    name: str
    modifier: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternatives of equal chance."""

    options: "tuple[tuple[Part, ...], ...]"


Part = str | Slot | Choice

_A_BEFORE_VOWEL = re.compile(r"(?<![\w.'’])([Aa])(?= [aeioAEIO]\w)(?! (?:one|once|eu|ewe)\w*)")
_TOKEN = re.compile(r"[\[\]|]|\{[^}]*\}|[^\[\]|{}]+")


@cache
def compile_template(text: str) -> tuple[Part, ...]:
    """The parts of a form. Brackets nest; an unbalanced bracket is an error of the words file."""
    tokens = _TOKEN.findall(text)
    parts, end = _sequence(tokens, 0)
    if end != len(tokens):
        raise ValueError(f"unbalanced bracket in form: {text}")
    return parts


def render(parts: tuple[Part, ...], rng: random.Random, fill: Callable[[str, str], str]) -> str:
    """The form as text: `fill(name, modifier)` is asked for every slot, from left to right."""
    out = []
    for part in parts:
        if isinstance(part, str):
            out.append(part)
        elif isinstance(part, Slot):
            out.append(fill(part.name, part.modifier))
        else:
            out.append(render(part.options[int(rng.random() * len(part.options))], rng, fill))
    return "".join(out)


def slot_names(parts: tuple[Part, ...]) -> set[str]:
    """Every slot a form may ask for."""
    names: set[str] = set()
    for part in parts:
        if isinstance(part, Slot):
            names.add(part.name)
        elif isinstance(part, Choice):
            for option in part.options:
                names |= slot_names(option)
    return names


def an_before_vowel(text: str) -> str:
    """English forms say "a {job}", whatever the job."""
    return _A_BEFORE_VOWEL.sub(r"\1n", text)


def _sequence(tokens: list[str], at: int) -> tuple[tuple[Part, ...], int]:
    parts: list[Part] = []
    while at < len(tokens) and tokens[at] not in ("|", "]"):
        token = tokens[at]
        if token == "[":
            choice, at = _choice(tokens, at + 1)
            parts.append(choice)
        elif token.startswith("{"):
            name, _, modifier = token[1:-1].partition(":")
            parts.append(Slot(name, modifier))
            at += 1
        else:
            parts.append(token)
            at += 1
    return tuple(parts), at


def _choice(tokens: list[str], at: int) -> tuple[Choice, int]:
    options = []
    while True:
        parts, at = _sequence(tokens, at)
        options.append(parts)
        if at >= len(tokens):
            raise ValueError("unbalanced bracket in form: " + "".join(tokens))
        at += 1
        if tokens[at - 1] == "]":
            return Choice(tuple(options)), at
