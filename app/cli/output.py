"""Write a file that a person asked for: whole or not at all, readable by its owner alone.

Knows paths; knows nothing of what is in the file. In: a path and bytes.  Out: the file.
"""

import os
from pathlib import Path

from app.errors import BadInput


def write_file(path: Path, content: str | bytes) -> Path:
    """Replace the file at `path`; returns its absolute path.

    raises   BadInput if it is a folder or its folder does not exist; OSError if the disk refuses
    """
    path = path.expanduser().absolute()
    if path.is_dir():
        raise BadInput(f"{path} is a folder", hint="name a file")
    if not path.parent.is_dir():
        raise BadInput(f"{path.parent} is not a folder", hint="make it first, or name another place")
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)
        beside.chmod(0o600)  # what stands in it is private
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def size(number: int) -> str:
    """Bytes in words: 812 B, 4.1 KB, 2.3 MB."""
    for unit, factor in (("MB", 1 << 20), ("KB", 1 << 10)):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number} B"
