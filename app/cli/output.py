"""Write a file that a person asked for: whole or not at all, readable by its owner alone.

Knows paths; knows nothing of what is in the file. In: a path and bytes.  Out: the file.
"""

import errno
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from app.errors import BadInput

_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR}  # the place is wrong, not the disk
_MARK = ".daybook-export"  # lists what we wrote into a folder, so that writing again can take away what is gone


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
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        raise BadInput(f"{path} cannot be written: {error.strerror}", hint="choose another place with --out") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    return path


def size(number: int) -> str:
    """Bytes in words: 812 B, 4.1 KB, 2.3 MB."""
    for unit, factor in (("MB", 1 << 20), ("KB", 1 << 10)):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number} B"


def write_folder(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files below a folder; returns its absolute path. A folder of ours is renewed, another is left alone.

    files    text by path below the folder
    raises   BadInput for a file, or a folder that holds what we did not write
    """
    folder = folder.expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file", hint="name a folder")
    ours = folder / _MARK
    written = ours.read_text(encoding="utf-8").splitlines() if ours.is_file() else []
    if folder.is_dir() and not written and any(folder.iterdir()):
        raise BadInput(f"{folder} holds other files", hint="name a new folder, or an empty one")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ours.write_text("\n".join(sorted({*written, *files})) + "\n", encoding="utf-8")
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        raise BadInput(f"{folder} cannot be made: {error.strerror}", hint="choose another place with --out") from error
    for name, text in files.items():
        (folder / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(folder / name, text)
    for name in set(written) - set(files):  # of the last export, and gone since
        if (folder / name).resolve().is_relative_to(folder.resolve()):  # the list may have come from elsewhere
            (folder / name).unlink(missing_ok=True)
    ours.write_text("\n".join(sorted(files)) + "\n", encoding="utf-8")
    return folder
