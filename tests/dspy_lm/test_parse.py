"""Whatever a DSPy program asks for parses, from a model that obeys nothing but the grammar."""

from typing import Any

import dspy
import pytest

from app.dspy_lm import JSONAdapter, mlx_lm
from app.llm.engine import Engine
from benchmarks.dspy_shapes import programs

EVERYTHING = list(programs())
DRAWS = 2  # fifty of each: python -m benchmarks.dspy_lm


@pytest.mark.parametrize(("name", "program", "inputs"), EVERYTHING, ids=[name for name, _, _ in EVERYTHING])
def test_every_answer_parses(short_engine: Engine, name: str, program: dspy.Module, inputs: dict[str, Any]) -> None:
    """Drawn at random within the grammar, every type of output is one that pydantic takes."""
    for seed in range(DRAWS):
        lm = mlx_lm(short_engine, temperature=1.0, seed=seed, num_retries=0)
        with dspy.context(lm=lm, adapter=JSONAdapter()):
            assert program(**inputs) is not None, name
