"""The words files: sentence forms by relation and voice, and lists of common words.

Knows the files' notation; knows no world. In: words/LANGUAGE*.txt.  Out: Forms, split for training and testing.

    = food                  a list: items follow, separated by semicolons
    # MET                   a relation (or a kind of sentence)
    fact: {s} met {t}.      how its fact is worded unless a form says otherwise
    me: {I} met {o}         a form whose subject is the diarist;  they: a form about someone else
    me.old: ... => ...      flags after dots; after => a wording of the fact of its own
"""

import random
import re
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from training.made.template import Part, compile_template, slot_names

WORDS = Path(__file__).parent / "words"
HELD_OUT_PERCENT = 15


@dataclass(frozen=True, slots=True)
class Form:
    """One way to say a thing; `flags` restrict it, `facts` are wordings of its own (empty: the relation's)."""

    text: str
    parts: tuple[Part, ...]
    slots: frozenset[str]
    flags: frozenset[str]
    fact: str
    relation: str = ""  # its own, where the wording says another thing than its section


@dataclass(frozen=True)
class Language:
    """All forms and lists of one language, for training or for testing."""

    name: str
    forms: dict[tuple[str, str], tuple[Form, ...]]
    facts: dict[str, str]
    lists: dict[str, tuple[str, ...]]
    parts: dict[str, tuple[str, ...]]  # of each list the words that may stand in names of this part
    held_out: bool

    def pick(self, rng: random.Random, section: str, voice: str) -> Form | None:
        """A form, or None where there is none."""
        forms = self.forms.get((section, voice))
        return forms[int(rng.random() * len(forms))] if forms else None

    def template(self, rng: random.Random, name: str) -> tuple[Part, ...]:
        """A word of a list that may hold slots of its own."""
        return compile_template(self.word(rng, name))

    def part(self, name: str) -> tuple[str, ...]:
        """The words of a list of names that belong to training or to testing."""
        return self.parts[name]

    def word(self, rng: random.Random, name: str) -> str:
        """A word of a list."""
        words = self.lists[name]
        return words[int(rng.random() * len(words))]


def is_held_out(text: str) -> bool:
    """Whether a word of a name belongs to the testing part: the same on every machine and for ever."""
    return zlib.crc32(text.encode()) % 100 < HELD_OUT_PERCENT


@cache
def load_language(name: str, held_out: bool) -> Language:
    """Read every words file of a language and keep the training or the testing part of its forms."""
    forms: dict[tuple[str, str], tuple[Form, ...]] = {}
    facts: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    for path in sorted(WORDS.glob(f"{name}*.txt")):
        sections: dict[tuple[str, str], list[Form]] = {}
        _read(path, sections, facts, lists)
        for key, found in sections.items():
            forms[key] = forms.get(key, ()) + _part(found, held_out)
    words = {key: tuple(items) or ("",) for key, items in lists.items()}
    parts = {key: tuple(w for w in items if is_held_out(w) == held_out) for key, items in words.items()}
    return Language(name, forms, facts, words, parts, held_out)


def _read(
    path: Path, sections: dict[tuple[str, str], list[Form]], facts: dict[str, str], lists: dict[str, list[str]]
) -> None:
    section = listing = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("//"):
            continue
        if line.startswith("= "):
            listing = line[2:].strip()
            lists.setdefault(listing, [])
        elif line.startswith("# "):
            section, listing = line[2:].strip(), ""
        elif listing:
            lists.setdefault(listing, []).extend(item.strip() for item in line.split(";") if item.strip())
        else:
            tag, _, text = line.partition(":")
            if tag == "fact":
                facts[section] = text.strip()
            else:
                voice, *flags = tag.split(".")
                sections.setdefault((section, voice), []).append(_form(text.strip(), flags))


def _form(text: str, flags: list[str]) -> Form:
    text, _, fact = text.partition(" => ")
    parts = compile_template(text)
    relation, wording = "", fact.strip()
    if own := re.match(r"([A-Z_]{3,}) (?=\{s\})", wording):
        relation, wording = own[1], wording[own.end() :]
    return Form(text, parts, frozenset(slot_names(parts)), frozenset(flags), wording, relation)


def _part(forms: list[Form], held_out: bool) -> tuple[Form, ...]:
    """The testing part is the first 15 % by hash of a file's section, at least one of two.

    File by file, so that a new file never moves a form that a model was trained on into the testing part.
    """
    ranked = sorted(forms, key=lambda form: zlib.crc32(form.text.encode()))
    cut = max(1, round(len(ranked) * HELD_OUT_PERCENT / 100)) if len(ranked) > 1 else 0
    kept = {id(form) for form in (ranked[:cut] if held_out else ranked[cut:])}
    return tuple(form for form in forms if id(form) in kept)
