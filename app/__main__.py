"""Daybook's commands: python -m app COMMAND

Knows how a command is chosen and run; each does its own work in `app/cli/commands`.
In: what was typed.  Out: an exit code.
"""

import sys

from app.cli.catalogue import all_commands, parser_of
from app.cli.command import UNKNOWN, command


def main(arguments: list[str] | None = None) -> int:
    """Parse, run one command, return the exit code; without arguments print the list of commands."""
    commands = all_commands()
    parser, parsers = parser_of(commands)
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        parsers.get(options.command, parser).error(f"{UNKNOWN}{' '.join(unknown)}")
    if options.command is None:
        parser.print_help()
        return 0
    return command(lambda: commands[options.command].run(options), as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
