"""The owner's decisions at work: carry one out, take it back, and carry all of them out again after every load.

Knows the ledger's labels and the graph's changes; asks no model. In: what was decided.  Out: the graph as decided.

A decision is remembered by what it says (names, the words of a fact), so it holds for what later entries tell and for
a graph that was built again: a rejected fact that is read once more is gone after that run, and so is a second copy
of an entity that was merged.
"""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

from app.errors import BadInput
from app.graph import revise
from app.graph.parts import Undo
from app.graph.store import GraphStore
from app.ledger.store import Ledger
from app.picture import Label

# A step of a decision is what undoes it and, under "by", the name of what takes that.
_INVERSES: dict[str, Callable[[GraphStore, Undo], Awaitable[None]]] = {
    "put_fact": revise.put_fact,
    "undate": revise.undate_fact,
    "put_entity": revise.put_entity,
    "unname": revise.unname_entity,
    "split": revise.split_entities,
}


async def decide(store: GraphStore, ledger: Ledger, label: Label) -> Label:
    """Carry a decision out and keep it; what was decided on the same thing before in the same way is replaced.

    raises  BadInput if what it is about is not in the graph
    """
    step = await _carry_out(store, label)
    if step is None and label.verb != "accept":
        raise BadInput(f"the graph has no such {label.kind} any more", hint="start the review again")
    before = [one.number for one in ledger.labels.all(store.group) if _is_on_same(one, label)]
    kept = Label(label.verb, label.kind, label.target, label.about, label.roots, {"steps": [step] if step else []})
    with ledger.transaction():
        ledger.labels.withdraw(before)
        number = ledger.labels.keep(store.group, kept)
    return Label(kept.verb, kept.kind, kept.target, kept.about, kept.roots, kept.undo, number)


async def take_back(store: GraphStore, ledger: Ledger, label: Label) -> None:
    """Undo a decision in the graph and forget it.

    raises  BadInput if a text it stood on was forgotten since, so that the graph cannot be put back from here
    """
    if label.undo is None:
        raise BadInput("this decision cannot be taken back: a text it stood on is gone", hint="load the journal again")
    for step in reversed(label.undo["steps"]):
        await _INVERSES[step["by"]](store, step)
    ledger.labels.withdraw([label.number])


async def apply(store: GraphStore, ledger: Ledger, *, before: int | None = None) -> int:
    """Carry out again whatever of the decisions the graph does not show; returns how many changes that took.

    before    only decisions made before the chunk of that place was read
    """
    changes = 0
    for label in ledger.labels.all(store.group):
        if before is not None and label.place >= before:
            continue
        step = await _carry_out(store, label)
        if step is not None:
            steps = [one for one in (label.undo or {"steps": []})["steps"] if _subject(one) != _subject(step)]
            ledger.labels.change(label.number, {"steps": [*steps, step]})
            changes += 1
    return changes


async def _carry_out(store: GraphStore, label: Label) -> Undo | None:
    """The step it took, or None where the graph is already as decided."""
    if label.verb == "accept":
        return None
    by, undo = await (_change_fact if label.kind == "fact" else _change_entity)(store, label)
    return {**undo, "by": by} if undo is not None else None


async def _change_fact(store: GraphStore, label: Label) -> tuple[str, Undo | None]:
    about = label.about
    uuid = await revise.find_fact(store, label.target, about["source"], about["target"], about["fact"])
    if uuid is None:
        return "", None
    if label.verb == "reject":
        return "put_fact", await revise.take_fact(store, uuid)
    return "undate", await revise.date_fact(store, uuid, _day(about["valid_at"]), _day(about["invalid_at"]))


async def _change_entity(store: GraphStore, label: Label) -> tuple[str, Undo | None]:
    about = label.about
    uuid = await revise.find_entity(store, label.target, about["name"])
    if uuid is None:
        return "", None
    if label.verb == "reject":
        return "put_entity", await revise.take_entity(store, uuid)
    # An entity that got its new name in an earlier run takes in what a later entry calls by the old one.
    into, name = (about["into_uuid"], about["into"]) if label.verb == "merge" else (label.target, about["to"])
    kept = await revise.find_entity(store, into, name)
    if kept is None and label.verb == "rename":
        return "unname", await revise.rename_entity(store, uuid, name)
    return "split", await revise.merge_entities(store, uuid, kept) if kept else None


def _is_on_same(one: Label, other: Label) -> bool:
    """A later word on a fact (true, false, since when) takes the place of an earlier one of the same kind."""
    judging = {"accept", "reject"}
    same_sort = one.verb == other.verb or {one.verb, other.verb} <= judging
    return (one.kind, one.target) == (other.kind, other.target) and same_sort


def _subject(step: Undo) -> Any:
    return step.get("uuid") or step["entity"]["uuid"]


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
