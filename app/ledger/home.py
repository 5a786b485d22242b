"""Hold the home folder for one process at a time.

Knows a folder and a lock file; knows nothing of what is stored there.
In: the home's path.  Out: a lock that dies with the process, or HomeBusy naming the holder.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType

from app.errors import BadInput, HomeBusy, StorageFailed

LOCK_NAME = "lock"
_FOLDER_MODE, _FILE_MODE = 0o700, 0o600  # a journal is for its owner's eyes alone


def make_private_folder(home: Path) -> None:
    """Create `home`, or close an existing one to everybody but its owner (mode 0700).

    raises  BadInput if a file stands in the way; StorageFailed if the folder cannot be made
    """
    try:
        home.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        home.chmod(_FOLDER_MODE)
    except (FileExistsError, NotADirectoryError) as error:
        raise BadInput(f"{home} is not a folder", hint="name a folder Daybook may own") from error
    except OSError as error:
        raise StorageFailed(f"cannot use {home} as home: {error.strerror}", hint="choose another home") from error


def make_private_file(path: Path) -> None:
    """Create an empty file that only its owner reads (mode 0600), or close an existing one likewise."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, _FILE_MODE))
        path.chmod(_FILE_MODE)
    except OSError as error:
        raise StorageFailed(
            f"cannot open {path}: {error.strerror}", hint="check the folder's owner and mode"
        ) from error


class HomeLock:
    """An exclusive lock on a home; `kill -9` releases it, because the system drops it with the process.

    raises  HomeBusy if another process holds it, with that process's id
    """

    def __init__(self, home: Path) -> None:
        self._path = home / LOCK_NAME
        make_private_file(self._path)
        # Never replaced or unlinked: two processes locking two files of one name would both succeed.
        self._file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._file, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise HomeBusy(
                f"{home} is in use by process {holder}", hint="wait until it ends, or stop it, then run again"
            ) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode("ascii"), 0)

    def release(self) -> None:
        """Let the next process in; harmless when called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> "HomeLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
