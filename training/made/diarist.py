"""The diarist: draws a life, writes its entries, and keeps the labels true from the first day to the last.

Knows the planner and the writer. In: a seed.  Out: a MadeJournal.
"""

import random
import re
from datetime import date, timedelta

from training.made.asking import ask
from training.made.journal import MadeEntity, MadeEntry, MadeFact, MadeJournal
from training.made.planner import ENDS, REPLACES, STATES, Planner
from training.made.words import load_language
from training.made.world import Being, World
from training.made.writer import EntryWriter, RawFact

STYLES = {"en": ("plain", "plain", "terse", "lively", "old"), "de": ("plain",), "fr": ("plain",)}
QUOTES = ("", "", "", "“”", "\"\"", "‘’")
NAMELESS = 0.15  # share of entries that name nothing


class Diarist:
    """Writes one journal."""

    def __init__(self, seed: int, held_out: bool, entries: int) -> None:
        self.rng = rng = random.Random(f"{seed}-{held_out}")
        self.language = load_language("en", held_out)
        self.style = rng.choice(STYLES[self.language.name])
        self.quote = rng.choice(QUOTES)
        self.world = World(rng, self.language, self.style)
        self.planner = Planner(rng, self.world, {section for section, _ in self.language.forms})
        self.count = entries
        self.facts: list[tuple[MadeFact, RawFact]] = []
        self.live: dict[int, RawFact] = {}

    def journal(self) -> MadeJournal:
        """The whole journal, in order of date."""
        first, last = (1650, 1910) if self.style == "old" else (1900, 2029)
        day = date(self.rng.randint(first, last), 1, 1) + timedelta(days=self.rng.randint(0, 364))
        entries = []
        for _ in range(self.count):
            entries.append(self._entry(day))
            day += timedelta(days=self.rng.choice((1, 1, 1, 2, 2, 3, 5, 8, 13, 40, 200)))
        questions = ask(self.rng, self.language, self.world, self.facts, entries[-1].date)
        return MadeJournal(self.world.owner.name, self.language.name, tuple(entries), questions)

    def _entry(self, day: date) -> MadeEntry:
        rng = self.rng
        writer = EntryWriter(rng, self.world, self.language, self.style, day, self.quote)
        length = min(12, 1 + int(rng.expovariate(1 / 4.0)))
        nameless = rng.random() < NAMELESS
        tries = 0
        while len(writer.sentences) < length and tries < 40:
            tries += 1
            kind = rng.random()
            if nameless or kind < 0.22:
                writer.say("FILLER")
            elif kind < 0.32:
                writer.say("MENTION", self.world.person())
            else:
                event = self.planner.event()
                if event is not None and not self._told(writer, event.relation, event.source, event.target):
                    writer.tell(event)
        return self._labelled(writer, day)

    def _told(self, writer: EntryWriter, relation: str, source: Being, target: Being) -> bool:
        """Whether this entry has said so already."""
        return any(f.relation == relation and f.source is source and f.target is target for f in writer.facts)

    def _labelled(self, writer: EntryWriter, day: date) -> MadeEntry:
        names = {identity: max(said, key=_fullness) for identity, said in writer.surfaces.items()}
        entities = tuple(
            MadeEntity(names[i], being.type, i, being.role) for i, being in writer.beings.items()
        )
        names[-1] = self.world.owner.name
        facts = tuple(self._fact(raw, names) for raw in writer.facts if names[raw.source.identity] != names[raw.target.identity])
        return MadeEntry(
            day, self.language.name, tuple(writer.sentences), _paragraphs(self.rng, writer.sentences), entities, facts
        )

    def _fact(self, raw: RawFact, names: dict[int, str]) -> MadeFact:
        text = _worded(raw, names)
        repeats = self._repeated(raw, text, names)
        ends = tuple(i for i, old in self.live.items() if _is_ended(old, raw))
        fact = MadeFact(
            len(self.facts), raw.sentence, names[raw.source.identity], names[raw.target.identity], raw.relation, text,
            raw.valid.isoformat(), raw.invalid.isoformat() if raw.invalid else None, repeats, ends,
        )  # fmt: skip
        for i in ends:
            del self.live[i]
        if raw.invalid is None:
            self.live[fact.fact_id] = raw
        self.facts.append((fact, raw))
        return fact

    def _repeated(self, raw: RawFact, text: str, names: dict[int, str]) -> int | None:
        """The earlier fact that says the same: a state that still holds, or an event told in the same words."""
        for i, old in reversed(self.live.items()):
            if old.source is raw.source and old.target is raw.target and old.relation == raw.relation:
                if raw.relation in STATES or _worded(old, names) == text:
                    return i
        return None


def _is_ended(old: RawFact, new: RawFact) -> bool:
    if new.invalid is not None:
        return False
    if old.source is new.source and old.target is not new.target and old.relation in REPLACES.get(new.relation, ()):
        return True
    pairs = ({old.source, old.target} == {new.source, new.target}) if new.relation in ("SEPARATED_FROM", "MARRIED_TO") else (
        old.source is new.source and old.target is new.target
    )
    return pairs and old.relation in ENDS.get(new.relation, ())


def _fullness(surface: str) -> tuple[bool, int]:
    return not surface.lower().startswith(("my ", "our ")), len(surface)


def _worded(raw: RawFact, names: dict[int, str]) -> str:
    def fill(match: re.Match[str]) -> str:
        slot = match[1]
        if slot in "st":
            return names[(raw.source if slot == "s" else raw.target).identity]
        return raw.caught.get(slot, "")

    text = re.sub(r"\{(\w+)\}", fill, raw.wording)
    return re.sub(r" +", " ", text).replace(" .", ".")


def _paragraphs(rng: random.Random, sentences: list[str]) -> str:
    out = [sentences[0]]
    for sentence in sentences[1:]:
        out.append("\n\n" if rng.random() < 0.06 else " ")
        out.append(sentence)
    return "".join(out)
