"""What a run did as it went: a sample after every chunk, kept in the home for the run's report page.

Knows clocks, memory and the counts it is told; keeps no word of a journal. In: samples.  Out: a JSON file a run.
"""

import json
import resource
import sys
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from app.errors import BadInput, StorageFailed
from app.ledger.home import make_private_folder

RUNS = "runs"


@dataclass(frozen=True, slots=True)
class Sample:
    """Where a run stood, all counted from its start but for entities and facts, which are the graph's.

    seconds         since the first chunk was begun; model_seconds of them the model's
    replayed        calls that the ledger answered
    cached_tokens   of prompt_tokens, those whose KV was already there
    memory          bytes, the most this process held so far
    """

    seconds: float
    entries: int
    chunks: int
    calls: int
    replayed: int
    prompt_tokens: int
    cached_tokens: int
    answer_tokens: int
    model_seconds: float
    memory: int
    entities: int
    facts: int


@dataclass
class RunLog:
    """One run; `entries` is how many it set out to read."""

    model: str
    entries: int
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    samples: list[Sample] = field(default_factory=list)
    _clock: float = field(default_factory=time.monotonic, repr=False)

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return round(time.monotonic() - self._clock, 3)

    def seconds_of_chunks(self) -> list[float]:
        """What each chunk took, in order."""
        ends = [0.0, *(sample.seconds for sample in self.samples)]
        return [end - start for start, end in pairwise(ends)]

    def write(self, home: Path) -> None:
        """Keep the run beside the graph; one that read nothing leaves nothing."""
        if not self.samples:
            return
        folder = home / RUNS
        make_private_folder(folder)
        told = {"model": self.model, "entries": self.entries, "started": self.started}
        text = json.dumps({**told, "samples": [asdict(sample) for sample in self.samples]})
        file = folder / f"{self.started.replace(':', '').replace('+0000', 'Z')}.json"
        file.write_text(text, encoding="utf-8")
        file.chmod(0o600)


def read_run(home: Path, back: int = 1) -> RunLog:
    """The last run of a home, or an earlier one: 2 is the one before it.

    raises   BadInput if there is none; StorageFailed for a damaged file
    """
    files = sorted((home / RUNS).glob("*.json")) if (home / RUNS).is_dir() else []
    if len(files) < back:
        hint = f"1 (the last) to {len(files)} are allowed" if files else "read journals first: python load_journals.py"
        raise BadInput(f"{home} remembers {len(files) or 'no'} run{'s' * (len(files) != 1)}, not run {back}", hint=hint)
    try:
        told = json.loads(files[-back].read_text(encoding="utf-8"))
        return RunLog(told["model"], told["entries"], told["started"], [Sample(**sample) for sample in told["samples"]])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageFailed(f"{files[-back]} is damaged ({type(error).__name__})", hint="delete it") from None


def peak_memory() -> int:
    """Bytes; the kernel tells kilobytes on Linux and bytes on macOS."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
