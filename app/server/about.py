"""What the server says of itself: its models, the limit of this moment, what it can do.

Knows the engine's limit and both dialects' names for it; touches no device. In: a desk.  Out: JSON.
"""

from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from app.budget.limit import Limit
from app.server.desk import Desk

BORN = datetime(2026, 11, 21, tzinfo=UTC)  # clients want a date; a folder's age says nothing


def models_body(desk: Desk, embedder: str, dim: int) -> dict[str, Any]:
    """One list for OpenAI's SDK and for Anthropic's."""
    models = [generator(desk), _embedder(embedder, dim)]
    return {
        "object": "list",
        "data": models,
        "has_more": False,
        "first_id": models[0]["id"],
        "last_id": models[-1]["id"],
    }


def generator(desk: Desk) -> dict[str, Any]:
    """The model that answers, under every name by which a client may look for its limit."""
    limit = desk.limit()
    return {
        **_named(desk.engine.loaded.name),
        "limit": limit_body(limit),
        "context_length": limit.context,
        "max_context_length": limit.context,
        "max_model_len": limit.context,
        "max_input_tokens": limit.input,
        "max_tokens": limit.output,
    }


def _embedder(name: str, dim: int) -> dict[str, Any]:
    return {**_named(name), "dimensions": dim}


def limit_body(limit: Limit) -> dict[str, Any]:
    """Tokens; `binding` says what decides."""
    return {"context": limit.context, "input": limit.input, "output": limit.output, "binding": limit.binding}


def _named(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": int(BORN.timestamp()),
        "owned_by": "daybook",
        "type": "model",
        "display_name": name,
        "created_at": BORN.isoformat().replace("+00:00", "Z"),
        "lifecycle": "active",
    }


def discovery_body(desk: Desk, embedder: str, dim: int, *, has_keys: bool, can_write: bool) -> dict[str, Any]:
    """All that a client needs to configure itself."""
    limit = desk.limit()
    return {
        "name": "daybook",
        "version": program_version(),
        "models": {"chat": desk.engine.loaded.name, "embeddings": embedder},
        "limit": limit_body(limit),
        "ceilings": {
            "model": limit.model_ceiling,
            "setting": limit.setting_ceiling,
            "memory": limit.memory_ceiling,
            "time": limit.time_ceiling,
        },
        "embeddings": {"dimensions": dim},
        "endpoints": {
            "openai": ["/v1/chat/completions", "/v1/embeddings", "/v1/models"],
            "anthropic": ["/v1/messages", "/v1/messages/count_tokens", "/v1/models"],
            "mcp": "/mcp",
            "health": "/health",
            "metrics": "/metrics",
        },
        "structured_output": ["json_schema", "json_object"],
        "tools": True,
        "streaming": True,
        "thinking": False,
        "queue": {"taken": desk.taken, "places": desk.places},
        "needs_key": has_keys,
        "mcp_writes": can_write,
    }


def program_version() -> str:
    """Of the installed package; a checkout that was not installed has none."""
    try:
        return version("daybook")
    except PackageNotFoundError:
        return "0"
