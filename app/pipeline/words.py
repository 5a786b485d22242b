"""Say a forecast in words.

Knows the planner's figures; wakes nothing. In: a Forecast, or seconds.  Out: a line for a person.
"""

from app.budget.planner import Forecast


def in_words(told: Forecast) -> str:
    """One line: calls, tokens, time with its interval, memory."""
    memory = f"; up to {told.peak_bytes / 1e9:.1f} GB of memory" if told.peak_bytes else ""
    return (
        f"{told.calls:,} calls, {told.prompt_tokens:,} tokens to read and {told.answer_tokens:,} to write; "
        f"{spell(told.seconds)}, between {spell(told.low)} and {spell(told.high)}{memory}"
    )


def spell(seconds: float) -> str:
    """37 s, 12 min, 3 h 20 min."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
