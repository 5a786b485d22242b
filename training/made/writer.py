"""One entry of a made journal: events become sentences, mentions become entities, and facts keep their sentence.

Knows forms and beings; chooses no events. In: events.  Out: sentences with raw facts, then a MadeEntry's parts.
"""

import random
import re
from dataclasses import dataclass, field
from datetime import date

from training.made import dating
from training.made.planner import Event
from training.made.template import render
from training.made.words import Form, Language
from training.made.world import FAMILY, Being, World

OPENABLE = re.compile(r"\{I\} (?!have |am |\[am|work |study |live |\[still|\[have|must|wonder|hope|ought)|\{s\} ")
PAST = re.compile(r"\{I\} (?!have |am |\[am|work |study |live |\[still|\[have|must|wonder|hope|ought)")


@dataclass(eq=False)
class RawFact:
    """A fact before its entry is finished: names are filled in when the fullest ones are known."""

    sentence: int
    source: Being
    target: Being
    relation: str
    wording: str
    caught: dict[str, str]
    valid: date
    invalid: date | None
    state: bool


@dataclass(eq=False)
class Sentence:
    """The sentence being written."""

    event: Event | None
    opened: bool = False
    when: dating.Said | None = None
    when_used: bool = False
    since: dating.Said | None = None
    caught: dict[str, str] = field(default_factory=dict)
    mentions: list[tuple[Being, str]] = field(default_factory=list)
    facts: list[RawFact] = field(default_factory=list)


