"""What a made journal says of itself: every entity, fact and question labelled.

Knows shapes alone.
In: nothing.  Out: MadeJournal and what it is made of.
"""

import datetime
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MadeFact:
    """One dated fact. `sentence` counts from 0; `repeats` and `ends` are fact_ids of earlier facts of the journal."""

    fact_id: int
    sentence: int
    source: str
    target: str
    relation: str
    fact: str
    valid_at: str
    invalid_at: str | None
    repeats: int | None
    ends: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MadeEntity:
    """A particular as one entry names it; `identity` is the same in every entry of the journal."""

    name: str
    type: str
    identity: int
    role: str


@dataclass(frozen=True, slots=True)
class MadeEntry:
    """A day's text and its labels; entities in order of first appearance, facts in order of sentence."""

    date: datetime.date
    language: str
    sentences: tuple[str, ...]
    text: str
    entities: tuple[MadeEntity, ...]
    facts: tuple[MadeFact, ...]


@dataclass(frozen=True, slots=True)
class MadeQuestion:
    """A question with the facts that answer it; no facts: the journal does not tell, and the answer says so."""

    question: str
    fact_ids: tuple[int, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class MadeJournal:
    """The entries of one invented diarist in order of date, and questions about all of them."""

    owner: str
    language: str
    entries: tuple[MadeEntry, ...]
    questions: tuple[MadeQuestion, ...]
