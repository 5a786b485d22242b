"""Write figures down: the model card, docs/figures.json and its quotation in docs/measurements.md, all at once.

Knows Markdown and git; measures nothing. In: Figures and costs.  Out: a report, and the three files made of it.
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from training.encoding import MAX_EXAMPLE_TOKENS

ROOT = Path(__file__).parent.parent
FIGURES = ROOT / "docs" / "figures.json"
MEASUREMENTS = ROOT / "docs" / "measurements.md"
BEGIN, END = "<!-- of docs/figures.json: python -m training.evaluate --card -->", "<!-- end of figures -->"

Report = dict[str, Any]  # Any: JSON


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured. `text` is the value for a person; `bar` is what the project asks of it, if it does."""

    where: str
    what: str
    value: float
    text: str
    of: str
    bar: float | None = None

    def row(self) -> str:
        """A line of the table."""
        bar = "" if self.bar is None else f"{self.bar:.2f}, {'met' if self.value >= self.bar else 'not met'}"
        return f"| {self.where} | {self.what} | {self.text} | {self.of} | {bar} |"


def report(
    model: Path, fingerprint: str, arithmetic: str, figures: list[Figure], costs: list[dict[str, Any]]
) -> Report:
    """All that was measured of one model, with where, when and on what; arithmetic: "float32, mkl"."""
    return {
        "model": model.name,
        "fingerprint": fingerprint,
        "commit": _commit(),
        "date": date.today().isoformat(),
        "machine": f"{_machine()}, {arithmetic}",
        "figures": [asdict(figure) for figure in figures],
        "costs": costs,
    }


def figure_table(found: Report) -> str:
    """The figures as Markdown."""
    rows = [Figure(**figure).row() for figure in found["figures"]]
    return "\n".join(["| on | what | figure | of | bar |", "|---|---|---|---|---|", *rows])


def cost_table(found: Report) -> str:
    """The costs as Markdown, a line a task."""
    heads = ("calls", "unanswered", "prompt_tokens", "cached_tokens", "answer_tokens", "forward_passes", "seconds")
    lines = ["| task | " + " | ".join(heads).replace("_", " ") + " |", "|---" * (len(heads) + 1) + "|"]
    lines += [
        f"| {cost['task']} | " + " | ".join(f"{cost[head]:,}" for head in heads) + " |" for cost in found["costs"]
    ]
    return "\n".join(lines)


def section(found: Report) -> str:
    """What docs/measurements.md says of it, between its two marks."""
    return f"""{BEGIN}
Model `{found["model"]}`, fingerprint `{found["fingerprint"][:16]}`, commit {found["commit"]}, {found["date"]}, on
{found["machine"]}.

{figure_table(found)}

{cost_table(found)}
{END}"""


def write(found: Report, model: Path) -> None:
    """The card into the model's folder, the report and its quotation into docs."""
    (model / "README.md").write_text(card(found, model), encoding="utf-8")
    FIGURES.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    before, _, rest = MEASUREMENTS.read_text(encoding="utf-8").partition(BEGIN)
    MEASUREMENTS.write_text(before + section(found) + rest.partition(END)[2], encoding="utf-8")


def card(found: Report, model: Path) -> str:
    """The model card: what it is, how made, how good, and what it cannot do."""
    origin = json.loads((model / "origin.json").read_text(encoding="utf-8"))
    shape = json.loads((model / "config.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest()
    return f"""# {found["model"]}

A language model of {origin["weights"]:,} weights (Qwen3 architecture, {shape["num_hidden_layers"]} layers of
{shape["hidden_size"]}, {shape["vocab_size"]:,} tokens, bf16) that does one thing: it answers Daybook's own prompts
about a journal entry. It was trained from nothing on invented journals, so that the first run works offline and every
test runs a model that really extracts. **It is for first steps and for tests**; for real journals name a bigger model:
`python load_journals.py --model mlx-community/Qwen3-4B-4bit`.

## How it was made

`training/` writes invented diaries with every name, fact, date and contradiction labelled, renders them through the
app's own prompts and trains on the answers ([training/README.md](../../training/README.md)):
{origin["training_tokens"]:,} tokens, {origin["training_steps"]:,} steps, {origin["training_minutes"]} minutes.

## Figures

Measured {found["date"]} at commit {found["commit"]} with `python -m training.evaluate --card`, on
{found["machine"]}.
Made journals have seeds, names and sentence forms that training never saw; the other texts were written by people and
it was not trained on them. A bar is what the project asks of the model.

{figure_table(found)}

## Limits

{_bars(found)}

And whatever the figures are:

- It has read only invented diaries. What it makes of entries that people wrote is in the rows of hand-written entries
  and public sets; "end to end" is what a load of a real journal is like.
- It copies names as they stand and knows nothing of the world: it cannot tell a town from a surname by knowing it.
- It has learnt entries of at most 220 tokens (longer ones are cut) and calls of at most {MAX_EXAMPLE_TOKENS:,} beside
  their rules.
- English, some German and French; other languages and scripts it has never seen.
- An answer always has the right shape, whatever the entry says: shape is no sign of truth.

## Facts

| | |
|---|---|
| prompts it was trained on | `{origin["prompts"]}`; stale if `app.prompts.fingerprint` differs |
| sha256 of model.safetensors | `{digest}` |
| licence | Apache-2.0; no text of anybody's was used |
"""


def _bars(found: Report) -> str:
    """Which of the bars are not met, by name."""
    asked = [figure for figure in (Figure(**f) for f in found["figures"]) if figure.bar is not None]
    missed = [f"- {f.what} ({f.where}): {f.value:.2f} of {f.bar:.2f}" for f in asked if f.bar and f.value < f.bar]
    if not missed:
        return f"All {len(asked)} bars are met."
    return "\n".join([f"Of {len(asked)} bars {len(missed)} are not met:", "", *missed])


def _commit() -> str:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _machine() -> str:
    """Cores, processor, memory, system, Python and how busy it was, as the system tells them."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = platform.freedesktop_os_release()["PRETTY_NAME"] if sys.platform == "linux" else platform.platform()
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, {system}, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def _processor() -> str:
    """Its name where Linux has one, else its architecture."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{platform.machine()}, {names[0]}" if names else platform.machine()
