"""The shape of the house, read from its own source: who may import whom, and how large a room may grow.

Knows Python's grammar and the table of layers; runs none of the code it reads.
In: the files of app/ and tests/.  Out: one failure a law, naming file and line.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAX_LINES = 320  # a room past this has a second noun in it

# From the ground up; rooms of one layer are strangers. A dotted name stands for itself before its package.
LAYERS: list[set[str]] = [
    {"errors", "journal.types", "picture"},
    {"journal", "budget"},
    {
        "llm",
        "prompts",
        "ledger",
        "graph",
        "measure",
        "settings",
    },  # settings beside the rooms, which therefore cannot read them
    {"view", "export"},  # they show pictures, and know no database
    {"dspy_wire"},
    {"dspy_lm", "learn"},
    {"pipeline"},
    {"server"},
    {"cli"},  # with every app/cli_*.py
    {"__main__", "load_journals", "test_qwen_config"},
]
ENTRY_POINTS = [ROOT / "load_journals.py", ROOT / "test_qwen_config.py"]

# Each heavy library and the only rooms or modules of app/ that may import it.
OWNERS: dict[str, set[str]] = {
    "mlx": {"llm"},
    "mlx_lm": {"llm"},
    "outlines": {"llm"},
    "llguidance": {"llm"},
    "transformers": {"llm"},
    "graphiti_core": {"graph", "prompts", "llm.client", "llm.embedder", "llm.reranker"},
    "dspy": {"prompts", "dspy_wire", "dspy_lm", "learn"},
    "kuzu": {"graph"},
    "starlette": {"server"},
    "uvicorn": {"server"},
    "mcp": {"server"},
}

APP_FILES = sorted((ROOT / "app").rglob("*.py"))
ALL_FILES = APP_FILES + [path for path in ENTRY_POINTS if path.exists()]
TEST_FILES = [*sorted((ROOT / "tests").rglob("test_*.py")), ROOT / "test_qwen_config.py"]


def module_name(path: Path) -> str:
    """Dotted name below app: `app/llm/lock.py` is "llm.lock", a package is its folder, an entry point its stem."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part not in ("app", "__init__"))


MODULES = {module_name(path) for path in ALL_FILES}


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def layer_of(module: str) -> tuple[int, str]:
    """(layer, room) of a module; the longest matching name of the table wins."""
    parts = ["cli", *module.split(".")[1:]] if module.startswith("cli") else module.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        for layer, rooms in enumerate(LAYERS):
            if name in rooms:
                return layer, name
    raise LookupError(f"app/{module.replace('.', '/')} has no place in LAYERS: put it into a room, or name the new one")


def imports_of(path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of everything imported anywhere in the file, also inside functions."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                yield node.lineno, ".".join([*base, alias.name])


def known_module(dotted: str) -> str | None:
    """The module of app/ behind an imported name ("" is app itself), or None for another library."""
    first, *rest = dotted.split(".")
    if first != "app":
        return first if first in MODULES and not rest else None
    while rest and ".".join(rest) not in MODULES:
        rest.pop()
    return ".".join(rest)


def offences(path: Path, tree: ast.Module) -> list[str]:
    """The upward and sideways imports of one file, as "line: name" texts."""
    module = module_name(path)
    own_layer, own_room = layer_of(module) if module else (0, "")
    found = []
    for line, dotted in imports_of(path, tree):
        target = known_module(dotted)
        if not target:
            continue
        layer, room = layer_of(target)
        if room != own_room and layer >= own_layer:
            found.append(f"{path.relative_to(ROOT)}:{line} {own_room or 'app'} must not import {room}")
    return found


def test_imports_only_go_down() -> None:
    """No module imports from its own layer's other rooms or from a layer above it."""
    assert [text for path in ALL_FILES for text in offences(path, tree_of(path))] == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("app/llm/x.py", "from app.prompts.library import anything"),
        ("app/llm/x.py", "from app.settings import settings"),
        ("app/graph/drivers/x.py", "def late():\n    from app.llm import client"),
        ("app/journal/types.py", "import app.journal.dates"),
        ("app/budget/x.py", "from ..journal import types, dates"),
        ("app/errors.py", "from app.journal.types import Entry"),
        ("app/pipeline.py", "import load_journals"),
    ],
)
def test_an_upward_or_sideways_import_is_seen(file: str, line: str) -> None:
    """The law above catches each shape in which a forbidden import can be written."""
    assert offences(ROOT / file, ast.parse(line))


def test_heavy_libraries_stay_with_their_owners() -> None:
    """mlx, graphiti, dspy, outlines and kuzu are imported only in the rooms that own them."""
    strays = []
    for path in APP_FILES:
        module = module_name(path)
        for line, dotted in imports_of(path, tree_of(path)):
            owners = OWNERS.get(dotted.split(".")[0])
            if owners is not None and not any(module == o or module.startswith(f"{o}.") for o in owners):
                strays.append(f"{path.relative_to(ROOT)}:{line} imports {dotted}")
    assert strays == []


def test_the_product_needs_no_workshop() -> None:
    """Nothing in app/ imports the tests, the training or the benchmarks."""
    workshop = {"tests", "training", "benchmarks", "torch", "pytest", "hypothesis"}
    strays = [
        f"{path.relative_to(ROOT)}:{line} imports {dotted}"
        for path in APP_FILES
        for line, dotted in imports_of(path, tree_of(path))
        if dotted.split(".")[0] in workshop
    ]
    assert strays == []


def test_no_file_outgrows_its_noun() -> None:
    """No file of app/ has more than MAX_LINES lines."""
    sizes = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in APP_FILES}
    assert {name: size for name, size in sizes.items() if size > MAX_LINES} == {}


def test_every_module_says_what_it_is() -> None:
    """Every module of app/ and every entry point opens with a docstring."""
    assert [str(path.relative_to(ROOT)) for path in ALL_FILES if not ast.get_docstring(tree_of(path))] == []


def test_every_test_states_its_law() -> None:
    """Every test function has a docstring."""
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in TEST_FILES
        if path.exists()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert silent == []
