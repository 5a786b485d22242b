"""Run one command of the CLI: errors become one line and an exit code.

Knows argparse and the error tree; wakes nothing heavy. In: a callable.  Out: the exit code.
"""

import argparse
import difflib
import faulthandler
import io
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from itertools import pairwise
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from app.cli.terminal import inert
from app.errors import BadInput, DaybookError, of_the_machine

if TYPE_CHECKING:  # at run time it would wake the graph, and `--help` does without
    from app.pipeline.home import Place

# As argparse says them.
UNKNOWN = "unrecognized arguments: "
_CHOICE = re.compile(r"argument (\S+): invalid choice: '(.*)' \(choose from (.*)\)")


def command(run: Callable[[], int], *, as_json: bool = False) -> int:
    """Run one command; a DaybookError becomes one line on stderr (and one JSON object on stdout) and its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where a shell closed it
            stream.reconfigure(errors="backslashreplace")  # a terminal without UTF-8 shows an escape, not a traceback
    former = os.umask(0o077)  # Kuzu makes its log with whatever mode the shell allows
    if not faulthandler.is_enabled() and sys.stderr is not None:
        faulthandler.enable()  # a crash in foreign code says where it happened; it shows no values
    signals = [int(signal.SIGINT)]
    try:
        with _stoppable(signals):
            code = run()
        if sys.stdout is not None:
            sys.stdout.flush()  # at the interpreter's exit it would be too late to say that it failed
    except DaybookError as error:
        return _complain(error, as_json)
    except KeyboardInterrupt:
        with suppress(OSError):  # a terminal that was closed cannot be told
            print("daybook: stopped; what was done is kept, run the same command again to go on", file=sys.stderr)
        return 128 + signals[-1]
    except BrokenPipeError:  # `| head` closed our output: nobody is there to be told
        _discard_output()
        return 0
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "app":  # ours: a fault, and no matter of installation
            raise
        message = f"{sys.executable} lacks the package {error.name}"
        hint = "run `make setup` to its end, then .venv/bin/python in place of python"
        return _complain(BadInput(message, hint=hint), as_json)
    except MemoryError as error:
        return _complain(of_the_machine(error), as_json)
    except OSError as error:  # of stdout, or a disk that fails where no room expected it
        _discard_output()
        return _complain(of_the_machine(error), False)
    finally:
        os.umask(former)
    return code


@contextmanager
def _stoppable(told: list[int]) -> Iterator[None]:
    """Let a `kill` or a closed terminal end the work in order and not without a word, as Ctrl-C does.

    told   the signals that came are added to it
    """

    def stop(number: int, frame: FrameType | None) -> None:
        told.append(number)
        interrupt = signal.getsignal(signal.SIGINT)  # asyncio has set its own, which ends the work task by task
        if not callable(interrupt):
            raise KeyboardInterrupt
        interrupt(signal.SIGINT, frame)

    former = {}
    if threading.current_thread() is threading.main_thread():
        # What `nohup` has set to be ignored stays so.
        numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
        former = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _complain(error: DaybookError, as_json: bool) -> int:
    print(f"daybook: {inert(str(error))}", file=sys.stderr)
    if as_json:
        print(json.dumps({"error": {"code": error.code, "message": error.message, "hint": error.hint}}))
    return error.exit_code


def _discard_output() -> None:
    """What is still in the buffer goes nowhere, so that closing it at the exit cannot fail again."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line, like every other error of a command; arguments are text, not empty."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Argparse's; a path that a script left empty would be the current folder, and an empty option its default.

        Bytes that are no UTF-8 could be searched for, kept and written nowhere.
        """
        words = sys.argv[1:] if args is None else list(args)
        if self._subparsers is None:  # else that of the command is asked next, and knows which manual to name
            for before, word in pairwise(["", *words]):
                option, is_joined, value = word.partition("=") if word.startswith("--") else (before, "", word)
                if not value.strip() and (is_joined or not word.startswith("--")):
                    self.error(f"{option if option.startswith('-') else 'an argument'} is empty")
                shown = word.encode(errors="backslashreplace").decode()
                if shown != word:
                    self.error(f"{shown} is not UTF-8")
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        near: list[str] = []
        if choice := _CHOICE.fullmatch(message):
            argument, given, allowed = choice[1], choice[2], [name.strip("'") for name in choice[3].split(", ")]
            near = difflib.get_close_matches(given, allowed, n=1)
            message = f"{argument} is {given!r}, allowed are {', '.join(allowed)}"
            if argument == "COMMAND":  # two dozen of them are no line
                message = f"there is no command {given!r}"
        elif message.startswith(UNKNOWN):
            given = message.removeprefix(UNKNOWN).split()[0].partition("=")[0]
            if given.startswith("--"):
                known = [option[2:] for option in self._option_string_actions if option.startswith("--")]
                near = [f"--{name}" for name in difflib.get_close_matches(given[2:], known, n=1)]
        meant = f"did you mean {near[0]}? " if near else ""
        self.exit(2, f"daybook: {message} ({meant}see: {self.prog} --help)\n")


def port_number(text: str) -> int:
    """An argparse type: 0 to 65535."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; 0 to 65535 are")
    return int(text)


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
