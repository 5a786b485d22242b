"""The commands as a person meets them: manuals whose examples run, quick help, completion that knows them all."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import load_journals
from app import __main__ as daybook
from app.cli.catalogue import SHELVES, all_commands, parser_of

ROOT = Path(__file__).parent.parent
COMMANDS = [name for names in SHELVES.values() for name in names]
HEAVY = ("mlx", "graphiti_core", "dspy", "kuzu", "transformers", "numpy", "rich")


def test_every_command_is_in_the_list_and_has_a_file() -> None:
    """The list and the folder agree: nothing is forgotten, nothing is listed that is not there."""
    files = {path.stem for path in (ROOT / "app" / "cli" / "commands").glob("*.py")} - {"__init__"}
    assert {"import_" if name == "import" else name for name in COMMANDS} == files


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_of_a_manual_is_understood(name: str) -> None:
    """Each line of `examples:` that calls Daybook parses as it stands, so that it can be copied."""
    parser, _ = parser_of(all_commands())
    _, _, lines = (all_commands()[name].__doc__ or "").partition("examples:")
    calls = re.findall(r"python -m app ([^)\n|>]+)", lines)
    assert any(call.startswith(name) for call in calls)
    for call in calls:
        parser.parse_args(shlex.split(re.split(r"\s{2,}", call)[0]))
    for call in re.findall(r"python load_journals.py ([^\n]+)", lines):
        load_journals._parser().parse_args(shlex.split(call))


def test_help_wakes_nothing_heavy() -> None:
    """The list and every manual are printed without one of the libraries that take seconds."""
    script = (
        "import sys; from app.cli.catalogue import all_commands, parser_of;"
        " parser, each = parser_of(all_commands()); parser.format_help(); [one.format_help() for one in each.values()];"
        f" sys.exit(', '.join(name for name in {HEAVY} if name in sys.modules) or 0)"
    )
    told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")


def test_without_arguments_every_command_is_told_in_a_line() -> None:
    """`python -m app` alone is the manual's first page, and not an error."""
    told = subprocess.run([sys.executable, "-m", "app"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0
    assert [name for name in COMMANDS if not re.search(rf"^  {name} +\S", told.stdout, re.MULTILINE)] == []
    assert max(map(len, told.stdout.splitlines())) <= 120


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("timline", "there is no command 'timline' (did you mean timeline?"),
        ("frobnicate", "there is no command 'frobnicate' (see: python -m app --help)"),
        (
            "timeline --sinse 2020-01-01",
            "arguments: --sinse (did you mean --since? see: python -m app timeline --help)",
        ),
        ("status extra", "unrecognized arguments: extra (see: python -m app status --help)"),
        ("export docx", "FORMAT is 'docx', allowed are jsonld, graphml, csv, markdown, cypher (see:"),
        ("changes 01.02.2024", "'01.02.2024' is not a date; write it as YYYY-MM-DD (see:"),
        ("search x --limit 0", "'0' is not a number of 1 or more (see:"),
        ("serve --port 99999", "'99999' is not a port; 0 to 65535 are (see:"),
        ("search caf\udce9", "caf\\udce9 is not UTF-8 (see: python -m app search --help)"),
        ("ask ' '", "an argument is empty (see: python -m app ask --help)"),
        ("search ''", "an argument is empty (see: python -m app search --help)"),
        ("diff '' file", "an argument is empty (see: python -m app diff --help)"),
        ("rebuild --into ''", "--into is empty (see: python -m app rebuild --help)"),
        ("status --group=", "--group is empty (see: python -m app status --help)"),
        ("status --home ''", "--home is empty (see:"),
        ("show Anna --home nowhere", "nothing has been loaded into"),
        ("show Anna --home file", "file is a file, a home is a folder ("),
        ("diff nowhere file", "nowhere does not exist ("),
        ("diff file file", "file is not an export of Daybook ("),
        ("import nowhere --home new", "nowhere: No such file or directory ("),
        ("report --home nowhere", "remembers no runs, not run 1 ("),
        ("timeline --since 2024-02-01 --until 2024-01-01", "is later than --until 2024-01-01 ("),
        ("forget", "nothing was named to forget ("),
    ],
)
def test_what_cannot_be_used_is_one_line_with_a_hint(
    typed: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, nothing on stdout, what was wrong and, in brackets, what to do."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("no home, no export", encoding="utf-8")
    arguments = shlex.split(typed)
    try:
        code = daybook.main([*arguments, *(() if "--home" in arguments else ("--home", "nowhere"))])
    except SystemExit as left:
        code = int(left.code or 0)
    out, err = capsys.readouterr()
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith("daybook: ")
    assert told in err
    assert err.endswith(")\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


@pytest.mark.parametrize("door", [["load_journals.py", "nowhere"], ["-m", "app", "search", "Anna"]])
def test_a_python_without_the_packages_is_named(door: list[str], tmp_path: Path) -> None:
    """The system's own python, or an installation that was cut off: one line that names both and the way out."""
    env = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    typed = [sys.executable, "-S", *door]
    told = subprocess.run(typed, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout, len(told.stderr.splitlines())) == (2, "", 1)
    assert told.stderr.startswith(f"daybook: {sys.executable} lacks the package ")
    assert "make setup" in told.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_the_shell_reads(shell: str) -> None:
    """It names every command, and the shell, where there is one, finds no fault in it."""
    told = subprocess.run(
        [sys.executable, "-m", "app", "completion", shell], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert [name for name in COMMANDS if name not in told] == []
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=told, text=True, check=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")
def test_bash_completes_commands_and_options() -> None:
    """After `daybook ti` comes timeline, after `daybook timeline --s` comes --since."""
    script = 'eval "$("$0" -m app completion bash)"; COMP_CWORD=$1; shift; COMP_WORDS=("$@"); _daybook'
    script += '; echo "${COMPREPLY[*]}"'

    def completed(*words: str) -> str:
        call = ["bash", "-c", script, sys.executable, str(len(words) - 1), *words]
        return subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    assert completed("daybook", "ti") == "timeline"
    assert completed("daybook", "timeline", "--s") == "--since"
    assert completed("daybook", "export", "mark") == "markdown"
