"""The examples run as they stand, with the bundled model."""

import subprocess
import sys
from pathlib import Path

from app.learn.study import forecast
from app.llm.bounds import Bounds
from app.llm.engine import Engine
from app.llm.loader import load_generator
from app.settings import settings
from examples import ask_the_graph_with_an_agent, optimise_on_twenty_labels
from tests.pipeline.conftest import Bench, bench

__all__ = ["bench"]
EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, EXAMPLES / name], cwd=folder, capture_output=True, text=True, check=False)


def test_your_own_signature_runs_from_anywhere(tmp_path: Path) -> None:
    """The file runs as it stands, from any folder."""
    told = run("extract_with_your_own_signature.py", tmp_path)
    assert told.returncode == 0, told.stderr[-500:]


def test_a_prompt_learns_from_labels() -> None:
    """Twenty labels, and a verdict within the least budget."""
    outcome = optimise_on_twenty_labels.main()
    assert outcome.examples == 20
    assert outcome.after > outcome.before or not outcome.is_better
    assert 0 < outcome.calls <= forecast(20)


def test_the_agent_searches_a_loaded_home(bench: Bench) -> None:
    """A ReAct agent over the graph answers, whatever its model makes of it."""
    bench.load()
    brief = Engine(
        load_generator(settings.MLX_MODEL_NAME), bounds=Bounds(text_chars=100, entries=1, items=2)
    )  # nano rambles
    assert isinstance(ask_the_graph_with_an_agent.main("Where does Nadia work?", bench.home, brief), str)
