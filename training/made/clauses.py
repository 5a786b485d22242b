"""The inside of a sentence: slots are filled, beings are named, facts are noted with the words they were told in.

Knows forms, names and dates; knows no order of sentences. In: a form and its roles.  Out: its text and raw facts.
"""

import random
import re
from dataclasses import dataclass, field
from datetime import date

from training.made import dating
from training.made.mentions import Naming
from training.made.planner import Planner
from training.made.relations import STATES
from training.made.template import an_before_vowel, render
from training.made.words import Form, Language
from training.made.world import TYPES, Being, World

RELATIVES = ("LIVES_IN", "WORKS_AT", "STUDIES_AT", "MEMBER_OF", "ILL_WITH", "OWNS", "WORKS_ON", "SIBLING_OF", "WROTE",
             "MARRIED_TO", "PARENT_OF", "FRIEND_OF", "MOVED_TO", "TEACHES_AT", "BORN_IN")  # fmt: skip


@dataclass(eq=False)
class RawFact:
    """A fact before its entry is finished: names are filled in when the fullest ones are known."""

    sentence: int
    source: Being
    target: Being
    relation: str
    wording: str
    caught: dict[str, str]
    roles: dict[str, Being]
    valid: date | None  # None until the sentence is done: it may yet name its date
    invalid: date | None = None

    @property
    def is_state(self) -> bool:
        return self.relation in STATES


@dataclass(eq=False)
class Sentence:
    """The sentence being written: who plays which role in it, which words it drew, which dates it names."""

    roles: dict[str, Being]
    more: list[Being] = field(default_factory=list)
    when: dating.Said | None = None
    when_used: bool = False
    valid: date | None = None
    invalid: date | None = None
    caught: dict[str, str] = field(default_factory=dict)
    mentions: list[tuple[Being, str]] = field(default_factory=list)
    facts: list[RawFact] = field(default_factory=list)
    tellable: bool = False  # "Clara tells me that" may stand before it
    drop: bool = False  # the subject stands in the clause before
    nested: bool = False


