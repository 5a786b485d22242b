"""The random-weight model of the llm room, which obeys nothing but the grammar."""

from tests.llm.conftest import short_engine, tiny, tiny_folder

__all__ = ["short_engine", "tiny", "tiny_folder"]
