"""What the gate asks of a server."""

from typing import Any, Literal

from pydantic import BaseModel, Field

MODEL = "tiny"
HI: list[Any] = [{"role": "user", "content": "Who went to Ghent?"}]
LONG: list[Any] = [{"role": "user", "content": "Marie went to Ghent. " * 8000}]


class Person(BaseModel):
    name: str = Field(max_length=12)
    kind: Literal["Person", "Place"]
    age: int | None = None


class People(BaseModel):
    people: list[Person] = Field(max_length=2)
