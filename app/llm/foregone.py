"""The answer of a schema that allows one only: nobody needs to be asked for it.

Knows the closed schemas of one call; knows no model. In: a schema.  Out: the answer, or that there is a choice.
"""

from typing import Any


class ChoiceError(Exception):
    """The schema leaves something to say."""


def foregone_answer(schema: Any) -> Any:
    """The only value that the schema allows. What it does not plainly fix counts as a choice.

    raises  ChoiceError
    """
    match schema:
        case {"const": value} | {"enum": [value]}:
            return value
        case {"type": "null"}:
            return None
        case {"type": "object", "properties": fields, "required": required, "additionalProperties": False} if (
            fields.keys() == set(required)
        ):
            return {name: foregone_answer(field) for name, field in fields.items()}
        case {"type": "array", "maxItems": 0}:
            return []
        case {"type": "array", "prefixItems": items, "items": False, "minItems": least} if least == len(items):
            return [foregone_answer(item) for item in items]
        case _:
            raise ChoiceError
