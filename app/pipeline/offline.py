"""Let a load run where the kernel refuses every socket, and write down what it stood on.

Knows the kernel's filters and the files of a run; knows nothing of journals. In: a request.  Out: a LoadReport, and a
manifest in the home: hashes of inputs, model and code, files opened, sockets asked for.
"""

import ctypes
import dataclasses
import hashlib
import json
import os
import platform
import socket
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from app.errors import DaybookError
from app.pipeline.request import MANIFEST_NAME, LoadReport, LoadRequest, Progress
from app.settings import ROOT

if TYPE_CHECKING:  # at run time it would wake the ledger before the door is shut
    from app.pipeline.reading import ReadFiles

_INSIDE = "DAYBOOK_SANDBOXED"  # set for the process that sandbox-exec starts
_PROFILE = "(version 1)(allow default)(deny network*)"

# linux/seccomp.h, linux/filter.h, linux/audit.h, and the system calls' numbers of each machine.
_NO_NEW_PRIVILEGES, _SET_FILTER, _ALL_THREADS = 38, 1, 1
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050001  # the latter: fail with EPERM
_X32 = 0x40000000  # a second numbering of the same calls on x86-64
_IO_URING_SETUP = 425  # could open sockets past the filter
_MACHINES = {  # audit architecture, socket(), seccomp()
    "x86_64": (0xC000003E, 41, 317),
    "aarch64": (0xC00000B7, 198, 277),
}


class _Instruction(ctypes.Structure):
    _fields_: ClassVar = [
        ("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32)
    ]  # fmt: skip


class _Program(ctypes.Structure):
    _fields_: ClassVar = [("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(_Instruction))]


@dataclasses.dataclass
class Witness:
    """What this process asked for since `begin`, as Python's audit tells it; Kuzu's driver tells it of its own files.

    What MLX maps, weights and KV, is opened by Python too, to be checked.

    sockets   internet sockets that were asked for, and refused
    """

    files: set[str] = dataclasses.field(default_factory=set)
    sockets: list[str] = dataclasses.field(default_factory=list)

    @classmethod
    def begin(cls) -> "Witness":
        """Listen from now on; an audit hook stays for the life of the process."""
        witness = cls()
        sys.addaudithook(witness.note)
        return witness

    def note(self, event: str, arguments: tuple[Any, ...]) -> None:
        """One event of Python's audit."""
        if event in ("open", "sqlite3.connect") and isinstance(arguments[0], str | bytes):
            self.files.add(os.path.abspath(os.fsdecode(arguments[0])))  # noqa: PTH100  # no resolving: it opens files
        elif event == "socket.__new__" and arguments[1] != socket.AF_UNIX:  # asyncio has a pair of those for itself
            self.sockets.append(f"family {int(arguments[1])}")


def load_offline(request: LoadRequest, progress: Progress) -> LoadReport:
    """Load as ever, with sockets refused by the kernel for this process and all it starts, for good.

    raises  DaybookError where sockets cannot be refused; and what a load raises
    """
    deny_sockets()
    socket.has_ipv6 = False  # urllib3, which a model library imports, would try such a socket as it is imported
    witness = Witness.begin()
    from app.pipeline.load import load_journals  # late: after the door was shut

    read: list[ReadFiles] = []  # once
    report = load_journals(request, progress, read.append)
    path = request.home_folder / MANIFEST_NAME
    if not request.dry_run:
        manifest = _manifest(request, report, read[0], witness)
        path.touch(mode=0o600)
        told = json.dumps(manifest, indent=2, ensure_ascii=False)
        path.write_text(told, encoding="utf-8", errors="backslashreplace")  # names that are no UTF-8, as JSON escapes
        progress.say(f"offline: {len(witness.sockets)} sockets, {len(witness.files)} files opened; told in {path}")
    return report


def deny_sockets() -> None:
    """Let the kernel refuse sockets: seccomp on Linux; on a Mac this process starts again under sandbox-exec.

    raises  DaybookError where neither works
    """
    if sys.platform == "linux":
        _deny_by_seccomp()
    elif sys.platform == "darwin" and not os.environ.get(_INSIDE):
        os.environ[_INSIDE] = "1"
        os.execv("/usr/bin/sandbox-exec", ["sandbox-exec", "-p", _PROFILE, sys.executable, *sys.orig_argv[1:]])
    if not _is_refused():
        raise DaybookError("this system does not let a process give up its sockets", hint="run without --prove-offline")


def _deny_by_seccomp() -> None:
    if platform.machine() not in _MACHINES:
        return
    architecture, open_socket, seccomp = _MACHINES[platform.machine()]
    # Each line: what, by how many lines to jump on if it holds and if not, with which value.
    lines = [
        (_LOAD, 0, 0, 4), (_EQUAL, 0, 5, architecture),
        (_LOAD, 0, 0, 0), (_AT_LEAST, 3, 0, _X32), (_EQUAL, 2, 0, open_socket), (_EQUAL, 1, 0, _IO_URING_SETUP),
        (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE),
    ]  # fmt: skip
    program = _Program(len(lines), (_Instruction * len(lines))(*(_Instruction(*line) for line in lines)))
    libc = ctypes.CDLL(None)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)  # without it only root may set a filter
    libc.syscall(ctypes.c_long(seccomp), _SET_FILTER, _ALL_THREADS, ctypes.byref(program))


def _is_refused() -> bool:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
            tried.settimeout(0.1)
            tried.connect(("127.0.0.1", 9))  # discard: nobody listens
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _manifest(request: LoadRequest, report: LoadReport, read: "ReadFiles", witness: Witness) -> dict[str, Any]:
    from app.graph.quiet import SWITCHES
    from app.llm.folder import open_folder

    code = [*sorted((ROOT / "app").rglob("*.py")), ROOT / "load_journals.py", ROOT / "requirements.lock"]
    models = {"generator": request.model_name, "embedder": request.embedder_name}
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        # The very bytes that were read: a file may have changed since, or never have been one that can be read.
        "inputs": {str(file.path): file.sha256 for file in read.readings},
        "put_aside": read.refused,
        "models": {use: {"name": name, "sha256": open_folder(name).fingerprint} for use, name in models.items()},
        "code": _sha256_of_all(code),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: version(name) for name in ("graphiti-core", "kuzu", "mlx", "mlx-lm", "dspy")},
        "enforced_by": "sandbox-exec" if sys.platform == "darwin" else "seccomp",
        "sockets": witness.sockets,
        "telemetry": {name: os.environ.get(name) for name in SWITCHES},
        "files_opened": sorted(witness.files),
        "chunks": {"done": report.chunks_done, "empty": report.chunks_empty, "quarantined": report.chunks_quarantined},
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256_of_all(paths: Iterable[Path]) -> str:
    """Of names and contents, in order."""
    told = "\n".join(f"{path.relative_to(ROOT)} {_sha256(path)}" for path in paths if path.exists())
    return hashlib.sha256(told.encode()).hexdigest()
