"""Names of people as names of files: safe on every system, and no two the same.

Knows the rules of file systems and of Obsidian; knows nothing else. In: any text.  Out: a file name without its ending.
"""

import re
import unicodedata

# Windows refuses the first group, Obsidian cannot link to the second; controls and line ends are nobody's.
_REFUSED = re.compile(
    r'[/\\:*?"<>|#^\[\]\x00-\x1f\x7f\u0080-\u009f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\u061c\ufeff]+'
)
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[\d¹²³])(\.|$)")
_MOST_BYTES = 120  # file systems allow 255, some clouds count the folders too


class FileNames:
    """Gives each text a name of its own; case and accents' spelling do not tell two names apart on every system."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def name(self, text: str) -> str:
        """A name that was not given before."""
        base = safe_name(text)
        name, number = base, 2
        while name.casefold() in self._taken:
            name, number = f"{base} ({number})", number + 1
        self._taken.add(name.casefold())
        return name


def safe_name(text: str) -> str:
    """The text without what a file name or a wikilink cannot hold.

    Example: 'What is "A/B"?' -> 'What is A B'; '' -> 'unnamed'
    """
    name = " ".join(_REFUSED.sub(" ", unicodedata.normalize("NFC", text)).split())
    while len(name.encode("utf-8", "replace")) > _MOST_BYTES:
        name = name[: max(len(name) * 3 // 4, 1)]
    name = name.strip(" .")
    return f"_{name}" if _RESERVED.match(name) else name or "unnamed"
