"""Print for a person: nothing that a text says moves the cursor, hides a line or turns what stands after it round.

Knows what terminals obey; knows nothing of journals. In: any text.  Out: its words on stdout, and nothing else.
"""

_TURNING = [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]  # they order right to left whatever follows
_OBEYED = [code for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n\r"]
# A carriage return writes over its own line, and ends a line of a journal from Windows.
_INERT = {**dict.fromkeys(_OBEYED, "\ufffd"), **dict.fromkeys([*_TURNING, 0x0D])}


def inert(text: str) -> str:
    """The text with a sign of replacement for each character that a terminal would obey; marks of direction go."""
    return text.translate(_INERT)


def show(text: str) -> None:
    """Print a line, or several."""
    print(inert(text))
