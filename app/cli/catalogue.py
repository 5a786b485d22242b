"""Which commands there are, in the order in which a person meets them, and the parser of them all.

Knows names and manuals; runs nothing. In: the modules of app/cli/commands.  Out: a parser for each and one for all.
"""

import argparse
import importlib
from pathlib import Path
from typing import Protocol, cast

from app.cli.command import Parser

# The list a person reads, and the only place where a new command is entered: a module of app/cli/commands each.
SHELVES: dict[str, tuple[str, ...]] = {
    "look": ("ask", "search", "show", "timeline", "changes", "status"),
    "see": ("view", "report"),
    "make better": ("review", "optimise", "evaluate"),
    "keep in hand": ("forget", "rebuild"),
    "take along": ("export", "import", "diff"),
    "models": ("doctor", "onboard"),
    "for programs": ("serve", "mcp"),
    "your shell": ("completion",),
}

_HEAD = "Daybook: a dated and grounded knowledge graph of your journals, on your own machine."
_TAIL = """first steps:
  python load_journals.py                        read the sample journals; yours: load_journals.py ~/diary
  python -m app view                             one HTML file with everything that was read
  python -m app ask "Where does Clara work?"
  python -m app COMMAND --help                   a short manual with examples

exit codes: 0 done; 1 something failed; 2 unusable input; 3 storage failed; 4 another run holds the home;
130 interrupted.
"""


class Command(Protocol):
    """A module of app/cli/commands; its docstring is its manual."""

    __doc__: str | None

    def arguments(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, options: argparse.Namespace) -> int: ...


def all_commands() -> dict[str, Command]:
    """Every command by its name, in the order of the list."""
    return {name: _load(name) for names in SHELVES.values() for name in names}


def parser_of(commands: dict[str, Command]) -> tuple[Parser, dict[str, argparse.ArgumentParser]]:
    """The parser of all commands, and that of each by name, whose help is its module's docstring."""
    parsers: dict[str, argparse.ArgumentParser] = {}
    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="python -m app", usage="python -m app COMMAND ...", description=_HEAD, formatter_class=raw)
    parser.epilog = f"{_list(commands)}\n{_TAIL}"
    choices = parser.add_subparsers(dest="command", metavar="COMMAND", prog="python -m app", help=argparse.SUPPRESS)
    for name, module in commands.items():
        manual, examples, lines = (module.__doc__ or "").partition("examples:")
        one = parsers[name] = choices.add_parser(name, description=manual, epilog=examples + lines, formatter_class=raw)
        module.arguments(one)
        every = one.add_argument_group("every command")
        every.add_argument("--home", type=Path, metavar="DIR", help="where all state is kept (DAYBOOK_HOME)")
        every.add_argument("--group", metavar="G", help="whose graph, if you keep several (DAYBOOK_GROUP)")
        every.add_argument("--json", action="store_true", help="one JSON value on stdout, for programs")
    return parser, parsers


def _load(name: str) -> Command:
    module = "import_" if name == "import" else name  # a keyword of Python
    return cast(Command, importlib.import_module(f"app.cli.commands.{module}"))


def _list(commands: dict[str, Command]) -> str:
    lines = []
    for shelf, names in SHELVES.items():
        lines.append(f"{shelf}:")
        for name in names:
            first = (commands[name].__doc__ or "").split("\n", 1)[0].rstrip(".")
            lines.append(f"  {name:<12}{first[0].lower()}{first[1:]}")
        lines.append("")
    return "\n".join(lines)
