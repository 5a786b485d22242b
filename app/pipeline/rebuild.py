"""Build a home's graph again from its ledger alone, in place, into another folder or on a server.

Knows the ledger, the replay and the files of a home; reads no journal. In: a home, and where the new graph is to stand.
Out: an equal graph, without a model call.
"""

import asyncio
import dataclasses
import hashlib
import shutil
from pathlib import Path

from app.errors import BadInput
from app.ledger.database import part_of
from app.ledger.home import make_private_folder
from app.ledger.store import LEDGER_NAME, Ledger
from app.pipeline import replay
from app.pipeline.forget import count_held
from app.pipeline.home import Place, check_group, open_ledger
from app.pipeline.replay import SERVED_NAME, drop_served
from app.pipeline.request import GRAPH_NAME, LoadReport, LoadRequest, Progress, prompts_folder
from app.settings import settings


def rebuild(request: LoadRequest, progress: Progress, *, into: Path | None = None) -> LoadReport:
    """Tell the ledger's texts again, in the order in which they were read.

    into     a new or empty folder: it becomes a home of its own, with a copy of the ledger, and this one stays as it is
             (what this same call left there when it was killed is begun anew)
    raises   BadInput if nothing was loaded, or for a folder in use; ModelMissing,
             StorageFailed, HomeBusy
    """
    if into is None:
        return _tell_again(request, progress)
    with open_ledger(request.home_folder) as ledger:
        _copy(ledger, request.home_folder, into)
    return _tell_again(dataclasses.replace(request, home=into), progress)


def rebuild_on_server(request: LoadRequest, progress: Progress, address: str) -> LoadReport:
    """Tell the group's texts again and write the graph to a server; this home stays as it is.

    address  SCHEME://USER:PASSWORD@HOST:PORT/NAME of an empty graph (what this same call left there is begun anew);
             without a password that of the settings
    raises   as `rebuild`; BadInput for an address that cannot be used; StorageFailed if the server fails in between
    """
    from app.graph import served  # late: graphiti costs a second
    from app.graph.address import Address
    from app.graph.store import GraphStore

    home, group = request.home_folder, request.group_name
    place = Address.parse(address, group)
    if not place.password and (exported := settings.DAYBOOK_GRAPH_PASSWORD.get_secret_value()):
        place = dataclasses.replace(place, password=exported)
    owner = hashlib.sha256(f"{home.resolve()}\0{group}".encode()).hexdigest()
    with open_ledger(home) as ledger:  # held to the end: another such call would take the folder away
        check_group(Place(home, group), ledger)
        asyncio.run(served.check(place, owner))
        drop_served(home)
        try:
            _copy(ledger, home, home / SERVED_NAME)
            request = dataclasses.replace(request, home=home / SERVED_NAME)
            report = _tell_again(request, progress)
            with GraphStore.open_for_reading(request.home_folder / GRAPH_NAME, embedder=None, group=group) as store:
                progress.say(f"writing to {place}")
                asyncio.run(served.copy(store, place, owner))
        finally:
            drop_served(home)
    progress.say(f"{place} was read back and is equal")
    return report


def _tell_again(request: LoadRequest, progress: Progress) -> LoadReport:
    report = LoadReport()
    with open_ledger(request.home_folder) as ledger:
        ledger.past.start_replay()
        replay.finish(request, progress, ledger, report)
        states = ledger.counts(request.group_name)
        report.files, report.entries = states.files, states.entries
        report.chunks_planned, report.chunks_done, report.chunks_empty = states.planned, states.done, states.empty
        report.chunks_quarantined, report.chunks_waiting = states.quarantined, states.waiting
        count_held(request, report)
    return report


def _copy(ledger: Ledger, home: Path, into: Path) -> None:
    """What a graph is built from: the ledger, and the learnt prompts, by which the questions repeat."""
    if into.is_dir() and not _is_free(into, home):
        raise BadInput(
            f"{into} is not empty, --into needs a new or empty folder",
            hint=f"choose another, or build its own graph again: python -m app rebuild --home {into}",
        )
    make_private_folder(into)
    for left in into.glob(LEDGER_NAME + "*"):
        left.unlink()
    ledger.past.copy_to(into / LEDGER_NAME, home)
    if prompts_folder(home) == home / "prompts" and (home / "prompts").is_dir():
        shutil.copytree(home / "prompts", into / "prompts", dirs_exist_ok=True)


def _is_free(into: Path, home: Path) -> bool:
    """Whether a folder is empty, or holds no more than this same command, killed, left there."""
    names = [path.name for path in into.iterdir()]
    if LEDGER_NAME not in names:
        return all(name.startswith(part_of(into / LEDGER_NAME).name) for name in names)
    if into.samefile(home):
        return False
    with open_ledger(into) as copy:
        mark = copy.past.replay
        return mark is not None and mark.copy_of == str(home.resolve())
