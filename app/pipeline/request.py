"""What a door asks of a load, and what it is told.

Knows the settings; knows no room. In: what a person typed.  Out: values with every default filled in.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal, Protocol

from app.budget.planner import Forecast
from app.errors import BadInput
from app.settings import read_settings, settings

GRAPH_NAME = "graph.kuzu"
ENTRIES_NAME = "entries"  # in the home: what was told to Daybook itself, one Markdown file an entry; read by every load
MANIFEST_NAME = "offline.json"  # in the home: the manifest of the last run that was to prove it speaks to nobody
DateFrom = Literal["heading", "name", "mtime"]


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What a person asked for; None means: as the settings say.

    open_models  hands over models that are open already; None: the load opens its own
    raises  BadInput for a limit below 1, dates the wrong way round, or a group or owner the settings would refuse
    """

    paths: list[Path]
    model: str | None = None
    embedder: str | None = None
    home: Path | None = None
    group: str | None = None
    owner: str | None = None
    since: date | None = None
    until: date | None = None
    limit: int | None = None
    date_from: DateFrom = "heading"
    dry_run: bool = False
    retry: bool = False
    min_confidence: float | None = None
    open_models: Callable[[Any], Any] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise BadInput(f"--limit is {self.limit}, 1 or more is allowed", hint="leave it out to read everything")
        check_confidence(self.min_confidence)
        if self.since and self.until and self.since > self.until:
            raise BadInput(f"--since {self.since} is later than --until {self.until}", hint="exchange the two")
        given = {"DAYBOOK_GROUP": self.group, "DAYBOOK_OWNER": self.owner}
        read_settings(**{name: value for name, value in given.items() if value is not None})

    @property
    def model_name(self) -> str:
        return str(Path(self.model or settings.MLX_MODEL_NAME).expanduser())

    @property
    def embedder_name(self) -> str:
        return self.embedder or settings.MLX_EMBEDDER_NAME

    @property
    def group_name(self) -> str:
        return self.group or settings.DAYBOOK_GROUP

    @property
    def owner_name(self) -> str:
        return self.owner or settings.DAYBOOK_OWNER

    @property
    def home_folder(self) -> Path:
        return home_folder(self.home)


@dataclass(slots=True)
class LoadReport:
    """What a run read and did. Law: chunks_planned == done + empty + quarantined + waiting.

    entities, facts    of the whole graph, whatever this run added; zero for a dry run
    entries_new        texts never seen before; entries_changed of them took the place of an older text
    quarantined        the reason of every chunk of the group that was put aside
    model_calls        answered by the model in this run; replayed_calls were answered by the ledger instead
    prompt_tokens      of model_calls; for a dry run the tokens of the journal text
    chunk_tokens       of the longest chunk allowed; kv_bits those of a long prompt's cache, None: as computed
    forecast           made before the run started; forecast_error of the true seconds, +0.1: a tenth too much foretold
    forecast_missing   why a dry run has no forecast
    """

    files: int = 0
    refused: tuple[str, ...] = ()
    characters: int = 0
    entries: int = 0
    entries_new: int = 0
    entries_changed: int = 0
    chunks_planned: int = 0
    chunks_done: int = 0
    chunks_empty: int = 0
    chunks_quarantined: int = 0
    chunks_waiting: int = 0
    quarantined: tuple[str, ...] = ()
    entities: int = 0
    facts: int = 0
    facts_ended: int = 0
    model_calls: int = 0
    replayed_calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    answer_tokens: int = 0
    forward_passes: int = 0
    seconds: float = 0.0
    seconds_of_model: float = 0.0
    dry_run: bool = False
    chunk_tokens: int = 0
    kv_bits: int | None = None
    forecast: Forecast | None = None
    forecast_error: float | None = None
    forecast_missing: str = ""

    @property
    def exit_code(self) -> int:
        """2 if a file was put aside, 1 if a chunk was; 0 if all went in."""
        return 2 if self.refused else 1 if self.chunks_quarantined else 0


class Progress(Protocol):
    """What a door shows while a run works."""

    def say(self, line: str) -> None: ...
    def begin(self, entries: int) -> None: ...
    def advance(self, done: int, total: int, day: str) -> None: ...


def check_confidence(value: float | None) -> None:
    """raises BadInput for what is no probability; None: as `optimise` has learnt"""
    if value is not None and not 0 <= value <= 1:
        raise BadInput(f"--min-confidence is {value}, 0 to 1 is allowed", hint="0 keeps everything")


def prompts_folder(home: Path) -> Path:
    """Where compiled programs lie: MLX_PROMPTS_DIR, or in the home."""
    return settings.MLX_PROMPTS_DIR.expanduser() if settings.MLX_PROMPTS_DIR else home / "prompts"


def home_folder(home: Path | None) -> Path:
    """Where all state is kept."""
    return (home or settings.DAYBOOK_HOME).expanduser()
