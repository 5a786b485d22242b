"""Keep KV on disk: whole files only, private, bounded, and noticed when they are not what they say.

Knows files and mlx-lm's caches; does not know what was read. In: a key and caches.  Out: the same caches, or None.

What people wrote and what templates say lie in two folders, so that one can be deleted without the other.
"""

import hashlib
import logging
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlx_lm.models.cache import load_prompt_cache, save_prompt_cache

from app.llm.blas import mx

TEMPLATES, BLOCKS = "templates", "blocks"
SUFFIX, UNFINISHED = ".safetensors", ".part.safetensors"
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
_LOG = logging.getLogger(__name__)


def forget_kept(kv_folder: Path) -> None:
    """Delete all KV on disk: the blocks hold what people wrote, and templates may quote it as examples.

    The next run reads its templates once more.  raises OSError if a file cannot be deleted
    """
    if kv_folder.exists():
        shutil.rmtree(kv_folder)


class KvFolder:
    """Caches by key, each in a file whose name tells the key and the sha256 of its content."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def load(self, key: str) -> list[Any] | None:
        """The caches kept under `key`; a damaged or foreign file is deleted and as good as none."""
        for path in self._folder.glob(f"{key}-*{SUFFIX}"):
            try:
                if path.name == _name(key, path):
                    layers, metadata = load_prompt_cache(str(path), return_metadata=True)
                    if metadata == {"key": key}:
                        mx.eval([layer.state for layer in layers])
                        os.utime(path)
                        return list(layers)
                _LOG.warning("%s is damaged or of another model: it is made again", path)
                path.unlink(missing_ok=True)
            except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:  # whatever a damaged file does
                _LOG.warning("%s cannot be read (%s): it is made again", path, type(error).__name__)
                path.unlink(missing_ok=True)
        return None

    def save(self, key: str, layers: list[Any]) -> None:
        """Write under a name of its own, then rename: a file is whole or it is not there.

        A full disk is no failure: what is not kept is computed again.
        """
        part = self._folder / f"{secrets.token_hex(8)}{UNFINISHED}"
        try:
            for folder in (self._folder.parent, self._folder):  # the mode is for the last one made only
                folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
            save_prompt_cache(str(part), layers, {"key": key})
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.rename(self._folder / _name(key, part))
            self._shrink()
        except (OSError, RuntimeError) as error:
            _LOG.warning("KV is not kept in %s: %s", self._folder, type(error).__name__)
            with suppress(OSError):
                part.unlink()

    def _shrink(self) -> None:
        """Delete what was used longest ago, down to the bytes allowed."""
        files = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in self._folder.glob(f"*{SUFFIX}"))
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total <= self._max_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size


def _name(key: str, path: Path) -> str:
    """The name that this content has under this key."""
    with path.open("rb") as file:
        return f"{key}-{hashlib.file_digest(file, 'sha256').hexdigest()}{SUFFIX}"
