"""Print what a command found: for people as aligned lines, for programs as one JSON object.

Knows the pipeline's results; decides nothing. In: a result.  Out: text on stdout.
"""

import dataclasses
import json
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # at run time these would wake the graph, which a dry run does without
    from app.pipeline.look import EntityCard, Fact, Status
    from app.pipeline.request import LoadReport


def print_report(report: "LoadReport", *, as_json: bool) -> None:
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


def _changed(report: "LoadReport") -> str:
    return f", {report.entries_changed} changed" if report.entries_changed else ""


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Path | date) else value


def print_facts(facts: "list[Fact]", as_json: bool) -> None:
    """A fact a paragraph: when it held, then file and sentence."""
    if as_json:
        print_json(facts)
    elif not facts:
        print("nothing found")
    else:
        print("\n".join(line for fact in facts for line in _fact_lines(fact)))


def print_card(card: "EntityCard", as_json: bool) -> None:
    """An entity: what it is, its facts in order of time, how often it is named."""
    if as_json:
        print_json(card)
        return
    print(f"{card.name} ({card.type}), named {len(card.mentions)} times")
    if card.summary and not card.facts:
        print(f"  {card.summary}")
    for fact in card.facts:
        print("\n".join(_fact_lines(fact)))


def print_status(status: "Status", as_json: bool) -> None:
    """How a home stands."""
    if as_json:
        print_json(status)
        return
    print(f"    home  {status.home}, group {status.group}")
    print(f"    read  {status.files} files, {status.entries} entries")
    chunks = f"{status.chunks_done} done + {status.chunks_empty} empty + {status.chunks_quarantined} quarantined"
    print(f"  chunks  {status.chunks_planned} planned = {chunks} + {status.chunks_waiting} waiting")
    print(f"   graph  {status.entities} entities, {status.facts} facts, {status.facts_ended} of them ended")
    for reason in status.quarantined:
        print(f"put aside  {reason}")


def _fact_lines(fact: "Fact") -> list[str]:
    since = fact.valid_at.isoformat() if fact.valid_at else "undated"
    lines = [f"{since}{f' to {fact.invalid_at}' if fact.invalid_at else ''}  {fact.fact}"]
    for source in fact.sources:
        place = f"{source.file}:{source.start}-{source.end}" if source.file else "no file any more"
        lines.append(f"    {place}  \u201c{source.words}\u201d")
    return lines
