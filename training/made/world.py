"""The people and things of one diarist's life, with names of their own.

Knows names and kinds; knows no sentences. In: a random source and a language.  Out: Beings, made on demand.
"""

import random
import zlib
from dataclasses import dataclass, field

from app.settings import Settings
from training.made.names import SOUNDS, Sounds, first_name, surname, syllables, town_name
from training.made.template import an_before_vowel
from training.made.words import Language

TYPES = {
    "person": "Person", "town": "Place", "country": "Place", "street": "Place", "house": "Place", "venue": "Place",
    "company": "Organisation", "school": "Organisation", "club": "Organisation", "hospital": "Organisation",
    "book": "Work", "film": "Work", "play": "Work", "music": "Work",
    "project": "Project", "pet": "Thing", "boat": "Thing", "illness": "Thing",
}  # fmt: skip
FAMILY = ("wife", "husband", "mother", "father", "sister", "brother", "son", "daughter", "aunt", "uncle", "cousin",
          "grandmother", "grandfather", "niece", "nephew")  # fmt: skip
WOMEN = {"wife", "mother", "sister", "daughter", "aunt", "grandmother", "niece"}
MEN = {"husband", "father", "brother", "son", "uncle", "grandfather", "nephew"}
NAMELESS_OWNER: str = Settings.model_fields["DAYBOOK_OWNER"].default
INITIALS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"  # no I: it would read as the diarist
OTHERS = ("friend",) * 6 + ("colleague",) * 3 + ("neighbour",) * 2 + ("acquaintance",) * 5


@dataclass(eq=False)
class Being:
    """A particular. `name` is its fullest name; a person has parts of names and a way the diarist speaks of them."""

    identity: int
    kind: str
    name: str
    woman: bool = False
    first: str = ""
    last: str = ""
    nick: str = ""
    title: str = ""
    role: str = ""  # to the diarist: sister, friend, colleague, acquaintance ...
    address: str = ""  # kin, first, formal
    article: str = ""  # "the " of a pub or a ship: written before the name, no part of it
    dead: bool = False
    told: set[str] = field(default_factory=set)

    @property
    def type(self) -> str:
        return TYPES[self.kind]


