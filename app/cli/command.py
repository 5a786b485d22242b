"""Run one command of the CLI: errors become one line and an exit code.

Knows argparse and the error tree; wakes nothing heavy. In: a callable.  Out: the exit code.
"""

import argparse
import io
import json
import os
import sys
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, NoReturn

from app.errors import DaybookError, StorageFailed

if TYPE_CHECKING:  # at run time it would wake the graph, and `--help` does without
    from app.pipeline.home import Place


def command(run: Callable[[], int], *, as_json: bool = False) -> int:
    """Run one command; a DaybookError becomes one line on stderr (and one JSON object on stdout) and its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where a shell closed it
            stream.reconfigure(errors="backslashreplace")  # a terminal without UTF-8 shows an escape, not a traceback
    former = os.umask(0o077)  # Kuzu makes its log with whatever mode the shell allows
    try:
        code = run()
        if sys.stdout is not None:
            sys.stdout.flush()  # at the interpreter's exit it would be too late to say that it failed
    except DaybookError as error:
        return _complain(error, as_json)
    except KeyboardInterrupt:
        print("daybook: stopped; what was done is kept, run the same command again to go on", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `| head` closed our output: nobody is there to be told
        _discard_output()
        return 0
    except OSError as error:  # of stdout, or a disk that fails where no room expected it
        _discard_output()
        place = f": {error.filename}" if error.filename else ""
        return _complain(
            StorageFailed(f"{error.strerror or error}{place}", hint="free space, then run it again"), False
        )
    finally:
        os.umask(former)
    return code


def _complain(error: DaybookError, as_json: bool) -> int:
    print(f"daybook: {error}", file=sys.stderr)
    if as_json:
        print(json.dumps({"error": {"code": error.code, "message": error.message, "hint": error.hint}}))
    return error.exit_code


def _discard_output() -> None:
    """What is still in the buffer goes nowhere, so that closing it at the exit cannot fail again."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line, like every other error of a command."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"daybook: {message} (see: {self.prog} --help)\n")


def at_least_one(text: str) -> int:
    """An argparse type: 1, 2, 3, ..."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")
    return int(text)


def iso_date(text: str) -> date:
    """An argparse type: YYYY-MM-DD."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; write it as YYYY-MM-DD") from None


def place_of(options: argparse.Namespace) -> "Place":
    """Which home and whose graph the shared options name."""
    from app.pipeline.home import Place

    return Place(options.home, options.group, getattr(options, "embedder", None))
