"""Fit a conversation to a chat template: templates differ in which roles and which order they take, and in tools.

Knows templates by their text; knows no dialect. In: turns and functions.  Out: the same as this template takes them.
"""

from collections.abc import Sequence
from typing import Any

from app.llm.functions import Function, FunctionCall
from app.llm.request import Turn
from app.llm.tool_calls import OPEN, described, tool_rules, write_calls


def assistant_turn(text: str, calls: Sequence[FunctionCall]) -> Turn:
    """What the assistant said, and called."""
    made = [{"type": "function", "function": {"name": c.name, "arguments": c.arguments}} for c in calls]
    return Turn("assistant", text, {"tool_calls": made} if made else {})


def tool_turn(text: str) -> Turn:
    """What a tool answered."""
    return Turn("tool", text)


def fit(turns: Sequence[Turn], functions: Sequence[Function], template: str) -> tuple[list[Turn], list[dict[str, Any]]]:
    """The turns, and the tools that the template itself shows to the model.

    A template that writes calls as we read them gets everything in its own terms; any other one gets plain texts.
    """
    knows_calls = OPEN in template and "tool_calls" in template
    fitted = [turn if knows_calls else _in_words(turn) for turn in turns]
    if functions and not knows_calls:
        fitted = [Turn("system", tool_rules(functions)), *fitted]
    return _in_order(fitted), [described(function) for function in functions] if knows_calls else []


def _in_words(turn: Turn) -> Turn:
    if turn.role == "tool":
        return Turn("user", f"<tool_response>\n{turn.content}\n</tool_response>")
    calls = [
        FunctionCall(call["function"]["name"], call["function"]["arguments"])
        for call in turn.extra.get("tool_calls", ())
    ]
    return Turn(turn.role, "\n".join(filter(None, [turn.content, write_calls(calls)]))) if calls else turn


def _in_order(turns: Sequence[Turn]) -> list[Turn]:
    """One system message, at the beginning; no two of a role in a row. What a program says later, a user says."""
    ordered: list[Turn] = []
    for turn in turns:
        last = ordered[-1] if ordered else None
        role = "user" if turn.role == "system" and last is not None and last.role != "system" else turn.role
        if last is not None and last.role == role and role != "tool" and not (last.extra or turn.extra):
            ordered[-1] = Turn(role, "\n\n".join(filter(None, [last.content, turn.content])))
        else:
            ordered.append(Turn(role, turn.content, turn.extra))
    return ordered
