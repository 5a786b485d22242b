"""Build the graph again from the ledger: after a forgotten or edited entry, a lost graph, or on request.

Knows the ledger's order of reading and the graph's files; reads no journal. In: a ledger with a mark that a building is
under way.  Out: a graph as if everything had been read once, in the same order, without what was forgotten.

Answered calls are taken from the ledger. Only where a question was once asked with the help of a forgotten text is it
another question now, and the model is asked. A kill at any moment leaves the mark, and the next run goes on.
"""

import dataclasses
import json
import shutil
from pathlib import Path

from app.ledger.store import Ledger
from app.pipeline.request import GRAPH_NAME, LoadReport, LoadRequest, Progress

SERVED_NAME = "served"  # in the home: the graph that is being written to a server, with its ledger
_READER = "reader of "  # and the group's name: with which model, embedder and owner it was read


@dataclasses.dataclass(frozen=True, slots=True)
class Reader:
    """With what a group was last read; a later building must use the same, or every question is a new one."""

    model: str
    embedder: str
    owner: str
    min_confidence: float | None


def remember(request: LoadRequest, ledger: Ledger) -> None:
    """Note with what this group is read."""
    reader = Reader(request.model_name, request.embedder_name, request.owner_name, request.min_confidence)
    ledger.note(_READER + request.group_name, json.dumps(dataclasses.asdict(reader)))


def last_reader(group: str, ledger: Ledger) -> Reader | None:
    """With what the group was last read; None where it was imported, not read."""
    noted = ledger.noted(_READER + group)
    return None if noted is None else Reader(**json.loads(noted))


def as_before(request: LoadRequest, ledger: Ledger) -> LoadRequest:
    """The request, with what it leaves open taken from the last load of its group."""
    before = last_reader(request.group_name, ledger)
    if before is None:
        return request
    return dataclasses.replace(
        request,
        model=request.model or before.model,
        embedder=request.embedder or before.embedder,
        owner=request.owner or before.owner,
        min_confidence=before.min_confidence,
    )


def drop_old_graph(home: Path, ledger: Ledger) -> None:
    """Take the files of a graph away that is to be built again."""
    mark = ledger.past.replay
    if mark is not None and mark.step == "drop":
        for part in home.glob(GRAPH_NAME + "*"):
            part.unlink()
        if mark.sweep:
            forget_kv(home)
        ledger.past.note_dropped()


def drop_served(home: Path) -> None:
    """Take the working folder of a copy away."""
    if (home / SERVED_NAME).exists():
        shutil.rmtree(home / SERVED_NAME)


def forget_kv(home: Path) -> None:
    """Delete the KV on disk: it was computed from what people wrote."""
    from app.llm.kv_files import forget_kept  # late: it wakes mlx
    from app.pipeline.engine import KV_FOLDER_NAME

    forget_kept(home / KV_FOLDER_NAME)


def finish(
    request: LoadRequest, progress: Progress, ledger: Ledger, report: LoadReport | None = None
) -> tuple[int, int]:
    """Build what is left to build, for every group of the home: they share one graph file.

    report   is told of the calls of the request's own group
    returns  how many answers and vectors were swept from the ledger, because no graph stands on them any more
    raises   ModelMissing, ModelDamaged, StorageFailed, HomeBusy
    """
    drop_old_graph(request.home_folder, ledger)
    for group, episodes in ledger.past.stretches():
        from app.pipeline import fill  # late: graphiti, dspy and mlx cost seconds each

        pending = [chunk for chunk in ledger.pending_chunks(group) if chunk.episode_uuid in episodes]
        is_own = group == request.group_name
        own = request if is_own else LoadRequest([], home=request.home, group=group)
        fill.fill(as_before(own, ledger), progress, ledger, pending, (is_own and report) or LoadReport())
    return ledger.past.end_replay()
