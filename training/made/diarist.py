"""The diarist: draws a life, writes its entries, and keeps the labels true from the first day to the last.

Knows the planner and the writer. In: a seed.  Out: a MadeJournal.
"""

import random
import re
from datetime import date, timedelta

from training.made.asking import ask
from training.made.clauses import RawFact
from training.made.labels import MadeEntity, MadeEntry, MadeFact, MadeJournal
from training.made.mentions import Naming
from training.made.planner import Event, Planner
from training.made.relations import CHANGES, ENDS, MORTAL, MUTUAL, REPLACES, SAME
from training.made.strange import with_strange_words
from training.made.template import an_before_vowel
from training.made.words import Language, load_language
from training.made.world import Being, World
from training.made.writer import EntryWriter

STYLES = {
    "en": ("plain", "plain", "plain", "terse", "lively", "old", "old"),
    "de": ("plain", "terse"),
    "fr": ("plain", "terse"),
}
QUOTES = {"en": ("", "", "", "“”", '""', "‘’", "__"), "de": ("", "„“", '""'), "fr": ("", "", '""', "“”")}
LANGUAGES = ("en",) * 14 + ("de",) * 3 + ("fr",) * 3
NAMELESS = 0.13  # share of entries that name nothing; short ones without a name come on top


class Diarist:
    """Writes one journal."""

    def __init__(self, seed: int, held_out: bool, entries: int) -> None:
        self.rng = rng = random.Random(f"{seed}-{held_out}")
        self.language = load_language(rng.choice(LANGUAGES), held_out)
        self.style = rng.choice(STYLES[self.language.name])
        self.quote = rng.choice(QUOTES[self.language.name])
        self.chatter = rng.choice((0.15, 0.25, 0.35, 0.5))  # share of sentences that tell nothing
        self.scenes = rng.choice((0.1, 0.2, 0.3)) if self.style != "old" else 0.4
        self.memory = rng.choice((0.1, 0.2, 0.3))  # share of events that return to what was told
        self.chains = {"old": 0.6, "terse": 0.4}.get(self.style, 0.15)  # share of the scenes
        self.mean_length = rng.choice((2.0, 3.5, 5.0))  # sentences of an entry
        self.strange = 0.0 if held_out else rng.choice((0.0, 0.0, 0.06, 0.12))  # share of words that nobody knows
        self.world = World(rng, self.language, self.style)
        self.planner = Planner(rng, self.world, {section for section, _ in self.language.forms})
        self.count = entries
        self.facts: list[tuple[MadeFact, RawFact]] = []
        self.live: dict[int, RawFact] = {}

    def journal(self) -> MadeJournal:
        """The whole journal, in order of date."""
        first, last = (1650, 1910) if self.style == "old" else (1880, 2029)
        day = date(self.rng.randint(first, last), 1, 1) + timedelta(days=self.rng.randint(0, 364))
        entries = []
        for _ in range(self.count):
            entries.append(self._entry(day))
            day += timedelta(days=self.rng.choice((1, 1, 1, 2, 2, 3, 5, 8, 13, 40, 200)))
        questions = ask(self.rng, self.language, self.world, self.facts, entries[-1].date)
        return MadeJournal(self.world.owner.name, self.language.name, tuple(entries), questions)

    def _entry(self, day: date) -> MadeEntry:
        rng = self.rng
        naming = Naming(rng, self.world, self.language, self.style, self.quote)
        writer = EntryWriter(rng, self.world, self.language, self.style, day, naming, self.planner)
        length = min(14, 1 + int(rng.expovariate(1 / self.mean_length)))
        nameless = rng.random() < NAMELESS
        tries = 0
        while len(writer.sentences) < length and tries < 60:
            tries += 1
            kind = rng.random()
            if nameless or kind < self.chatter:
                writer.say("FILLER")
            elif kind < self.chatter + 0.1:
                writer.say("MENTION")
            elif rng.random() < self.scenes and (writer.chain() if rng.random() < self.chains else writer.scene()):
                continue
            else:
                self._happen(writer)
        return self._labelled(writer, day)

    def _happen(self, writer: EntryWriter) -> None:
        """One event, now and then of several people, and now and then a second thing of the same person."""
        event = self._remembered() if self.rng.random() < self.memory else self.planner.event()
        if event is None or _told(writer, event):
            return
        if (
            event.source is self.world.owner
            and (event.section, "list") in self.language.forms
            and self.rng.random() < 0.2
        ):
            self.planner.company(event)
        if writer.tell(event) and self.rng.random() < 0.15:
            person = event.target if event.target.kind == "person" else event.source
            if person.kind == "person" and person is not self.world.owner and not person.dead:
                more = self.planner.draw(
                    self.rng.choice(("LIVES_IN", "WORKS_AT", "ILL_WITH", "STUDIES_AT", "OWNS")), person
                )
                if more is not None and not _told(writer, more):
                    writer.tell(more)

    def _remembered(self) -> Event | None:
        """Something told before: it is told again in other words, or it changes."""
        states = [raw for raw in self.live.values() if raw.is_state and not raw.source.dead and not raw.target.dead]
        if not states:
            return self.planner.event()
        raw = self.rng.choice(states)
        if raw.relation in CHANGES and self.rng.random() < 0.5:
            return self.planner.change(raw.relation, raw.source, raw.target)
        section = SAME.get(raw.relation, raw.relation)
        return Event(section, section, raw.source, raw.target, True)

    def _labelled(self, writer: EntryWriter, day: date) -> MadeEntry:
        names = writer.naming.fullest()
        entities = tuple(MadeEntity(names[i], being.type, i, being.role) for i, being in writer.naming.beings.items())
        names[-1] = self.world.owner.name
        said: dict[tuple[str, str], RawFact] = {}  # what an entry says twice in the same words is one fact
        for raw in writer.facts:
            if names[raw.source.identity] != names[raw.target.identity]:
                said.setdefault((raw.relation, _worded(raw, names, self.language)), raw)
        facts = tuple(self._fact(raw, names) for raw in said.values())
        sentences = writer.sentences
        if self.strange:
            surfaces = (surface for said in writer.naming.surfaces.values() for surface in said)
            kept = (*surfaces, *names.values(), *(fact.fact for fact in facts))
            sentences = with_strange_words(self.rng, sentences, kept, day, self.strange)
        return MadeEntry(day, self.language.name, tuple(sentences), _paragraphs(self.rng, sentences), entities, facts)

    def _fact(self, raw: RawFact, names: dict[int, str]) -> MadeFact:
        text = _worded(raw, names, self.language)
        assert raw.valid is not None  # the sentence is done
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
        if raw.invalid is not None:
            return None
        for i, old in reversed(self.live.items()):
            if (
                old.relation == raw.relation
                and _same_pair(old, raw)
                and (raw.is_state or _worded(old, names, self.language) == text)
            ):
                return i
        return None


