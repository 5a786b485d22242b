"""Run one command of the CLI: errors become one line and an exit code.

Knows argparse and the error tree; wakes nothing heavy. In: a callable.  Out: the exit code.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from datetime import date
from typing import NoReturn

from app.errors import DaybookError


def command(run: Callable[[], int], *, as_json: bool = False) -> int:
    """Run one command; a DaybookError becomes one line on stderr (and one JSON object on stdout) and its exit code."""
    try:
        return run()
    except DaybookError as error:
        print(f"daybook: {error}", file=sys.stderr)
        if as_json:
            print(json.dumps({"error": {"code": error.code, "message": error.message, "hint": error.hint}}))
        return error.exit_code
    except KeyboardInterrupt:
        print("daybook: stopped; what was done is kept, run the same command again to go on", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `| head` closed our output: nobody is there to be told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


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