class EntryWriter:
    """Writes one entry, sentence by sentence."""

    def __init__(self, rng: random.Random, world: World, language: Language, style: str, day: date, quote: str) -> None:
        self.rng, self.world, self.language, self.style, self.day, self.quote = rng, world, language, style, day, quote
        self.sentences: list[str] = []
        self.facts: list[RawFact] = []
        self.surfaces: dict[int, list[str]] = {}
        self.beings: dict[int, Being] = {}
        self.last: list[Being] = []  # people of the last sentence
        self.now = Sentence(None)

    # --- sentences -----------------------------------------------------------------------------------------------

    def tell(self, event: Event) -> bool:
        """Write one event; False where no form fits."""
        voice = "me" if event.source is self.world.owner else "they"
        form = self._form(event.section, voice)
        if form is None:
            return False
        self.now = now = Sentence(event)
        if not event.state or event.section == "MOVED_TO":
            can_open = bool(PAST.match(form.text))
            if (can_open or "when" in form.slots) and self.rng.random() < 0.3:
                now.when = dating.recent(self.rng, self.day, self.language.name)
        text = self._render(form)
        if now.when and not now.when_used:
            if not PAST.match(form.text):
                now.when = None
            else:
                text = f"{now.when.words} {self._undropped(text, form)}"
        elif PAST.match(form.text) and not now.when and self.rng.random() < 0.25:
            text = f"{self._opener()} {text}"
        elif voice == "they" and form.text.startswith("{s} ") and now.mentions and text.startswith(now.mentions[0][1]) and self.rng.random() < 0.12:
            text = f"{self.language.word(self.rng, 'hear')} {text}"
        wording = form.fact or self.language.facts[event.section]
        valid = now.since.day if now.since else now.when.day if now.when else self.day
        self._fact(event.source, event.target, event.relation, wording, valid, event.state)
        self._end(text)
        return True

    def say(self, section: str, person: Being | None = None) -> bool:
        """A sentence without a fact: weather, moods, or a mere mention of someone."""
        form = self._form(section, "me")
        if form is None:
            return False
        self.now = Sentence(Event(section, "", self.world.owner, person) if person else None)
        self._end(self._render(form), plain=True)
        return True

    def _form(self, section: str, voice: str) -> Form | None:
        for _ in range(6):
            form = self.language.pick(self.rng, section, voice)
            if form is None or not form.flags or self.style in form.flags:
                return form
        return None

    def _render(self, form: Form) -> str:
        return " ".join(render(form.parts, self.rng, self._fill).split()).replace(" ,", ",").replace(" .", ".")

    def _undropped(self, text: str, form: Form) -> str:
        return f"I {text}" if form.text.startswith("{I} ") and not text.startswith("I ") else text

    def _opener(self) -> str:
        name = "opener.old" if self.style == "old" and self.rng.random() < 0.5 else "opener"
        return self.language.word(self.rng, name)

    def _end(self, text: str, plain: bool = False) -> None:
        now = self.now
        if text[-1] not in ".!?":
            if not plain and self.rng.random() < 0.12 and "," not in text:
                text += re.sub(r"^\s*(?=\w)", " ", self.language.word(self.rng, "tail"))
            text += "." if self.rng.random() < 0.95 else "!"
        if text[0].islower():
            for i, (being, surface) in enumerate(now.mentions):
                if text.startswith(surface):
                    now.mentions[i] = being, surface[0].upper() + surface[1:]
                    break
            text = text[0].upper() + text[1:]
        for being, surface in now.mentions:
            self.beings.setdefault(being.identity, being)
            self.surfaces.setdefault(being.identity, []).append(surface)
        self.last = [being for being, _ in now.mentions if being.kind == "person"]
        self.sentences.append(text)
        self.facts += now.facts

    # --- slots ---------------------------------------------------------------------------------------------------

    def _fill(self, name: str, modifier: str) -> str:
        now = self.now
        event = now.event
        if name == "I":
            chance = {"plain": 0.75, "terse": 0.2, "lively": 0.8, "old": 0.5}[self.style]
            return "I" if self.rng.random() < chance else ""
        if name in ("s", "s's", "o", "o's", "p"):
            assert event is not None
            being = event.source if name[0] == "s" else event.target
            if name == "s" and not now.mentions and self._may_be_pronoun(being):
                return "she" if being.woman else "he"
            text = self._mention(being)
            if name == "s" and len(now.mentions) == 1 and being.kind == "person" and self._tells(being):
                told = self.language.word(self.rng, "tells").replace("@", text)
                return f"{told} {'she' if being.woman else 'he'}"
            return self._possessive(text) if name.endswith("'s") else text
        if name in ("he", "him", "his"):
            assert event is not None
            pair = {"he": ("she", "he"), "him": ("her", "him"), "his": ("her", "his")}[name]
            return pair[not event.source.woman]
        if name == "when":
            now.when_used = now.when is not None
            return now.when.words if now.when else ""
        if name == "since":
            now.since = dating.since(self.rng, self.day, self.language.name)
            return now.since.words
        if name not in now.caught:
            now.caught[name] = self._where() if name == "where" else self.language.word(self.rng, name)
        text = now.caught[name]
        return text[0].upper() + text[1:] if modifier == "cap" else text

    def _tells(self, being: Being) -> bool:
        return self.style != "none" and self.rng.random() < 0.1 and not self.now.opened

    def _may_be_pronoun(self, being: Being) -> bool:
        return len(self.last) == 1 and self.last[0] is being and self.rng.random() < 0.5

    def _where(self) -> str:
        chance = self.rng.random()
        if chance < 0.45:
            return ""
        if chance < 0.7:
            return " " + self.language.word(self.rng, "wherever")
        venue = chance < 0.85
        being = self.world.any("venue" if venue else "town")
        text = self._mention(being)
        self._fact(self.world.owner, being, "WAS_AT", self.language.facts["WAS_AT"], None, False)
        return f" {'at the' if venue else 'in'} {text}"

    def _possessive(self, text: str) -> str:
        return f"{text}'s"

    # --- mentions ------------------------------------------------------------------------------------------------

    def _mention(self, being: Being) -> str:
        """The name by which the diarist calls it here; a role beside the name is a fact of its own."""
        surface = self._surface(being)
        self.now.mentions.append((being, surface))
        if being.kind == "person" and being.role not in ("", "acquaintance") and being.address != "kin":
            if surface in (being.first, being.name) and being.identity not in self.surfaces and self.rng.random() < 0.2:
                role = self.language.word(self.rng, f"role.{being.role}")
                if role.startswith("my ") or role.startswith("our "):
                    self._fact(self.world.owner, being, *self._kin(being), None, True)
                    return f"{role} {surface}"
        if being.type == "Work" and self.quote:
            return f"{self.quote[0]}{surface}{self.quote[1]}"
        return surface

    def _kin(self, being: Being) -> tuple[str, str]:
        relation = {"sister": "SIBLING_OF", "brother": "SIBLING_OF", "wife": "MARRIED_TO", "husband": "MARRIED_TO",
                    "son": "PARENT_OF", "daughter": "PARENT_OF", "friend": "FRIEND_OF", "neighbour": "NEIGHBOUR_OF",
                    "colleague": "WORKS_WITH"}.get(being.role, "RELATED_TO")  # fmt: skip
        return relation, self.language.facts["KIN"].replace("{role}", self.language.lists[f"kin.word.{being.role}"][0])

    def _surface(self, being: Being) -> str:
        if being.kind != "person":
            return being.name
        said = self.surfaces.get(being.identity)
        chance = self.rng.random()
        if being.address == "kin":
            return being.name
        if said and said[0].lower().startswith(("my ", "our ")):
            return said[0].lower()
        if being.address == "formal":
            titled = f"{being.title} {being.last}"
            if said:
                return titled if chance < 0.8 else said[0]
            return titled if chance < 0.75 else f"{being.title} {being.name}" if chance < 0.85 else being.name
        if said:
            return being.first if chance < 0.9 else being.nick or being.first
        if being.role in FAMILY:
            if chance < 0.15 and self._alone(being):
                return f"my {self.language.lists[f'kin.word.{being.role}'][0]}"
            return being.name if chance < 0.2 and being.last != self.world.family_name else being.first
        full = 0.25 if being.told else 0.55
        being.told.add("named")
        return being.name if chance < full else being.nick if being.nick and chance > 0.9 else being.first

    def _alone(self, being: Being) -> bool:
        return sum(p.role == being.role for p in self.world.beings["person"]) == 1

    # --- facts ---------------------------------------------------------------------------------------------------

    def _fact(
        self, source: Being, target: Being, relation: str, wording: str, valid: date | None, state: bool
    ) -> None:
        now = self.now
        day = valid or (now.when.day if now.when else self.day)
        now.facts.append(
            RawFact(len(self.sentences), source, target, relation, wording, now.caught, day, None, state)
        )
