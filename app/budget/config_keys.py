"""Read a config.json whose keys differ from family to family; what is missing is named beside what is there.

Knows that configs nest and that key names vary; knows no family.
In: a config.  Out: numbers, or UnknownShape with the keys that were found.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.errors import UnknownShape


def flattened(config: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of the text model, whatever wraps it; a vision model nests them."""
    flat = dict(config)
    for nested in ("text_config", "llm_config", "language_config"):
        inner = config.get(nested)
        if isinstance(inner, Mapping):
            flat |= {key: value for key, value in inner.items() if value is not None or key not in flat}
    return flat


def first_of(config: Mapping[str, Any], names: Sequence[str]) -> int | None:
    """The first of these keys that holds a number."""
    found = (config.get(name) for name in names)
    return next((int(value) for value in found if isinstance(value, int | float) and not isinstance(value, bool)), None)


def needed(config: Mapping[str, Any], *names: str) -> int:
    """As `first_of`; raises UnknownShape naming what was looked for and what is there."""
    value = first_of(config, names)
    if value is None:
        raise unknown(config, f"none of {', '.join(names)}")
    return value


def unknown(config: Mapping[str, Any], problem: str) -> UnknownShape:
    """An error that lists the keys found, so that a family can be added from it."""
    keys = ", ".join(sorted(key for key in config if not isinstance(config[key], dict))) or "none"
    return UnknownShape(
        f"the cache of model type {config.get('model_type', '?')!r} is not known: {problem}; keys found: {keys}",
        hint="load the model, so that its live cache can be probed: python -m app onboard MODEL",
    )
