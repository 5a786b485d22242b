"""Print what a command found: for people as aligned lines, for programs as one JSON object.

Knows the pipeline's results; decides nothing. In: a result.  Out: text on stdout.
"""

import dataclasses
import json
import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.terminal import show
from app.pipeline.words import in_words, spell

if TYPE_CHECKING:  # at run time these would wake the graph, which a dry run does without
    from app.budget.planner import Forecast
    from app.pipeline.ask import Answer
    from app.pipeline.forget import Receipt
    from app.pipeline.look import EntityCard, Fact, Source, Status
    from app.pipeline.request import LoadReport
    from app.pipeline.story import Changes, Diff, Event


def print_report(report: "LoadReport", *, as_json: bool) -> None:
    """The end of a load: what was read, what it became, what it cost."""
    if as_json:
        print_json(report)
        return
    rows = [
        ("files", f"{report.files} read" + (f", {len(report.refused)} put aside" if report.refused else "")),
        ("entries", _entries(report)),
        ("chunks", _chunks(report)),
    ]
    if report.dry_run:
        rows.append(("plan", _plan(report)))
        rows.append(("forecast", in_words(report.forecast) if report.forecast else f"none: {report.forecast_missing}"))
    else:
        rows += [
            ("graph", f"{report.entities} entities, {report.facts} facts, {report.facts_ended} of them ended"),
            ("model", _model(report)),
            ("time", f"{report.seconds:.1f} s, {report.seconds_of_model:.1f} s of it the model"),
        ]
        if report.forecast is not None and report.forecast_error is not None:
            rows.append(("forecast", _forecast_error(report.forecast, report.forecast_error)))
    for name, value in rows:
        show(f"{name:>8}  {value}")
    for reason in report.quarantined:
        show(f"   aside  {reason} (--retry tries it again)")


def _plan(report: "LoadReport") -> str:
    bits = f"a long prompt's cache in {report.kv_bits} bits" if report.kv_bits else "the cache as computed"
    return (
        f"about {report.prompt_tokens:,} tokens of journal in chunks of at most {report.chunk_tokens:,}, {bits}; "
        "nothing was written"
    )


def _forecast_error(told: "Forecast", error: float) -> str:
    amount = f"{abs(error):.0%} too {'much' if error > 0 else 'little'}" if round(abs(error), 2) else "right"
    return f"{spell(told.seconds)} ({spell(told.low)} to {spell(told.high)}) foretold: {amount}"


def print_json(value: Any) -> None:
    """One JSON value on one line, in ASCII where stdout takes nothing else."""
    is_utf8 = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
    print(json.dumps(_plain(value), ensure_ascii=not is_utf8))


def _entries(report: "LoadReport") -> str:
    if report.dry_run:
        return f"{report.entries}"
    changed = f"; {report.entries_changed} older texts replaced" if report.entries_changed else ""
    return f"{report.entries}, {report.entries_new} new{changed}"


def _chunks(report: "LoadReport | Status") -> str:
    """The law of chunks, spelt out: what is planned is the sum of how it ended."""
    if not report.chunks_planned:
        return "0 planned"
    states = [("done", report.chunks_done), ("empty", report.chunks_empty), ("quarantined", report.chunks_quarantined)]
    states += [("waiting", report.chunks_waiting)] if report.chunks_waiting else []
    return f"{report.chunks_planned} planned = " + " + ".join(f"{number} {state}" for state, number in states)


def _model(report: "LoadReport") -> str:
    told = f"{report.model_calls} calls"
    if report.replayed_calls:
        told += f", {report.replayed_calls} more answered from the ledger"
    if report.model_calls:
        told += f"; {report.prompt_tokens:,} tokens read ({report.cached_tokens:,} from the cache)"
        told += f", {report.answer_tokens:,} written"
    return told


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
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
        show("nothing found")
    else:
        show("\n".join(line for fact in facts for line in _fact_lines(fact)))


def print_card(card: "EntityCard", as_json: bool) -> None:
    """An entity: what it is, its facts in order of time, how often it is named."""
    if as_json:
        print_json(card)
        return
    show(f"{card.name} ({card.type}), named {len(card.mentions)} time{'' if len(card.mentions) == 1 else 's'}")
    if card.aliases:
        show(f"  also {', '.join(card.aliases)}")
    if card.summary and not card.facts:
        show(f"  {card.summary}")
    open_facts, ended = [f for f in card.facts if not f.invalid_at], [f for f in card.facts if f.invalid_at]
    for title, facts in (("facts", open_facts), ("no longer true", ended)):
        if facts:
            show(f"\n{title}")
            show("\n".join(line for fact in facts for line in _fact_lines(fact)))
    if card.company:
        show(f"\ntold of with\n  {', '.join(f'{name} ({n})' for name, n in card.company)}")
    if card.mentions:
        show("\nnamed in")
        show("\n".join(f"  {source.entry_date or 'undated'}  {_place(source)}" for source in card.mentions))


def print_timeline(events: "list[Event]", as_json: bool) -> None:
    """A line a day on which a fact begins or ends."""
    if as_json:
        print_json(events)
        return
    for event in events:
        ends = f"ends: {event.fact.fact} (since {event.fact.valid_at or 'before'})"
        show(f"{event.day}  {event.fact.fact if event.kind == 'begins' else ends}")
    if not events:
        show("nothing happens then")


