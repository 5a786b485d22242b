"""What the app's schema lets an answer say: gold that no model may state would be noise to learn from.

Knows schemas of `app.prompts`; knows no journals. In: a call.  Out: what may be said in it.
"""

from datetime import date
from typing import Any

from app.llm.foregone import ChoiceError, foregone_answer
from app.prompts.library import PromptCall


def is_foregone(call: PromptCall | None) -> bool:
    """Whether the app would not ask, since only one answer is possible."""
    assert call is not None
    try:
        foregone_answer(call.schema)
    except ChoiceError:
        return False
    return True


def choices(offered: dict[str, Any]) -> list[str]:
    """The names a sentence's list may hold."""
    return offered_in(offered["items"]["properties"]["name"])


def offered_in(choice: dict[str, Any]) -> list[str]:
    """What a field may be: one of several, or one alone."""
    return choice["enum"] if "enum" in choice else [choice["const"]]


def dates_allowed(call: PromptCall, found: list[dict[str, Any]]) -> bool:
    """Whether the call lists every date of these facts."""
    text = call.messages[1]["content"]
    return all(
        day is None or (day in text and date.fromisoformat(day))
        for item in found
        for day in (item["valid_at"], item["invalid_at"])
    )


def sayable(schema: dict[str, Any], line: str) -> set[tuple[str, str, str]]:
    """Source, target and relation of every fact that a sentence may state."""
    kind = schema["properties"]["edges"]["properties"][line]["items"]["$ref"].rpartition("/")[2]
    said = (option["properties"] for option in schema["$defs"][kind]["anyOf"])
    return {
        (option["source"]["const"], target, relation)
        for option in said
        for target in offered_in(option["target"])
        for relation in offered_in(option["relation"])
    }
