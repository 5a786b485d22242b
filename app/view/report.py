"""The page of one run: how fast it read, what it found, what it cost. No script, no journal text, no network.

Knows samples by name; knows no database. In: a run.  Out: HTML as text.
"""

import base64
import hashlib
import html
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from app.view.plots import Points, duration, plot

_STYLES = ("base", "report")


class Sample(Protocol):
    """One moment of a run, in the pipeline's own words."""

    @property
    def seconds(self) -> float: ...
    @property
    def entries(self) -> int: ...
    @property
    def calls(self) -> int: ...
    @property
    def replayed(self) -> int: ...
    @property
    def prompt_tokens(self) -> int: ...
    @property
    def cached_tokens(self) -> int: ...
    @property
    def answer_tokens(self) -> int: ...
    @property
    def model_seconds(self) -> float: ...
    @property
    def memory(self) -> int: ...
    @property
    def entities(self) -> int: ...
    @property
    def facts(self) -> int: ...


def report_page(model: str, started: str, entries: int, samples: Sequence[Sample]) -> str:
    """The whole page of a run that has at least one sample."""
    last = samples[-1]
    read = max(last.prompt_tokens, 1)
    figures = {
        "entries read": f"{last.entries:,} of {entries:,}",
        "entries a minute": f"{last.entries * 60 / max(last.seconds, 1e-9):,.1f}",
        "time": duration(last.seconds),
        "of it the model": f"{last.model_seconds / max(last.seconds, 1e-9):.0%}",
        "calls": f"{last.calls - last.replayed:,}",
        "answered by the ledger": f"{last.replayed:,}",
        "tokens read": f"{last.prompt_tokens:,}",
        "of them from the cache": f"{last.cached_tokens / read:.0%}",
        "tokens written": f"{last.answer_tokens:,}",
        "most memory": _mib(last.memory),
        "people and things": f"{last.entities:,}",
        "facts": f"{last.facts:,}",
    }
    plots = [
        plot("Entries a minute", {"entries": _pace(samples)}, lambda v: f"{v:,.4g}"),
        plot("Found", {"people and things": _line(samples, "entities"), "facts": _line(samples, "facts")}, _count),
        plot(
            "Tokens",
            {"read": _line(samples, "prompt_tokens"), "from the cache": _line(samples, "cached_tokens")},
            _count,
        ),
        plot("Memory", {"most so far": _line(samples, "memory")}, _mib),
    ]
    style = "\n" + "\n".join(_file(name) for name in _STYLES)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    rows = "".join(f"<div><dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd></div>" for k, v in figures.items())
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>A run of Daybook</title>'
        f"<style>{style}</style></head>\n<body><main><h1>A run of Daybook</h1>"
        f'<p class="about">{html.escape(model)}, {html.escape(started.replace("T", " "))}</p>'
        f'<dl class="sums">{rows}</dl>\n<div class="plots">{"".join(plots)}</div></main></body></html>\n'
    )


def _line(samples: Sequence[Sample], name: str) -> Points:
    return [(sample.seconds, float(getattr(sample, name))) for sample in samples]


def _pace(samples: Sequence[Sample]) -> Points:
    """Entries a minute over the last fifth of the run so far: smooth, and yet it shows a slower stretch."""
    points = []
    for number, sample in enumerate(samples):
        before = samples[max(0, number - max(3, number // 5))] if number else None
        seconds = sample.seconds - (before.seconds if before else 0.0)
        if seconds > 0:
            points.append((sample.seconds, (sample.entries - (before.entries if before else 0)) * 60 / seconds))
    return points


def _count(value: float) -> str:
    return f"{value / 1e6:.4g}M" if value >= 1e6 else f"{value / 1e3:.4g}k" if value >= 1e4 else f"{value:,.0f}"


def _mib(value: float) -> str:
    return f"{value / (1 << 30):.3g} GiB" if value >= 1 << 30 else f"{value / (1 << 20):.3g} MiB"


def _file(name: str) -> str:
    return (Path(__file__).parent / "page" / f"{name}.css").read_text(encoding="utf-8")