def print_changes(changes: "Changes", as_json: bool) -> None:
    """What began, what ended, who appeared."""
    if as_json:
        print_json(changes)
        return
    facts = {"began": changes.began, "ended": changes.ended}
    for title, found in facts.items():
        if found:
            show(f"{title}, {len(found)}")
            show("\n".join(line for fact in found for line in _fact_lines(fact)) + "\n")
    if changes.appeared:
        show(f"first named, {len(changes.appeared)}")
        show("\n".join(f"{found.day}  {found.name} ({found.type})" for found in changes.appeared))
    if not (changes.began or changes.ended or changes.appeared):
        show(f"nothing since {changes.since}")


def print_diff(diff: "Diff", as_json: bool) -> None:
    """Facts with a sign: - only before, + only after, and both for one sentence read in two ways."""
    if as_json:
        print_json(diff)
        return
    if diff.changed:
        show(f"told otherwise by RUN_B, {len(diff.changed):,}")
    for change in diff.changed:
        show(f"- {_dates(change.before)}  {change.before.fact}  [{change.before.relation}]")
        after = f"+ {_dates(change.after)}  {change.after.fact}  [{change.after.relation}]"
        show("\n".join([after, *_sources(change.after)]))
    for sign, title, facts in (("-", "only in RUN_A", diff.removed), ("+", "only in RUN_B", diff.added)):
        if facts:
            show(f"{title}, {len(facts):,}")
        for fact in facts:
            show("\n".join([f"{sign} {_dates(fact)}  {fact.fact}  [{fact.relation}]", *_sources(fact)]))
    added, removed, changed = len(diff.added), len(diff.removed), len(diff.changed)
    show(f"{diff.same:,} the same, {changed:,} changed, {removed:,} removed, {added:,} added")


def print_answer(answer: "Answer", as_json: bool) -> None:
    """The sentences with their numbers, then what each number stands for."""
    if as_json:
        print_json(answer)
        return
    for sentence in answer.sentences:
        show(sentence.text + "".join(f" [{number}]" for number in sentence.citations))
    if answer.citations:
        show("")
    for cited in answer.citations:
        place = f"{_short(cited.file)}:{cited.start}-{cited.end}" if cited.file else "no file any more"
        until = f" to {cited.invalid_at}" if cited.invalid_at else ""
        fact = f"{cited.valid_at or 'undated'}{until}  {cited.fact}" if cited.fact else "an entry"
        show(f"[{cited.number}] {fact}\n    {cited.date}  {place}  \u201c{cited.words}\u201d")


def print_status(status: "Status", as_json: bool) -> None:
    """How a home stands."""
    if as_json:
        print_json(status)
        return
    show(f"    home  {status.home}, group {status.group}")
    show(f"    read  {status.files} files, {status.entries} entries")
    show(f"  chunks  {_chunks(status)}")
    show(f"   graph  {status.entities} entities, {status.facts} facts, {status.facts_ended} of them ended")
    for reason in status.quarantined:
        show(f"   aside  {reason}")


def _fact_lines(fact: "Fact") -> list[str]:
    return [f"{_dates(fact)}  {fact.fact}", *_sources(fact)]


def _dates(fact: "Fact") -> str:
    since = fact.valid_at.isoformat() if fact.valid_at else "undated"
    return f"{since} to {fact.invalid_at}" if fact.invalid_at else since


def _sources(fact: "Fact") -> list[str]:
    return [f"    {_place(source)}  \u201c{source.words}\u201d" for source in fact.sources]


def _place(source: "Source") -> str:
    return f"{_short(source.file)}:{source.start}-{source.end}" if source.file else "no file any more"


def _short(file: Path) -> str:
    """From here on where it lies below this folder, from ~ on where it lies in the person's own, else in full."""
    for folder, sign in ((Path.cwd(), ""), (Path.home(), "~/")):
        if file.is_relative_to(folder):
            return f"{sign}{file.relative_to(folder)}"
    return str(file)


def print_receipt(receipt: "Receipt", as_json: bool) -> None:
    """What was forgotten, what it took, and what shows it."""
    if as_json:
        print_json(receipt)
        return
    for entry in receipt.entries:
        where = f"  {entry.files[0]}" if entry.files else "  no file any more"
        show(f"{entry.date}  {entry.entry_id[:12]}{where}")
    number = len(receipt.entries)
    entries = "1 entry" if number == 1 else f"{number} entries"
    if receipt.dry_run:
        show(f"{entries} would be forgotten; nothing was changed")
    else:
        (entities, entities_left), (facts, facts_left) = receipt.entities, receipt.facts
        show(f"forgotten  {entries}")
        show(f"    graph  {entities} entities became {entities_left}, {facts} facts became {facts_left}")
        show(f"   ledger  {receipt.calls} answers and {receipt.vectors} vectors deleted")
        show(f"    model  {receipt.model_calls} calls asked anew, {receipt.replayed_calls} answered from the ledger")
        show(f"   search  {receipt.searched} files searched for the words, found in {len(receipt.found_in)}")
        for path in receipt.found_in:
            show(f"           {path}")
    for path in receipt.still_in:
        show(f"     note  {path} still holds such text: take it out, or the next load reads it again")


def print_rebuilt(report: "LoadReport", as_json: bool) -> None:
    """What the new graph holds and what it cost."""
    if as_json:
        print_json(report)
        return
    show(f" chunks  {_chunks(report)}")
    show(f"  graph  {report.entities} entities, {report.facts} facts, {report.facts_ended} of them ended")
    show(f"  model  {_model(report)}")
