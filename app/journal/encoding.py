"""Bytes to text, strictly: a wrong guess would put wrong words into a diary, so a doubtful file is refused.

Knows UTF-8, UTF-16 with a byte order mark, Windows-1252 and GB18030; knows no entries.
In: the raw bytes of one file.  Out: text with every character kept (a byte order mark too), and the encoding's name.
"""

import codecs
import re

from app.errors import BadJournal

_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
# GB 2312 rows 1 and 3 (punctuation) and 16-55 (the 3,755 everyday characters): nearly all of any Chinese prose.
_EVERYDAY_HANZI = re.compile(rb"[\xa1\xa3\xb0-\xd7][\xa1-\xfe]")
_CONTROL = re.compile(r"[\0-\x08\x0e-\x1f\x7f]")
_TYPOGRAPHY = frozenset("‘’‚“”„†‡•…‰‹›–—™€£§©«»®°±²³´¶·¹º¼½¾¿¡¢×÷\xa0\xad")
_HINT = "journals are text: .txt, .md, or a JSON export"
MAX_CONTROL_SHARE = 0.01  # a stray form feed or bell is a typist's, more of them are not
CONVINCING = 0.9  # share of the non-ASCII bytes or characters that must fit an encoding's usual text


def decode(raw: bytes, name: str) -> tuple[str, str]:
    """Text and encoding of a file; the characters are exactly those of the file, line ends included.

    name     for the message
    raises   BadJournal for a binary file and for bytes that no encoding explains well
    """
    encoding = next((encoding for mark, encoding in _MARKS.items() if raw.startswith(mark)), "")
    if not encoding.startswith("utf-16") and (nul := raw.find(b"\0")) >= 0:
        raise BadJournal(f"{name}: byte {nul:,} is NUL, this is a binary file", hint=_HINT)
    try:
        text = raw.decode(encoding or "utf-8")
        encoding = encoding or "utf-8"
    except UnicodeDecodeError as error:
        encoding = "" if encoding else _legacy_encoding(raw)
        if not encoding:
            message = f"{name}: byte {error.start:,} is not {error.encoding.upper()}"
            raise BadJournal(message, hint="save the file as UTF-8") from error
        text = raw.decode(encoding)
    controls = len(_CONTROL.findall(text))
    if controls > MAX_CONTROL_SHARE * len(text) or "\0" in text:
        raise BadJournal(f"{name}: {controls:,} control characters, this is no text file", hint=_HINT)
    return text, encoding


def _legacy_encoding(raw: bytes) -> str:
    """cp1252 or gb18030 where the bytes are convincingly that, else ""."""
    runs = _HIGH_RUN.findall(raw)
    high_bytes = sum(map(len, runs))
    if sum(map(len, _MULTIBYTE.findall(raw))) > high_bytes / 2:  # UTF-8 with damage
        return ""
    if (
        _decodes(raw, "gb18030")
        and 2 * sum(len(_EVERYDAY_HANZI.findall(run)) for run in runs) >= CONVINCING * high_bytes
    ):
        return "gb18030"
    # In a Western text letters with accents and curly quotes stand between ASCII letters, rarely two or three together.
    if _decodes(raw, "cp1252") and sum(len(run) for run in runs if len(run) <= 3) >= CONVINCING * high_bytes:
        western = [c.isalpha() or c in _TYPOGRAPHY for run in runs for c in run.decode("cp1252")]
        if sum(western) >= CONVINCING * len(western) and high_bytes < len(raw) / 2:
            return "cp1252"
    return ""


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
