"""A `daybook` command for your shell, with completion of its commands and options.

Prints a script that defines `daybook` as this Python running this Daybook, from any folder.

examples:
  eval "$(python -m app completion bash)"        for now; or put this line into ~/.bashrc
  eval "$(python -m app completion zsh)"         in ~/.zshrc, after compinit
  python -m app completion fish > ~/.config/fish/conf.d/daybook.fish
"""

import argparse
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

_BASH = """daybook() {{ PYTHONPATH={root} {python} -m app "$@"; }}
_daybook() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" command="${{COMP_WORDS[1]}}"
  if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W "{commands}" -- "$word")); return; fi
  case "$command" in
{cases}
  esac
}}
complete -o default -F _daybook daybook
"""
_BASH_CASE = '    {name}) COMPREPLY=($(compgen -W "{words}" -- "$word")) ;;'
_FISH = "function daybook; env PYTHONPATH={root} {python} -m app $argv; end\n"
_FISH_FIRST = "complete -c daybook -n __fish_use_subcommand -f -a {name} -d {says}\n"
_FISH_OPTION = "complete -c daybook -n '__fish_seen_subcommand_from {name}' -l {option} -d {says}\n"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the name."""
    parser.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "fish"), help="bash, zsh or fish")


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    from app.cli.catalogue import all_commands, parser_of

    commands = all_commands()
    _, parsers = parser_of(commands)
    paths = {"root": shlex.quote(str(ROOT)), "python": shlex.quote(sys.executable)}
    if options.shell == "fish":
        text = _FISH.format(**paths)
        for name, parser in parsers.items():
            text += _FISH_FIRST.format(name=name, says=shlex.quote((commands[name].__doc__ or "").split("\n", 1)[0]))
            for action in parser._actions:
                for option in (o for o in action.option_strings if o.startswith("--")):
                    text += _FISH_OPTION.format(name=name, option=option[2:], says=shlex.quote(action.help or ""))
    else:
        cases = [_BASH_CASE.format(name=name, words=" ".join(_words(parser))) for name, parser in parsers.items()]
        text = _BASH.format(**paths, commands=" ".join(parsers), cases="\n".join(cases))
        if options.shell == "zsh":  # zsh reads bash's completions
            text = f"autoload -Uz bashcompinit && bashcompinit\n{text}"
    print(text, end="")
    return 0


def _words(parser: argparse.ArgumentParser) -> list[str]:
    """Options and fixed choices of one command."""
    found = []
    for action in parser._actions:
        found += [option for option in action.option_strings if option.startswith("--")]
        found += [str(choice) for choice in action.choices or ()]
    return found
