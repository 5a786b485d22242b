"""Forget entries as if they had never been read, build the graph without them, and prove it.

Knows the ledger, the replay and the files of the home; reads no journal. In: which entries.  Out: a Receipt that quotes
nothing of them.
"""

import asyncio
import mmap
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from app.errors import BadInput
from app.journal.sentences import split_sentences
from app.ledger.forget import KnownEntry
from app.ledger.store import Ledger
from app.pipeline import replay
from app.pipeline.home import open_ledger
from app.pipeline.request import (
    ENTRIES_NAME,
    GRAPH_NAME,
    MANIFEST_NAME,
    LoadReport,
    LoadRequest,
    Progress,
    prompts_folder,
)
from app.pipeline.runs import RUNS

_ID_CHARS = 8  # the fewest letters of an entry's id that may stand for it
_PHRASE_CHARS = 12  # a shorter piece of a text stands in others by chance
_PHRASES = 200  # of all forgotten texts, the longest: each is searched for in every file


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries to forget; days are inclusive.

    what    entry ids (or their first 8 letters or more), days, and journal files
    """

    what: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was forgotten, and what shows it.

    still_in       journal files that hold a forgotten text: the next load of them reads it again
    calls, vectors answers and embeddings deleted from the ledger
    model_calls    asked again, because their questions had been asked with the help of what is forgotten
    searched       files of the home in which the forgotten words were looked for, after it
    found_in       those that hold some of them: files that Daybook did not make, or pages it made on request
    """

    entries: tuple[KnownEntry, ...]
    still_in: tuple[Path, ...]
    calls: int
    vectors: int
    model_calls: int
    replayed_calls: int
    entities: tuple[int, int]  # before, after
    facts: tuple[int, int]
    searched: int
    found_in: tuple[Path, ...]
    dry_run: bool = False


def forget(request: LoadRequest, selection: Selection, progress: Progress) -> Receipt:
    """Forget what is selected; `request` names the home and, if it is to be another than before, the model.

    raises  BadInput if nothing fits; ModelMissing, StorageFailed, HomeBusy
    """
    group = request.group_name
    with open_ledger(request.home_folder) as ledger:
        is_unfinished = ledger.past.replay is not None
        chosen = _choose(ledger.past.entries(group), selection)
        if not chosen and not is_unfinished:
            raise BadInput(
                "no entry of this home fits",
                hint="name a day (2024-04-03), a journal file, or an entry's id as `forget --dry-run` shows it",
            )
        if request.dry_run:
            return Receipt(tuple(chosen), _still_in(chosen), 0, 0, 0, 0, (0, 0), (0, 0), 0, (), dry_run=True)
        before, after = LoadReport(), LoadReport()
        count_held(request, before)
        words = ledger.past.texts(group, {entry.entry_id for entry in chosen})
        shutil.rmtree(request.home_folder / RUNS, ignore_errors=True)  # figures, but of days on which it was there
        (request.home_folder / MANIFEST_NAME).unlink(missing_ok=True)
        if not take_out(request.home_folder, ledger, group, chosen):
            replay.forget_kv(request.home_folder)  # otherwise it goes with the old graph
        calls, vectors = replay.finish(request, progress, ledger, after)
        others = ledger.past.every_text()
        ledger.past.scrub()
        count_held(request, after)
    searched, found_in = _search(request.home_folder, _phrases(words, others))
    return Receipt(
        tuple(chosen), _still_in(chosen), calls, vectors, after.model_calls, after.replayed_calls,
        (before.entities, after.entities), (before.facts, after.facts), searched, found_in,
    )  # fmt: skip


def _still_in(chosen: Sequence[KnownEntry]) -> tuple[Path, ...]:
    return tuple(sorted({path for entry in chosen for path in entry.files if path.exists()}))


def take_out(home: Path, ledger: Ledger, group: str, chosen: Sequence[KnownEntry]) -> bool:
    """Take entries out of the ledger and of what lies beside it; True if the graph has to be built again.

    The files go first: after a kill in between, the ledger still knows what is to be forgotten.
    """
    from app.prompts.programs import programs_quoting  # late: with dspy it costs a second

    ids = {entry.entry_id for entry in chosen}
    texts = ledger.past.texts(group, ids)
    sentences = [text[start:end] for text in texts for start, end in split_sentences(text)]
    told = Path(os.path.abspath(home)) / ENTRIES_NAME  # noqa: PTH100  # as the ledger keeps it, links unfollowed
    others = {path for entry in ledger.past.entries(group) if entry.entry_id not in ids for path in entry.files}
    files = {path for entry in chosen for path in entry.files if path.parent == told} - others
    for path in [*programs_quoting(prompts_folder(home), sentences), *files]:
        path.unlink(missing_ok=True)
    replay.drop_served(home)  # a copy that was killed left it, with a ledger in it
    return ledger.past.forget(group, ids)


def _choose(entries: Sequence[KnownEntry], selection: Selection) -> list[KnownEntry]:
    """raises BadInput for a word that fits no entry, unless all entries of the home are gone"""
    chosen: dict[str, KnownEntry] = {}
    if selection.since or selection.until:
        since, until = selection.since or date.min, selection.until or date.max
        chosen |= {entry.entry_id: entry for entry in entries if since <= entry.date <= until}
    for word in selection.what:
        chosen |= {entry.entry_id: entry for entry in entries if _fits(entry, word)}
    return [entry for entry in entries if entry.entry_id in chosen]


def _fits(entry: KnownEntry, word: str) -> bool:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", word):
        return entry.date.isoformat() == word
    if len(word) >= _ID_CHARS and re.fullmatch(r"[0-9a-f]+", word):
        return entry.entry_id.startswith(word)
    path = Path(os.path.abspath(Path(word).expanduser()))  # noqa: PTH100  # as the ledger keeps it, links unfollowed
    return any(path == file or path in file.parents for file in entry.files)


def count_held(request: LoadRequest, report: LoadReport) -> None:
    """Add to a report what the home's graph holds, if it has one."""
    from app.graph.store import GraphStore  # late: it wakes graphiti
    from app.pipeline.audit import count

    async def look() -> None:
        with GraphStore.open_for_reading(
            request.home_folder / GRAPH_NAME, embedder=None, group=request.group_name
        ) as store:
            await count(store, report)

    if (request.home_folder / GRAPH_NAME).exists():
        asyncio.run(look())


def _phrases(words: Iterable[str], others: Sequence[str]) -> list[bytes]:
    """Pieces of the forgotten texts that no remaining text has, as bytes."""
    kept = "\n".join(others)
    pieces = {piece.strip() for text in words for piece in re.split(r"[.!?\n。]", text)}
    alone = [piece for piece in pieces if len(piece) >= _PHRASE_CHARS and piece not in kept]
    return [piece.encode("utf-8", "surrogatepass") for piece in sorted(alone, key=len, reverse=True)[:_PHRASES]]


def _search(home: Path, phrases: Sequence[bytes]) -> tuple[int, tuple[Path, ...]]:
    """Look for the phrases in every file of the home: (files, those that hold one)."""
    files = sorted(path for path in home.rglob("*") if path.is_file())
    return len(files), tuple(path for path in files if _holds(path, phrases))


def _holds(path: Path, phrases: Sequence[bytes]) -> bool:
    if path.stat().st_size == 0:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return any(data.find(phrase) >= 0 for phrase in phrases)
