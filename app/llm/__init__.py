"""The only room that touches MLX: one thread, one lock, a model, an embedder."""

import app.llm.mkl  # noqa: F401  before any module of the room can bring mlx in, through whatever library


def __getattr__(name: str) -> object:
    # The one name importable from the room itself; lazily, so that importing the package wakes nothing.
    if name == "MLX_LOCK":
        from app.llm.lock import MLX_LOCK

        return MLX_LOCK
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