def _told(writer: EntryWriter, event: Event) -> bool:
    """Whether this entry has said so already."""
    pair = (event.source, event.target)
    return any(f.relation == event.relation and (f.source, f.target) == pair for f in writer.facts)


def _same_pair(old: RawFact, new: RawFact) -> bool:
    if new.relation in MUTUAL and {old.source, old.target} == {new.source, new.target}:
        return True
    return old.source is new.source and old.target is new.target


def _is_ended(old: RawFact, new: RawFact) -> bool:
    """Whether the new fact makes the old one untrue."""
    if new.invalid is not None:
        return False
    if new.relation == "DIED_IN":
        return old.relation in MORTAL and new.source in (old.source, old.target)
    if old.source is new.source and old.target is not new.target and old.relation in REPLACES.get(new.relation, ()):
        return True
    return _same_pair(old, new) and old.relation in ENDS.get(new.relation, ())


def _worded(raw: RawFact, names: dict[int, str], language: Language) -> str:
    """The fact in words: {s} and {t} are its ends, other letters the roles of its sentence, other slots its words."""

    def fill(match: re.Match[str]) -> str:
        slot = match[1]
        if slot in raw.roles:
            being: Being = raw.roles[slot]
            name = names.get(being.identity, being.name)
            return name if slot == "s" or match.start() == 0 else being.article + name
        if slot in ("in", "to"):
            return language.lists.get(f"{slot}.{raw.target.kind}", ("at",))[0]
        if "?" in slot:
            man, _, woman = slot[2:].partition(":")
            return woman if raw.roles[slot[0]].woman else man
        return raw.caught.get(slot, "")

    text = re.sub(r"\{([^}]+)\}", fill, raw.wording)
    text = re.sub(r" +", " ", text).replace(" .", ".").replace(" ,", ",")
    return an_before_vowel(text) if language.name == "en" else text


def _paragraphs(rng: random.Random, sentences: list[str]) -> str:
    out = [sentences[0]]
    for sentence in sentences[1:]:
        out.append("\n\n" if rng.random() < 0.06 else " ")
        out.append(sentence)
    return "".join(out)
