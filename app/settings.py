"""Every setting of Daybook: name as exported, unit, bounds, and why this default.

Read only at the doors (pipeline, server, CLI) and passed on as plain values; the rooms know no settings.
In: environment variables.  Out: `settings`, checked when it is first used.
"""

import os
import sys
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.errors import BadInput

ROOT = Path(__file__).parent.parent
BUNDLED_MODEL = ROOT / "models" / "daybook-nano"
BUNDLED_EMBEDDER = ROOT / "models" / "daybook-nano-embed"


def default_home() -> Path:
    """A private folder of the user's, where the platform keeps such things."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "daybook"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "daybook"


class Settings(BaseSettings):
    """Environment variables of the same names; a value out of bounds stops the start and names itself."""

    model_config = SettingsConfigDict(env_prefix="", extra="ignore", frozen=True)

    # A folder, or a hub name such as mlx-community/Qwen3-4B-4bit; the bundled model is for first steps and tests.
    MLX_MODEL_NAME: str = str(BUNDLED_MODEL)
    MLX_EMBEDDER_NAME: str = str(BUNDLED_EMBEDDER)
    # Components kept of a vector (Matryoshka); 256 keeps nearly all of the quality at a quarter of the size.
    MLX_EMBEDDING_DIM: int = Field(default=256, ge=32, le=4096)
    # Tokens of one slice of an entry. Extraction is sharpest on a page or so; the bundled model has learnt less.
    MLX_CHUNK_TOKENS: int | None = Field(default=None, ge=64, le=32_768)
    # Tokens of one answer; a page of facts needs about a thousand.
    MLX_MAX_OUTPUT_TOKENS: int = Field(default=4096, ge=64, le=32_768)

    # Compiled programs of `python -m app optimise`; they quote the journal. None: the folder `prompts` of the home.
    MLX_PROMPTS_DIR: Path | None = None

    DAYBOOK_HOME: Path = Field(default_factory=default_home)  # all state; created with mode 0700
    DAYBOOK_GROUP: str = Field(default="journal", pattern=r"^[A-Za-z0-9_-]{1,64}$")  # one person's graph
    DAYBOOK_OWNER: str = Field(default="The writer", min_length=1, max_length=80)  # who "I" is


def read_settings(**given: Any) -> Settings:
    """The settings with some of them given instead of exported. raises BadInput naming the first that is refused"""
    try:
        return Settings(**given)
    except ValidationError as error:
        problem = error.errors()[0]
        name, value = ".".join(map(str, problem["loc"])), str(problem["input"])
        raise BadInput(f"{name} is {value!r}: {problem['msg'][0].lower()}{problem['msg'][1:]}") from None


settings = read_settings()