class World:
    """Makes beings and remembers them by kind."""

    def __init__(self, rng: random.Random, language: Language, style: str) -> None:
        self.rng, self.language, self.style = rng, language, style
        self.sounds: list[Sounds] = [rng.choice(SOUNDS), rng.choice(SOUNDS), SOUNDS[0]]
        self.surnames = rng.choice((0.0, 0.0, 0.1, 0.3)) if style != "lively" else 0.0  # called by the surname alone
        self.initials = not language.held_out and rng.random() < 0.05  # writes H—— for a name
        self.beings: dict[str, list[Being]] = {}
        self.taken: set[str] = set()  # whole names
        self.firsts: set[str] = set()  # first names: two people may share one, a person and a dog may not
        self.count = 0
        self.family_name = surname(rng, language.held_out, self._sounds())
        self.owner = self._owner()
        self._cast()

    def any(self, kind: str, fresh: float = 0.4) -> Being:
        """A being of a kind: an old one, or with chance `fresh` a new one."""
        known = self.beings.get(kind, [])
        if known and self.rng.random() > fresh:
            return self.rng.choice(known)
        return self.make(kind)

    def person(self, fresh: float = 0.12) -> Being:
        """Someone alive: the first of the cast are spoken of most."""
        alive = [p for p in self.beings["person"] if not p.dead]
        if not alive or self.rng.random() < fresh:
            return self.make_person(self.rng.choice(OTHERS))
        return alive[int(len(alive) * self.rng.random() ** 1.7)]

    def make(self, kind: str) -> Being:
        """A new being of a kind that is no person."""
        for _ in range(40):
            name = self._name(kind)
            article = "the " if name.startswith("the ") else ""
            name = name.removeprefix("the ")
            if name not in self.taken | self.firsts:
                return self._keep(Being(self._next(), kind, name, article=article))
        return self.rng.choice(self.beings[kind])  # there are only so many countries and illnesses

    def doctor(self) -> Being:
        """The physician of this circle."""
        known = [p for p in self.beings["person"] if p.role == "doctor" and not p.dead]
        return self.rng.choice(known) if known and self.rng.random() < 0.85 else self.make_person("doctor")

    def make_person(self, role: str) -> Being:
        """A new person; relatives often bear the family's name, others now and then a name already known."""
        rng, held_out = self.rng, self.language.held_out
        woman = role in WOMEN or (role not in MEN and rng.random() < 0.5)
        people = self.beings.get("person", [])
        for _ in range(40):
            first = first_name(rng, woman, held_out, self._sounds())
            last = surname(rng, held_out, self._sounds())
            if role in FAMILY and rng.random() < 0.6:
                last = self.family_name
            elif people and rng.random() < 0.08:
                last = rng.choice(people).last or last
            elif people and rng.random() < 0.05:
                first = next((p.first for p in rng.sample(people, len(people)) if p.woman == woman and p.last), first)
            if not {f"{first} {last}", first} & self.taken and first != last:
                break
        address = self._address(role)
        if address == "last" and last[0].islower():
            address = "first"
        initial = f"{first[0]}——"
        if self.initials and address == "first" and first[0] in INITIALS and initial not in self.taken:
            return self._keep(Being(self._next(), "person", initial, woman, initial, role=role, address=address))
        title = ""
        if role == "doctor":
            title = self.language.lists["titles.doctor"][woman]
        elif address == "formal":
            title = self.language.word(rng, "titles.women" if woman else "titles.men")
        person = Being(self._next(), "person", f"{first} {last}", woman, first, last, "", title, role, address)
        if address == "kin":
            person.name = self.language.word(rng, f"kin.{role}").replace("@", first)
        if rng.random() < 0.12 and len(first) > 4 and address == "first":
            person.nick = self._nick(first)
        return self._keep(person)

    def _address(self, role: str) -> str:
        if role == "doctor":
            return "formal"
        if role in FAMILY:
            has_word = f"kin.{role}" in self.language.lists
            return "kin" if has_word and self.rng.random() < 0.6 else "first"
        if role in ("friend", "colleague", "acquaintance") and self.rng.random() < self.surnames:
            return "last"
        formal = {"plain": 0.15, "terse": 0.05, "lively": 0.1, "old": 0.7}[self.style]
        return "formal" if self.rng.random() < formal * (1.6 if role == "acquaintance" else 1) else "first"

    def _nick(self, first: str) -> str:
        vowel = next((i for i, c in enumerate(first) if i > 1 and c.lower() in "aeiouyäöüéèóá"), 3)
        nick = first[:vowel] + self.rng.choice(("", "", "s", "i", "y"))
        return nick if len(nick) > 2 else ""  # "No" and "So" would read as words

    def _owner(self) -> Being:
        woman = self.rng.random() < 0.5
        first = first_name(self.rng, woman, self.language.held_out, self._sounds())
        while first == self.family_name:
            first = first_name(self.rng, woman, self.language.held_out, self._sounds())
        name = f"{first} {self.family_name}"
        self.taken.add(name)
        is_nameless = zlib.crc32(name.encode()) % 5 == 0  # who gives no --owner is written about under the default
        return Being(-1, "person", NAMELESS_OWNER if is_nameless else name, woman, first, self.family_name)

    def _cast(self) -> None:
        rng = self.rng
        roles = [rng.choice(("wife", "husband"))] if rng.random() < 0.45 else []
        roles += rng.sample(list(FAMILY[2:]), rng.randint(1, 4))
        roles += [rng.choice(OTHERS) for _ in range(rng.randint(5, 10))]
        rng.shuffle(roles)
        for role in roles:
            self.make_person(role)

    def _sounds(self) -> Sounds:
        return self.rng.choice(self.sounds if self.rng.random() < 0.7 else list(SOUNDS))

    def _next(self) -> int:
        self.count += 1
        return self.count

    def _keep(self, being: Being) -> Being:
        self.taken |= {being.name, f"{being.first} {being.last}"}
        self.firsts |= {being.first, being.nick}
        self.beings.setdefault(being.kind, []).append(being)
        return being

    def _part(self, name: str) -> str:
        """A word of a name, of the part that belongs to training or to testing."""
        return self.rng.choice(self.language.part(name))

    def _name(self, kind: str) -> str:
        rng = self.rng
        form = self.language.word(rng, f"names.{kind}")
        out = []
        for word in form.split("~"):
            if word == "T":
                out.append(town_name(rng, self.language.held_out, self._sounds()))
            elif word == "S":
                out.append(surname(rng, self.language.held_out, self._sounds()))
            elif word == "F":
                out.append(first_name(rng, rng.random() < 0.5, self.language.held_out, self._sounds()))
            elif word == "X":
                sounds = self._sounds()
                out.append(syllables(rng, sounds, self.language.held_out, sounds.families + sounds.men))
            elif word in self.language.lists:
                out.append(self._part(word))
            else:
                out.append(word)
        name = "".join(out)
        return an_before_vowel(name) if self.language.name == "en" else name
