"""Check a request's body against a dialect's model: unknown names and wrong types are told, nothing is passed over.

Knows pydantic; knows no dialect. In: JSON and a model class.  Out: the model, or a refusal that names the field.
"""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from app.server.refusals import Invalid, Unsupported

M = TypeVar("M", bound="Body")


class Body(BaseModel):
    """A part of a request; a name that is not declared is refused, because it would be ignored."""

    model_config = ConfigDict(extra="forbid", strict=True)


def parse(model: type[M], body: dict[str, Any]) -> M:
    """raises Unsupported for an unknown name, Invalid for a value; null is the same as absent"""
    present = {name: value for name, value in body.items() if value is not None}
    try:
        return model.model_validate(present)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        # Of a union every member complains; the complaint that got farthest is about what was meant.
        first = max(problems, key=lambda problem: len(problem["loc"]))
        place = ".".join(str(step) for step in first["loc"] if _is_step(step))
        if first["type"] == "extra_forbidden":
            raise Unsupported(place, f"{place} is not supported", hint="leave it out") from None
        raise Invalid(place, f"{place}: {first['msg'][0].lower()}{first['msg'][1:]}") from None


def _is_step(step: int | str) -> bool:
    """Names of members of unions stand among the steps; they are no part of the body."""
    return isinstance(step, int) or not (step[:1].isupper() or "[" in step or step in ("str", "int", "float"))


def only(name: str, value: object, *allowed: object, hint: str = "leave it out") -> None:
    """Accept what says nothing new.  raises Unsupported"""
    if value is not None and value not in allowed:
        raise Unsupported(name, f"{name} is {str(value)[:40]!r}, which is not supported", hint=hint)
