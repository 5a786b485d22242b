"""Every error a person can meet, each knowing its exit code, its HTTP status and its cure.

    DaybookError             exit 1  status 500  internal_error
    ├─ BadInput              exit 2  status 400  bad_input                 the owner's files or arguments
    │  ├─ BadJournal         exit 2  status 400  bad_journal               names the path and, where known, the byte
    │  ├─ PromptTooLong      exit 2  status 400  context_length_exceeded   before any device work
    │  ├─ UnknownShape       exit 2  status 400  unknown_shape             a config whose cache nobody can compute
    │  └─ ModelMissing       exit 2  status 503  model_unavailable         which name, where it looked
    ├─ NoRoom                exit 1  status 503  insufficient_memory       free and needed bytes; again later
    ├─ Truncated             exit 1  status 422  output_truncated          max_tokens reached inside the answer
    ├─ GrammarGaveUp         exit 1  status 422  grammar_gave_up           llguidance refused what its mask allowed
    ├─ Cancelled             exit 130 status 499 cancelled                 the caller gave up
    │  └─ TimedOut           exit 1  status 504  timed_out                 the time the caller gave is over
    ├─ StorageFailed         exit 3  status 507  storage_failed            disk full, input/output error, damaged file
    │  ├─ ModelDamaged       exit 3  status 503  model_damaged             a weight file fails its checksum
    │  └─ OutOfMemory        exit 3  status 503  insufficient_memory       no memory is left in the middle of work
    └─ HomeBusy              exit 4  status 409  home_busy                 another process holds this home

A message says what happened, with the value, and what was allowed; `hint` says what to do.
"""

from typing import Any, ClassVar


class DaybookError(Exception):
    """The root: one line a person can act on; only the doors (CLI, server) catch it."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class BadInput(DaybookError):
    """The owner's files or arguments cannot be used as they are."""

    code, status, exit_code = "bad_input", 400, 2


class BadJournal(BadInput):
    """A journal path cannot be read; the message names it."""

    code = "bad_journal"


class PromptTooLong(BadInput):
    """The prompt has more tokens than the limit; raised before any device work."""

    code = "context_length_exceeded"


class UnknownShape(BadInput):
    """A model whose cache cannot be computed from its config; the message lists the keys found."""

    code = "unknown_shape"


class ModelMissing(BadInput):
    """No model at the given name or folder."""

    code, status = "model_unavailable", 503


class NoRoom(DaybookError):
    """The prompt would fit into this machine's memory when it is idle, and does not now; before any device work.

    retry_seconds   when to try again
    """

    code, status = "insufficient_memory", 503

    def __init__(self, message: str, *, hint: str = "", retry_seconds: int = 30) -> None:
        super().__init__(message, hint=hint)
        self.retry_seconds = retry_seconds


class Truncated(DaybookError):
    """The answer reached max_tokens before its grammar was complete.

    partial   the Completion so far, for who can use half an answer (Any: this file stands below the engine)
    """

    code, status = "output_truncated", 422

    def __init__(self, message: str, *, hint: str = "", partial: Any = None) -> None:
        super().__init__(message, hint=hint)
        self.partial = partial


class GrammarGaveUp(DaybookError):
    """The grammar refused, inside an answer, a token that it had allowed: a limit or a fault of llguidance."""

    code, status = "grammar_gave_up", 422


class Cancelled(DaybookError):
    """The caller gave up; the device stopped within one chunk or token."""

    code, status, exit_code = "cancelled", 499, 130


class TimedOut(Cancelled):
    """The time that the caller gave is over; the device stopped within one chunk or token."""

    code, status, exit_code = "timed_out", 504, 1


class StorageFailed(DaybookError):
    """Disk full, input/output error, or a damaged state file."""

    code, status, exit_code = "storage_failed", 507, 3


class ModelDamaged(StorageFailed):
    """A weight file does not match the checksum in its model card."""

    code, status = "model_damaged", 503


class OutOfMemory(StorageFailed):
    """The machine had no more memory in the middle of the work; what was written before it is kept."""

    code, status = "insufficient_memory", 503
    retry_seconds = 30

    def __init__(self) -> None:
        super().__init__(
            "the machine has no more memory", hint="what was done is kept; close other programs and try again"
        )


class HomeBusy(DaybookError):
    """Another process holds this home."""

    code, status, exit_code = "home_busy", 409, 4


def of_the_machine(error: OSError | MemoryError) -> StorageFailed:
    """What escaped every room, a disk that failed where none expected it or memory that ran out, as one of ours."""
    if isinstance(error, MemoryError):
        return OutOfMemory()
    place = f": {error.filename}" if error.filename else ""
    return StorageFailed(f"{error.strerror or error}{place}", hint="free space, then run it again")
