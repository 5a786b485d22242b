"""What the model is asked: one DSPy signature per prompt of Graphiti that a journal needs.

Knows the rules in words and the shape of each answer; knows no Graphiti and no grammar.
In: nothing.  Out: signatures whose instructions are the fixed part and whose fields are the variable part.

The answers are leaner than Graphiti's own models (no constant indices, dates without hours, types by name);
`app.prompts.library` turns them back. Fields keep Graphiti's names at the top level.
"""

from typing import Literal

import dspy
from pydantic import BaseModel

from app.prompts.relations import all_relations

# What a journal speaks of. Names are labels in the graph; the sentence is the model's definition.
ENTITY_TYPES: dict[str, str] = {
    "Person": "a human being, by name, or by a role that stands for one person (my wife, Mum)",
    "Place": "a town, country, street, house, river or landscape",
    "Organisation": "a company, school, club, authority, shop or band",
    "Work": "a book, film, song, play, painting or game",
    "Project": "something being built, written, studied or planned under a name",
    "Thing": "any other particular with a name of its own: an animal, ship, illness or event",
}


class NamedEntity(BaseModel):
    """One particular that the entry names."""

    name: str
    type: str


class GroundedEdge(BaseModel):
    """One fact between two entities."""

    source: str
    target: str
    relation: str
    fact: str
    valid_at: str
    invalid_at: str | None


class Resolution(BaseModel):
    """Whether a new entity is a known one."""

    name: str
    same_as: str | None


class EntitySummary(BaseModel):
    """One or two sentences on an entity."""

    name: str
    summary: str


class ExtractEntities(dspy.Signature):  # type: ignore[misc]
    """Go through this journal entry and list under each sentence the particular people, places and things it names.
    - Copy each name exactly as the entry writes it, at its fullest, under the first sentence that has it so.
    - List each name once; a sentence that adds none has an empty list.
    - Leave out the writer (I, me), pronouns, dates, times, weather, feelings and common nouns."""

    entry: str = dspy.InputField()
    extracted_entities: dict[str, list[NamedEntity]] = dspy.OutputField()


class ExtractEdges(dspy.Signature):  # type: ignore[misc]
    __doc__ = f"""Go through this entry and state under each sentence the facts it tells between two listed entities.
    - The writer is "I", "me", "my". Earlier entries only help to understand this one.
    - source: the person, if one end is a person and the other is not.
    - relation: the closest of those listed last.
    - fact: one short sentence in the entry's language that begins with the source, names both and keeps every detail.
    - valid_at: the day it happened or became true: this entry's date, or another date listed if the sentence says so.
    - invalid_at: the listed date on which it stopped being true, otherwise null.
    - State each fact once; leave out wishes, plans and guesses; a sentence that tells none has an empty list.
    Relations: {", ".join(all_relations())}."""

    previous_entries: str = dspy.InputField()
    entry: str = dspy.InputField()
    dates: str = dspy.InputField()
    entities: str = dspy.InputField()
    edges: dict[str, list[GroundedEdge]] = dspy.OutputField()


class ResolveEntities(dspy.Signature):  # type: ignore[misc]
    """Say for each new entity which known entity it is.
    - same_as: the known entity's name as listed if both are the same person, place or thing: a shorter or fuller
      form of the name, a nickname or a role that its sentence or summary makes clear.
    - null if it is none of them or if you are unsure. Different people may share a surname or a first name."""

    known_entities: str = dspy.InputField()
    new_entities: str = dspy.InputField()
    entity_resolutions: list[Resolution] = dspy.OutputField()


class ResolveEdge(dspy.Signature):  # type: ignore[misc]
    """Go through the known facts and say of each what a new fact makes of it.
    - same: it is between the same entities and says the same thing as the new fact.
    - ended: the new fact ends or replaces it, so that it can no longer be true: a new home, employer, school or
      partner in place of the old one, a leaving, a parting, a death.
    - other: all else. Another event, another person, a further detail or the same thing on another day ends nothing."""

    same_entities: str = dspy.InputField()
    other_facts: str = dspy.InputField()
    new_fact: str = dspy.InputField()
    verdicts: dict[str, Literal["other", "same", "ended"]] = dspy.OutputField()


class SummarizeEntities(dspy.Signature):  # type: ignore[misc]
    """Say of each entity, in one or two sentences in the entry's language, what this journal entry tells about it.
    Use only what the entry and the old summary say."""

    entry: str = dspy.InputField()
    entities: str = dspy.InputField()
    summaries: list[EntitySummary] = dspy.OutputField()


class DateFact(dspy.Signature):  # type: ignore[misc]
    """Say when a fact became true and when it stopped being true.
    - valid_at: the day it happened or became true: the day it was written, or another date listed if the fact says so.
    - invalid_at: the listed date on which it stopped being true, otherwise null."""

    fact: str = dspy.InputField()
    dates: str = dspy.InputField()
    valid_at: str = dspy.OutputField()
    invalid_at: str | None = dspy.OutputField()


class AnswerQuestion(dspy.Signature):  # type: ignore[misc]
    """Answer a question about the writer's life from the facts of the journal alone, in the question's language.
    - The question's "I", "me", "my" is the writer.
    - facts: the facts that answer it, word for word, each with yes; none if none does.
    - answer: one or two sentences that use only those facts; if there are none, say that the journal does not tell."""

    facts_of_journal: str = dspy.InputField()
    writer: str = dspy.InputField()
    question: str = dspy.InputField()
    facts: dict[str, Literal["yes"]] = dspy.OutputField()
    answer: str = dspy.OutputField()


def with_types(signature: type[dspy.Signature], types: dict[str, str]) -> type[dspy.Signature]:
    """The signature whose rules end with the entity types and their meanings: still fixed for a whole run."""
    lines = "\n".join(f"- {name}: {meaning}." for name, meaning in types.items())
    typed: type[dspy.Signature] = signature.with_instructions(f"{signature.instructions}\nTypes:\n{lines}")
    return typed
