"""Output types that people give DSPy, and the programs made of them: what must always parse.

Knows DSPy and pydantic; knows no model. In: nothing.  Out: programs by name, each with its inputs.
"""

import enum
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import dspy
from pydantic import BaseModel, Field, HttpUrl


class Mood(enum.Enum):
    """An enumeration."""

    CALM = "calm"
    GLAD = "glad"


class Place(BaseModel):
    """A nested model with a range, a pattern and a map."""

    name: str = Field(min_length=1, max_length=20)
    latitude: float = Field(ge=-90, le=90)
    code: str = Field(pattern="^[A-Z]{2}[0-9]$")
    visits: dict[str, int]


class Walk(BaseModel):
    """Models in models, with a date, an enumeration and an optional field."""

    day: date
    mood: Mood
    places: list[Place] = Field(min_length=1, max_length=3)
    note: str | None


class Family(BaseModel):
    """A model that holds itself."""

    name: str
    children: "list[Family]"


class Cat(BaseModel):
    """One side of a union."""

    kind: Literal["cat"]
    lives: int = Field(ge=1, le=9)


class Dog(BaseModel):
    """The other side."""

    kind: Literal["dog"]
    tricks: list[str]


TYPES: dict[str, Any] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "list": list[str],
    "literal": Literal["yes", "no", "perhaps"],
    "enum": Mood,
    "optional": int | None,
    "range of int": Annotated[int, Field(ge=3, le=17)],
    "range of float": Annotated[float, Field(ge=0, le=1)],
    "length": Annotated[str, Field(min_length=2, max_length=5)],
    "items": Annotated[list[int], Field(min_length=2, max_length=3)],
    "date": date,
    "datetime": datetime,
    "time": time,
    "timedelta": timedelta,
    "decimal": Decimal,
    "decimal in a range": Annotated[Decimal, Field(ge=0, le=10, decimal_places=2)],
    "url": HttpUrl,
    "uuid": UUID,
    "tuple": tuple[int, str],
    "set": set[Literal["a", "b", "c"]],
    "map": dict[str, int],
    "map of lists": dict[str, list[float]],
    "map of anything": dict[str, Any],
    "anything": Any,
    "nested": Walk,
    "list of nested": list[Place],
    "recursive": Family,
    "union": Annotated[Cat | Dog, Field(discriminator="kind")],
}


def search(query: str, count: int) -> str:
    """Search the graph."""
    return f"nothing for {query[:8]} in {count}"


def programs() -> Iterator[tuple[str, dspy.Module, dict[str, Any]]]:
    """(name, program, inputs) of everything that must parse."""
    for name, kind in TYPES.items():
        yield name, dspy.Predict(_signature(kind)), {"question": "What of it?"}
    yield "ChainOfThought", dspy.ChainOfThought(_signature(Walk)), {"question": "Where to?"}
    yield "ReAct", dspy.ReAct("question -> answer: int", tools=[search], max_iters=3), {"question": "How many?"}
    tools = {"question": "Look it up.", "tools": [dspy.Tool(search)]}
    yield "function calls", dspy.Predict(_calling()), tools


def _signature(kind: Any) -> type[dspy.Signature]:
    fields = {"question": (str, dspy.InputField()), "answer": (kind, dspy.OutputField())}
    made: type[dspy.Signature] = dspy.Signature(fields, "Answer the question.")
    return made


def _calling() -> type[dspy.Signature]:
    fields = {
        "question": (str, dspy.InputField()),
        "tools": (list[dspy.Tool], dspy.InputField()),
        "calls": (dspy.ToolCalls, dspy.OutputField()),
    }
    made: type[dspy.Signature] = dspy.Signature(fields, "Call what helps.")
    return made
