"""Patterns of JSON strings, told so that the grammar engine keeps them.

Knows one flaw of llguidance; knows no schema. In: a pattern.  Out: one that allows no more, and hardly less.
"""

import re

_SIGN_OR_CLASS = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]", re.DOTALL)


def kept_inside_quotes(pattern: str) -> str:
    r"""The same pattern without the first control characters in what `[^...]` allows.

    Where such a class holds backspace, llguidance (1.9.1) takes every escape for one of its characters, so that `[^"]`
    lets `\"` through inside a JSON string. No journal has these characters.
    """
    return _SIGN_OR_CLASS.sub(_without_controls, pattern)


def _without_controls(found: re.Match[str]) -> str:
    said = found.group()
    if not said.startswith("[^") or said.startswith(r"[^\x00-"):
        return said
    return rf"[^\x00-\x08{said[2:]}"
