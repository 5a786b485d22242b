"""Your own signature on the local model: `python examples/extract_with_your_own_signature.py`.

Whatever types you declare, the answer parses: the grammar allows nothing else.
"""

import sys
from pathlib import Path
from typing import Literal

import dspy
from pydantic import BaseModel, Field

sys.path.insert(0, str(Path(__file__).parent.parent))

from app.dspy_lm import JSONAdapter, mlx_lm


class Meal(BaseModel):
    """What was eaten, and with whom."""

    dish: str = Field(max_length=30)
    company: list[str] = Field(max_length=3)
    mood: Literal["glad", "calm", "low"]
    price: float = Field(ge=0, le=500)


class FindMeals(dspy.Signature):  # type: ignore[misc]
    """List the meals of a diary entry."""

    entry: str = dspy.InputField()
    meals: list[Meal] = dspy.OutputField()


def main(entry: str = "Soup with Nora at noon, then nothing until Dad's fish pie.") -> list[Meal]:
    """The meals of one entry."""
    with dspy.context(lm=mlx_lm(), adapter=JSONAdapter()):
        meals: list[Meal] = dspy.Predict(FindMeals)(entry=entry).meals
    for meal in meals:
        print(f"{meal.dish} with {', '.join(meal.company) or 'nobody'}: {meal.mood}, {meal.price:.2f}")
    return meals


if __name__ == "__main__":
    main()
