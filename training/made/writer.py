"""One entry of a made journal: events, scenes and idle remarks become its sentences, in order.

Knows which forms can open, join and end a sentence; chooses no events. In: events.  Out: sentences and raw facts.
"""

import re

from training.made import dating
from training.made.clauses import ClauseWriter, Sentence
from training.made.planner import Event
from training.made.relations import RELATIONS, SINGLES, STATES
from training.made.words import Form

# A form that can follow "Yesterday" or "This morning": the diarist does something, in the simple past.
PAST = re.compile(
    r"\{I\} (?!have |am |\[am|work |study |live |own |teach |keep |love |must |wonder |hope |ought |\[still|\[have)"
)
JOINABLE = re.compile(
    r"\{s\} (?:has|is|was|works|lives|studies|teaches|owns|had|keeps|hat|ist|arbeitet|wohnt|a|est|travaille)\b"
)

CHAIN_CHARS = 170  # a longer chain gets no further clause: past 400 characters the app would cut it in two


class EntryWriter(ClauseWriter):
    """Writes one entry, sentence by sentence."""

    # --- sentences -----------------------------------------------------------------------------------------------

    def tell(self, event: Event) -> bool:
        """Write one event; False where no form fits."""
        voice = "list" if event.more else "me" if event.source is self.world.owner else "they"
        form = self._form(event.section, voice)
        if form is None:
            return False
        now = self.now = Sentence({"s": event.source, "o": event.target}, event.more)
        text = self._clause(form, event)
        closed = text[-1] in ".!?"
        if not closed and "," not in text and self.language.name == "en" and self.rng.random() < 0.14:
            text = self._joined(text, form, event)
        self._end(text)
        return bool(now.facts)

    def say(self, section: str) -> bool:
        """A sentence without a fact: weather, moods, plans, or a mere mention of someone."""
        form = self._form(section, "me")
        if form is None:
            return False
        self.now = Sentence({"s": self.world.owner})
        text = self._render(form)
        if any(text in said for said in self.sentences):
            return False
        self._end(text, plain=True)
        return True

    def scene(self) -> bool:
        """A sentence of several facts, each with its own two ends."""
        form = self._form("SCENE", "me")
        if form is None:
            return False
        now = self.now = Sentence({"s": self.world.owner})
        if "open" in form.slots or "when" in form.slots:
            self._draw_when(0.4)
        text = self._render(form)
        if now.when and not now.when_used:
            now.when = None
        self._scene_facts(form)
        self._end(text, plain=True)
        return True

    def chain(self) -> bool:
        """Clauses one after another in one sentence, as Pepys writes and as a list of errands is written."""
        start, end = self._clause_form("start"), self._clause_form("end")
        if start is None or end is None:
            return False
        now = self.now = Sentence({})
        clauses: list[str] = []
        for _ in range(self.rng.randint(2, 5 if self.style == "old" else 4)):
            if sum(map(len, clauses)) > CHAIN_CHARS:
                break
            form = self._clause_form("me")
            if form is not None:
                now.roles, now.caught = {"s": self.world.owner}, {}
                clauses.append(self._render(form))
                if form.fact != "-":
                    self._scene_facts(form)
        joins = (", and ", "; ", ", thence ", ", then ") if self.style == "old" else (", ", ", ", "; ")
        text = clauses[0] if clauses else ""
        for clause in clauses[1:]:
            text += self.rng.choice(joins) + clause
        text = f"{self._render(start)} {text}" + (f", {self._render(end)}" if self.rng.random() < 0.5 else "")
        self._end(text, plain=True)
        return True

    def _clause_form(self, voice: str) -> Form | None:
        """Old clauses go with old ones: "thence a call about computers" would be no one's voice."""
        for _ in range(12):
            form = self._form("CHAIN", voice)
            if form is not None and ("old" in form.flags) == (self.style == "old"):
                return form
        return None

    def _scene_facts(self, form: Form) -> None:
        now = self.now
        for line in form.fact.split(";;"):
            relation, ends, wording = (line.strip() + "  ").split(" ", 2)
            source, _, target = ends.partition(">")
            if target not in now.roles or (source or "s") not in now.roles:
                continue  # its clause was not chosen
            one, other = now.roles[source or "s"], now.roles[target]
            if relation in SINGLES:
                self.planner.single[SINGLES[relation][0], one.identity] = other
            wording = (wording.strip() or self._wording(relation, source, target)).replace("{s}", "{me}")
            self._fact(one, other, RELATIONS.get(relation, relation), wording)

    def _clause(self, form: Form, event: Event) -> str:
        now = self.now
        dated = form.slots & {"since", "old", "span"}  # "this morning I lived there till 1904" is no sentence
        opens = self.language.name == "en" and bool(PAST.match(form.text)) and not now.drop and not dated
        if (opens or form.slots & {"when", "open"}) and (event.section == "MOVED_TO" or event.relation not in STATES):
            self._draw_when(0.4)
        text = self._render(form)
        if opens and not now.when_used and self.rng.random() < 0.3:
            said = now.when.words if now.when else self._opener()
            text = f"{said} {text if text.startswith('I ') else 'I ' + text if self.rng.random() < 0.6 else text}"
        elif now.when and not now.when_used:
            now.when = None
        if (
            form.text.startswith("{s} ")
            and now.mentions
            and text.startswith(now.mentions[0][1])
            and self.rng.random() < 0.1
        ):
            text = f"{self.language.word(self.rng, 'hear')} {text}"
        wording = form.fact or self.language.facts[event.section]
        for target in (event.target, *event.more):
            self._fact(event.source, target, form.relation or event.relation, wording)
        return text

    def _joined(self, text: str, form: Form, event: Event) -> str:
        """A second clause with the same subject."""
        mine = event.source is self.world.owner
        if not (PAST.match(form.text) if mine else JOINABLE.match(form.text) and event.source.kind == "person"):
            return text
        second = (
            self.planner.event()
            if mine
            else self.planner.draw(self.rng.choice(("LIVES_IN", "WORKS_AT", "OWNS", "ILL_WITH")), event.source)
        )
        if (
            second is None
            or second.source is not event.source
            or {second.target, *second.more} & set(self.now.roles.values())
        ):
            return text
        for _ in range(4):
            other = self._form(second.section, "me" if mine else "they")
            if (
                other
                and (PAST if mine else JOINABLE).match(other.text)
                and not other.slots & {"when", "since"}
                and other.text[-1] not in "!?"
            ):
                now = self.now
                kept, now.roles = now.roles, {"s": second.source, "o": second.target}
                now.drop, now.caught = True, {}
                self._settle()
                clause = self._clause(other, second)
                now.roles = kept
                return (
                    f"{text}{self.rng.choice((' and ', ', and ', ', then ') if mine else (' and ', ', and '))}{clause}"
                )
        return text

    def _draw_when(self, chance: float) -> None:
        if self.now.when is None and not self.now.drop and self.rng.random() < chance:
            self.now.when = dating.recent(self.rng, self.day, self.language.name)

    def _end(self, text: str, plain: bool = False) -> None:
        now = self.now
        if text[-1] not in ".!?":
            if not plain and self.rng.random() < 0.1 and "," not in text:
                text += re.sub(r"^\s*(?=\w)", " ", self._word("tail").rstrip())
            text += "." if self.rng.random() < 0.96 else "!"
        text = re.sub(r",(?=[.!?]$)", "", re.sub(r",(?:\s*,)+", ",", text))
        if text[0].islower():
            for i, (being, surface) in enumerate(now.mentions):
                if text.startswith(surface):
                    now.mentions[i] = being, surface[0].upper() + surface[1:]
                    break
            text = text[0].upper() + text[1:]
        for being, surface in now.mentions:
            self.naming.keep(being, surface)
        people = [being for being, _ in now.mentions if being.kind == "person"]
        self.last = people or (self.last if self.rng.random() < 0.5 and not now.facts else [])
        self.sentences.append(text)
        self._settle()
        self.facts += now.facts