class ClauseWriter:
    """Renders forms for one entry; keeps what the entry has said so far."""

    def __init__(
        self,
        rng: random.Random,
        world: World,
        language: Language,
        style: str,
        day: date,
        naming: Naming,
        planner: Planner,
    ) -> None:
        self.rng, self.world, self.language, self.style, self.day = rng, world, language, style, day
        self.naming, self.planner = naming, planner
        self.sentences: list[str] = []
        self.facts: list[RawFact] = []
        self.last: list[Being] = []  # people of the last sentence
        self.now = Sentence({})

    def _form(self, section: str, voice: str) -> Form | None:
        for _ in range(8):
            form = self.language.pick(self.rng, section, voice)
            if form is None or not form.flags or self.style in form.flags:
                return form
        return None

    def _render(self, form: Form) -> str:
        self.naming.pending = self.now.mentions
        self.now.tellable = form.text.startswith("{s} ") and not self.now.drop
        text = " ".join(render(form.parts, self.rng, self._fill).split())
        text = an_before_vowel(text) if self.language.name == "en" else text
        return re.sub(r" +([,.;!?])", r"\1", re.sub(r",(?:\s*,)+", ",", text)).rstrip(",")

    def _opener(self) -> str:
        name = "opener.old" if self.style == "old" and self.rng.random() < 0.5 else "opener"
        return self._word(name)

    # --- slots ---------------------------------------------------------------------------------------------------

    def _fill(self, name: str, modifier: str) -> str:
        now = self.now
        if name == "I":
            chance = {"plain": 0.75, "terse": 0.2, "lively": 0.8, "old": 0.5}[self.style]
            return "I" if not now.drop and self.rng.random() < chance else ""
        if name in ("s", "s's", "o", "o's"):
            return self._role(name, now.roles[name[0]], modifier)
        if name == "os":
            return self._list([now.roles["o"], *now.more], modifier)
        if name in ("in", "to"):
            return self.language.lists[f"{name}.{now.roles[modifier or 'o'].kind}"][0]
        if "?" in name:
            return modifier if now.roles[name[0]].woman else name[2:]
        if name in ("he", "him", "his"):
            return self.naming.pronoun(now.roles[modifier or "s"], name)
        if name == "open":
            now.when_used = now.when is not None
            return now.when.words if now.when else self._opener()
        if name == "when":
            now.when_used = now.when is not None
            return now.when.words if now.when else ""
        if name in ("anyday", "anyold", "anysince"):
            say = {"anyday": dating.recent, "anyold": dating.old, "anysince": dating.since}[name]
            words = say(self.rng, self.day, self.language.name).words
            return words[0].upper() + words[1:] if modifier == "cap" else words
        if name in ("since", "old", "span"):
            return self._date(name)
        if name in TYPES or name in ("work", "home", "school.of", "back"):
            return self._cast(name, modifier)
        if name not in now.caught:
            now.caught[name] = self._where() if name == "where" else self._word(name)
        text = now.caught[name]
        return text[:1].upper() + text[1:] if modifier == "cap" else text

    def _word(self, name: str) -> str:
        return render(self.language.template(self.rng, name), self.rng, self._fill)

    def _role(self, name: str, being: Being, case: str) -> str:
        now = self.now
        if name == "s" and now.drop:
            return ""
        if (
            name == "s"
            and (now.tellable or case == "p")
            and not now.mentions
            and being.kind == "person"
            and self.last == [being]
            and self.rng.random() < 0.5
        ):
            return self.naming.pronoun(being, "he")
        text = self._mention(being, case)
        if (
            name == "s"
            and now.tellable
            and len(now.mentions) == 1
            and being.kind == "person"
            and self.rng.random() < 0.08
        ):
            told = self.language.word(self.rng, "tells").replace("@", text)
            return told.replace("#", self.naming.pronoun(being, "he"))
        if name == "o" and being.kind == "person" and not now.nested and not now.drop and self.rng.random() < 0.1:
            text += self._relative(being)
        return f"{text}'s" if name.endswith("'s") else text

    def _relative(self, being: Being) -> str:
        """ ", who works at Siemens," with a fact of its own."""
        event = self.planner.draw(self.rng.choice(RELATIVES), being)
        now = self.now
        if event is None or event.source is not being or event.target in now.roles.values() or event.target in now.more:
            return ""
        form = self.language.pick(self.rng, event.section, "rel")
        if form is None:
            return ""
        kept, now.roles, caught, now.caught = now.roles, {"s": being, "o": event.target}, now.caught, {}
        dates, now.valid, now.invalid = (now.valid, now.invalid), None, None  # "who moved there in 1898" dates itself
        now.nested = True
        text = render(form.parts, self.rng, self._fill)
        wording = form.fact or self.language.facts[event.section]
        self._fact(being, event.target, event.relation, wording, now.valid or self.day, now.invalid)
        now.roles, now.caught, now.nested = kept, caught, False
        now.valid, now.invalid = dates
        return f", {text},"

    def _list(self, beings: list[Being], case: str) -> str:
        names = [self._mention(being, case) for being in beings]
        word = self.language.lists["and"][0]
        return f"{', '.join(names[:-1])} {word} {names[-1]}" if len(names) > 1 else names[0]

    def _date(self, name: str) -> str:
        now, language = self.now, self.language.name
        if name == "span":
            start, end = dating.span(self.rng, self.day, language)
            now.valid, now.invalid = start.day, end.day
            return f"{start.words} {end.words}"
        said = (dating.since if name == "since" else dating.old)(self.rng, self.day, language)
        now.valid = said.day
        return said.words

    def _cast(self, kind: str, role: str) -> str:
        """A being for a scene: {person:a} casts someone anew, {work:b.a} is where `a` works, {back:a} is `a` again.

        A case may follow: {person:a/d} is a dative where the language has one.
        """
        now = self.now
        role, _, case = role.partition("/")
        role, _, of = role.partition(".")
        if kind == "back":
            return self._mention(now.roles[role], case)
        for _ in range(6):
            if of:
                being = self.planner.held({"school.of": "school"}.get(kind, kind), now.roles[of])
            else:
                being = self.world.person() if kind == "person" else self.world.any(kind)
            if being not in now.roles.values():
                break
        else:
            being = self.world.make_person("friend") if kind == "person" else self.world.make(being.kind)
        now.roles[role] = being
        return self._mention(being, case)

    def _where(self) -> str:
        chance = self.rng.random()
        if chance < 0.45:
            return ""
        if chance < 0.68:
            return " " + self._word("wherever")
        kind = "venue" if chance < 0.84 else "town"
        being = self.world.any(kind)
        if being in self.now.roles.values() or any(f.target is being for f in self.now.facts):
            return ""
        text = self._mention(being, "d")
        self._fact(self.world.owner, being, "WAS_AT", self.language.facts["WAS_AT"])
        return f" {self.language.lists['at.' + kind][0]} {text}"

    def _mention(self, being: Being, case: str = "") -> str:
        said = self.naming.mention(being, case)
        self.now.mentions.append((being, said.surface))
        if said.tie:
            self._fact(self.world.owner, being, *self.naming.tie(being), self.day)
        if being.type == "Work" and self.naming.quote:
            return f"{self.naming.quote[0]}{said.surface}{self.naming.quote[1]}"
        return said.before + said.surface

    # --- facts ---------------------------------------------------------------------------------------------------

    def _wording(self, relation: str, source: str, target: str) -> str:
        return self.language.facts[relation].replace("{s}", f"{{{source or 's'}}}").replace("{t}", f"{{{target}}}")

    def _fact(
        self,
        source: Being,
        target: Being,
        relation: str,
        wording: str,
        day: date | None = None,
        end: date | None = None,
    ) -> None:
        now = self.now
        roles = {**now.roles, "s": source, "t": target, "me": self.world.owner}
        now.facts.append(RawFact(len(self.sentences), source, target, relation, wording, now.caught, roles, day, end))

    def _settle(self) -> None:
        """Date the facts written so far by the dates their clause names."""
        now = self.now
        for fact in now.facts:
            if fact.valid is None:
                fact.valid = now.valid or (now.when.day if now.when else self.day)
                fact.invalid = now.invalid
        now.valid = now.invalid = None
