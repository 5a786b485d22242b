"""The main job: read, plan, extract, store, so that a run stopped at any instant is finished by the next one.

Knows every room; does the work of none, and wakes the heavy ones only when there is work for them.
In: a request from a door.  Out: a report, or a DaybookError.
"""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from app.journal.types import Entry
from app.ledger.store import Ledger
from app.pipeline import replay
from app.pipeline.forecasting import foretell, work_of
from app.pipeline.reading import ReadFiles, read_files
from app.pipeline.request import ENTRIES_NAME, LoadReport, LoadRequest, Progress
from app.pipeline.sizes import chunk_tokens, token_counter
from app.settings import ROOT

SAMPLE_JOURNALS = ROOT / "data" / "journals"


def load_journals(
    request: LoadRequest, progress: Progress, on_read: Callable[[ReadFiles], None] = lambda _: None
) -> LoadReport:
    """Read, plan, extract, store: the whole journey of a journal.

    on_read  is told what was read, before anything is made of it
    raises  BadInput for paths, models or settings; StorageFailed; HomeBusy
    """
    started = time.monotonic()
    read = read_files(
        # Absolute, because the ledger keeps them: a run from another folder must find the same files.
        [Path(os.path.abspath(path)) for path in _paths(request)],  # noqa: PTH100
        date_from=request.date_from,
        chunk_tokens=chunk_tokens(request.model_name),
        count_tokens=token_counter(request.model_name),
    )
    on_read(read)
    for line in read.refused:
        progress.say(f"put aside: {line}")
    entries = read.entries(request.since, request.until, request.limit)
    report = LoadReport(files=len(read.readings), refused=read.refused, characters=read.chars, entries=len(entries))
    if request.dry_run:
        _report_plan(request, read, entries, report)
    else:
        with Ledger.open(request.home_folder) as ledger, ledger.at_work() as was_cut_off:
            if was_cut_off:
                progress.say("the load before this one was killed or crashed: nothing is lost, this one goes on")
            _load(request, progress, read, entries, ledger, report)
    report.seconds = time.monotonic() - started
    return report


def _paths(request: LoadRequest) -> list[Path]:
    """What was named, and what was told to Daybook itself; the sample journals where nothing was."""
    told = request.home_folder / ENTRIES_NAME
    named = [path.expanduser() for path in request.paths] or [SAMPLE_JOURNALS]
    return [*named, told] if any(told.glob("*.md")) and told not in named else named


def _load(
    request: LoadRequest,
    progress: Progress,
    read: ReadFiles,
    entries: Mapping[str, Entry],
    ledger: Ledger,
    report: LoadReport,
) -> None:
    if request.open_models is not None:  # a server reads for the same owner as the load before it
        request = replay.as_before(request, ledger)
    group = request.group_name
    gone_files = [path for path in ledger.known_files(group) if not path.exists()]
    plan = ledger.plan(group, read.readings, gone_files=gone_files)
    report.entries_new = len(set(plan.new) & entries.keys())
    report.entries_changed = len(plan.superseded)
    if plan.gone:
        gone = _count(len(plan.gone), "entry stands", "entries stand")
        progress.say(f"{gone} in no file any more: the graph keeps what was told there")
    # An edited entry is forgotten, and its new text read after all that was read before.
    edited = [entry for entry in ledger.past.entries(group) if entry.state == "superseded"]
    if edited:
        from app.pipeline.forget import take_out  # late, as below

        if take_out(request.home_folder, ledger, group, edited):
            many = _count(len(edited), "entry was", "entries were")
            progress.say(f"{many} edited: the graph is built without the old text")
    # Late: graphiti, dspy and mlx cost seconds each, and whoever does not need them should not wait for them.
    from app.pipeline import audit

    if request.retry:
        ledger.retry_quarantined(group)
    if lost := audit.check(request.home_folder, group, ledger, report):
        progress.say(f"the graph lacks {lost} of the chunks that were finished: the ledger puts them in again")
    replay.drop_old_graph(request.home_folder, ledger)
    if ledger.past.replay is not None:
        replay.finish(request, progress, ledger, report)
    pending = [chunk for chunk in ledger.pending_chunks(group) if chunk.is_begun or chunk.entry_id in entries]
    if pending:
        waiting = len({chunk.entry_id for chunk in pending})
        progress.say(f"{waiting} of {max(len(entries), waiting)} entries to read; loading the model")
        from app.pipeline import fill

        replay.remember(request, ledger)
        fill.fill(request, progress, ledger, pending, report)
    _report_chunks(ledger, group, entries, report)


def _report_plan(request: LoadRequest, read: ReadFiles, entries: Mapping[str, Entry], report: LoadReport) -> None:
    """What a load into an empty home would do, and take. Nothing is written."""
    chosen = {chunk.chunk_id: chunk for r in read.readings for chunk in r.chunks if chunk.entry.entry_id in entries}
    work = work_of((chunk.text for chunk in chosen.values()), len(entries), request.model_name)
    report.dry_run = True
    report.entries_new = len(entries)
    report.chunks_planned = report.chunks_waiting = work.chunks
    report.prompt_tokens = work.tokens
    foretell(request, work, report)


def _report_chunks(ledger: Ledger, group: str, entries: Mapping[str, Entry], report: LoadReport) -> None:
    states = ledger.chunk_states(group, entries.keys())
    report.chunks_planned = sum(states.values())
    report.chunks_done, report.chunks_empty = states["done"], states["empty"]
    report.chunks_quarantined, report.chunks_waiting = states["quarantined"], states["planned"]
    report.quarantined = tuple(reason for _, reason in ledger.quarantined(group))


def _count(number: int, one: str, many: str) -> str:
    return f"1 {one}" if number == 1 else f"{number} {many}"
