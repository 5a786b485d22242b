"""Every setting of Daybook: name as exported, unit, bounds, and why this default.

Read only at the doors (pipeline, server, CLI) and passed on as plain values; the rooms know no settings.
In: environment variables.  Out: `settings`, checked when it is first used.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.budget.reading import PRESETS, Preset, Reading
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
    # Tokens of one answer; a page of facts needs about a thousand. So many are reserved of the context, but never more
    # than a quarter of it.
    MLX_MAX_OUTPUT_TOKENS: int = Field(default=4096, ge=64, le=32_768)

    # Compiled programs of `python -m app optimise`; they quote the journal. None: the folder `prompts` of the home.
    MLX_PROMPTS_DIR: Path | None = None
    # Tokens of prompt and answer together: "conservative" 8,192, "balanced" 16,384, "maximum" all that model, memory
    # and time allow. The limit is computed anyway, so the default forbids nothing.
    MLX_CONTEXT_PRESET: Preset = "maximum"
    # Tokens, a ceiling of your own below the preset's; None: no opinion.
    MLX_MAX_CONTEXT_TOKENS: int | None = Field(default=None, ge=1024, le=1_048_576)
    # Seconds a prompt may take to be read; who waits for longer thinks that it hangs.
    MLX_PREFILL_SECONDS: float = Field(default=900.0, ge=1.0, le=86_400.0)
    # Tokens read in one pass. More is a little faster on a GPU; a caller who gives up waits for one pass.
    MLX_PREFILL_STEP_SIZE: Annotated[Literal[64, 128, 256, 512, 1024, 2048, 4096], BeforeValidator(int)] = 512
    # Bytes of KV kept in memory, so that rules and long beginnings are read once; given up when a prompt needs room.
    MLX_PREFIX_BYTES: int = Field(default=2**30, ge=0, le=2**40)
    # Bytes of KV kept in the home, so that a new run need not read its rules again; 0: none. The rules, never the
    # journal: only examples in compiled programs quote it, and `forget` deletes those too.
    MLX_KV_DISK_BYTES: int = Field(default=2**32, ge=0, le=2**44)
    # Bits of a cached value; None: 16, or 32 on a CPU. 4 bits were seen to blur long texts: measure before lowering.
    MLX_KV_BITS: Annotated[Literal[4, 8], BeforeValidator(int)] | None = None
    # Values that share a scale and a bias; must divide the model's head size. 64 costs half a bit a value.
    MLX_KV_GROUP_SIZE: Annotated[Literal[32, 64, 128], BeforeValidator(int)] = 64
    # Tokens of a prompt from which MLX_KV_BITS applies; a short prompt needs no room and stays exact.
    MLX_QUANTIZED_KV_START: int = Field(default=5000, ge=0, le=1_048_576)
    # Factor by which YaRN stretches the positions a model was trained for; None: as trained. Changes every answer.
    MLX_ROPE_FACTOR: float | None = Field(default=None, ge=1.0, le=64.0)
    # Positions to believe instead of the config's max_position_embeddings; None: believe the config. Beyond what a
    # model was trained for its answers silently get worse.
    MLX_MAX_POSITION_EMBEDDINGS: int | None = Field(default=None, ge=64, le=1_048_576)

    DAYBOOK_HOME: Path = Field(default_factory=default_home)  # all state; created with mode 0700
    # One person's graph.
    DAYBOOK_GROUP: str = Field(
        default="journal", pattern=r"^[A-Za-z0-9_-]{1,64}$", description="1 to 64 of A-Z, a-z, 0-9, - and _"
    )
    # Who "I" is.
    DAYBOOK_OWNER: str = Field(
        default="The writer", pattern=r"\S", max_length=80, description='a name, "Anna Keller", of up to 80 characters'
    )

    # Keys of the server, several with commas; they belong into the environment, never among a command's arguments.
    DAYBOOK_API_KEYS: SecretStr = SecretStr("")
    # Of the graph server of `rebuild --into ADDRESS`, where the address has none: arguments are seen by every process.
    DAYBOOK_GRAPH_PASSWORD: SecretStr = SecretStr("")

    @property
    def max_context_tokens(self) -> int | None:
        """The lower of preset and own ceiling; None: no opinion."""
        given = [PRESETS[self.MLX_CONTEXT_PRESET], self.MLX_MAX_CONTEXT_TOKENS]
        return min((tokens for tokens in given if tokens is not None), default=None)

    @property
    def reading(self) -> Reading:
        """How prompts are read and kept."""
        return Reading(
            step=self.MLX_PREFILL_STEP_SIZE,
            kv_bits=self.MLX_KV_BITS,
            kv_group_size=self.MLX_KV_GROUP_SIZE,
            quantized_kv_start=self.MLX_QUANTIZED_KV_START,
            rope_factor=self.MLX_ROPE_FACTOR,
            max_positions=self.MLX_MAX_POSITION_EMBEDDINGS,
        )


def read_settings(**given: Any) -> Settings:
    """The settings with some of them given instead of exported. raises BadInput naming the first that is refused"""
    try:
        return Settings(**given)
    except ValidationError as error:
        problem = error.errors()[0]
        name, value = ".".join(map(str, problem["loc"])), str(problem["input"])
        field = Settings.model_fields.get(name)
        allowed = field.description if field else None
        said = "" if allowed else f": {problem['msg'][0].lower()}{problem['msg'][1:]}"
        hint = f"allowed: {allowed}" if allowed else f"export another value, or unset {name}"
        raise BadInput(f"{name} is {value!r}{said}", hint=hint) from None


settings = read_settings()
