"""Print what a command found: for people as aligned lines, for programs as one JSON object.

Knows the pipeline's results; decides nothing. In: a result.  Out: text on stdout.
"""

import dataclasses
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

from app.pipeline import LoadReport


def print_report(report: LoadReport, *, as_json: bool) -> None:
    """The end of a load: what was read, what it became, what it cost."""
    if as_json:
        print_json(report)
        return
    chunks = f"{report.chunks_planned} planned = {report.chunks_done} done + {report.chunks_empty} empty"
    chunks += f" + {report.chunks_quarantined} quarantined"
    if report.chunks_waiting:
        chunks += f" + {report.chunks_waiting} waiting"
    rows = [
        ("files", f"{report.files}" + (f", {len(report.refused)} put aside" if report.refused else "")),
        ("entries", f"{report.entries}, {report.entries_new} new" + _changed(report)),
        ("chunks", chunks),
        ("graph", f"{report.entities} entities, {report.facts} facts, {report.facts_ended} of them ended"),
        (
            "model",
            f"{report.model_calls} calls, {report.replayed_calls} answered from the ledger; "
            f"{report.prompt_tokens:,} tokens read ({report.cached_tokens:,} kept from before), "
            f"{report.answer_tokens:,} written",
        ),
        ("time", f"{report.seconds:.1f} s"),
    ]
    if report.dry_run:
        rows = [*rows[:3], ("plan", f"about {report.prompt_tokens:,} tokens of journal to read; no model was called")]
    for name, value in rows:
        print(f"{name:>8}  {value}")


def print_json(value: Any) -> None:
    print(json.dumps(_plain(value), ensure_ascii=False))


def _changed(report: LoadReport) -> str:
    return f", {report.entries_changed} changed" if report.entries_changed else ""


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Path | date) else value
