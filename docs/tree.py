"""The tree in the README, one line a file, from each file's own first line: `python docs/tree.py` prints it.

Knows Python's docstrings; writes nothing. In: the repository.  Out: text that tests/test_readme.py compares.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = [
    "app",
    "app/cli",
    "app/cli/commands",
    "app/pipeline",
    "app/journal",
    "app/budget",
    "app/llm",
    "app/llm/x86",
    "app/prompts",
    "app/ledger",
    "app/graph",
    "app/measure",
    "app/learn",
]
ROOMS += ["app/graph/drivers", "app/view", "app/export", "app/server", "training", "training/made", "training/embed"]
ROOMS += ["benchmarks", "examples"]
DOORS = ["load_journals.py", "test_qwen_config.py"]
WIDTH = 120


def tree() -> str:
    """Doors first, then the rooms in the order in which a journal passes them, then what is no code."""
    lines = [_line(name, _first_line(ROOT / name)) for name in DOORS]
    for room in ROOMS:
        lines.append(_line(f"{room}/", _first_line(ROOT / room / "__init__.py")))
        files = sorted(path for path in (ROOT / room).glob("*.py") if path.name != "__init__.py")
        lines += [_line(f"  {path.name}", _first_line(path)) for path in files]
    lines += [
        _line("tests/", "one folder a room; every test states a law in one sentence"),
        _line("models/", "daybook-nano and its embedder, with their cards and checksums"),
        _line("data/journals/", "an invented diary in four formats"),
        _line("docs/", "architecture.md, measurements.md, and the pictures above"),
    ]
    return "\n".join(lines)


def _line(name: str, says: str) -> str:
    line = f"{name:<22} {says}"
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1].rstrip()}…"


def _first_line(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.split("\n", 1)[0].rstrip(".")


if __name__ == "__main__":
    print(tree())
