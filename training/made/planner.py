"""What happens in a made life: events chosen from a world whose states change.

Knows beings and states; knows no words. In: a World.  Out: Events, each true when it is told.
"""

import random
from dataclasses import dataclass, field

from training.made.relations import (
    CHANCES,
    CHANGES,
    HAPPENINGS,
    JOBS,
    KEEPINGS,
    PARTINGS,
    RELATIONS,
    SINGLES,
    TIES,
)
from training.made.world import Being, World


@dataclass(eq=False)
class Event:
    """Something to tell: `section` names its sentence forms, `relation` its fact."""

    section: str
    relation: str
    source: Being
    target: Being
    state: bool = False  # holds until something ends it
    more: list[Being] = field(default_factory=list)  # further targets, told in a list


class Planner:
    """Draws events; what it tells becomes so."""

    def __init__(self, rng: random.Random, world: World, sections: set[str]) -> None:
        self.rng, self.world = rng, world
        self.names = [name for name in CHANCES if name in sections]
        # every diarist has matters of his own: some relations fill one journal and are missing from another
        self.weights = [CHANCES[name] * rng.choice((0.3, 1.0, 1.0, 2.5)) for name in self.names]
        self.single: dict[
            tuple[str, int], Being
        ] = {}  # (kind of state, person) -> home, work, school, partner, illness
        self.kept: dict[str, list[tuple[Being, Being]]] = {}  # section -> who owns, makes, belongs to what

    def event(self) -> Event | None:
        """The next thing to tell, or None where the drawn kind does not fit this life now."""
        return self.draw(self.rng.choices(self.names, self.weights)[0])

    def draw(self, section: str, who: Being | None = None) -> Event | None:
        """An event of a kind, of a given person if one is named."""
        if section in HAPPENINGS:
            owner, kinds = HAPPENINGS[section]
            who = who or self._someone(owner)
            return self._checked(section, who, self._target(kinds, who))
        if section in SINGLES:
            return self._single(section, who)
        if section in KEEPINGS:
            return self._keeping(section, who)
        if section in TIES:
            return self._tie(section, who)
        if section in PARTINGS:
            return self._parting(section)
        return self._bond(section) if section in ("MARRIED_TO", "ENGAGED_TO") else self._end_of_life()

    def change(self, relation: str, who: Being, what: Being) -> Event | None:
        """The end of a state that was told, or another in its place."""
        section = self.rng.choice(CHANGES[relation])
        if section in SINGLES:
            state, _, kinds, _ = SINGLES[section]
            new = self._target(kinds, who)
            if new is what:
                new = self.world.make(new.kind)
            self.single[state, who.identity] = new
            return self._checked(section, who, new, True)
        for key, being in list(self.single.items()):
            if being is what and key[1] == who.identity and section != "MARRIED_TO":
                del self.single[key]
        for pairs in self.kept.values():
            if (who, what) in pairs:
                pairs.remove((who, what))
        return self._checked(section, who, what, section == "MARRIED_TO")

    def company(self, event: Event) -> None:
        """More people for an event that can be told of several."""
        for _ in range(self.rng.choice((1, 1, 2, 2, 3))):
            other = self.world.person()
            if other not in (event.source, event.target, *event.more):
                event.more.append(other)

    def held(self, state: str, who: Being) -> Being:
        """A person's home, work, school or partner, as the scenes ask for it."""
        kinds = {"home": ("town",), "work": JOBS, "school": ("school",)}[state]
        if (state, who.identity) not in self.single:
            self.single[state, who.identity] = self.world.any(self.rng.choice(kinds))
        return self.single[state, who.identity]

    # --- kinds of events -----------------------------------------------------------------------------------------

    def _single(self, section: str, who: Being | None) -> Event | None:
        """A state of which a person has one: telling it again repeats it, changing it ends the old one."""
        state, owner, kinds, change = SINGLES[section]
        who = who or self._someone(owner)
        old = self.single.get((state, who.identity))
        if old is None or self.rng.random() < change:
            new = self._target(kinds, who)
            if new is old:
                new = self.world.make(new.kind) if new.kind != "person" else self.world.make_person("acquaintance")
            self.single[state, who.identity] = new
        return self._checked(section, who, self.single[state, who.identity], True)

    def _keeping(self, section: str, who: Being | None) -> Event | None:
        """A state of which a person may have many: what is owned, belonged to, worked on."""
        owner, kinds = KEEPINGS[section]
        known = [pair for pair in self.kept.get(section, []) if not pair[0].dead and (who is None or pair[0] is who)]
        if known and self.rng.random() < 0.45:
            source, target = self.rng.choice(known)
        else:
            source = who or self._someone(owner)
            target = (
                self.world.make(self.rng.choice(kinds))
                if section in ("OWNS", "BOUGHT", "WROTE")
                else self._target(kinds, source)
            )
            self.kept.setdefault(section, []).append((source, target))
        return self._checked(section, source, target, True)

    def _tie(self, section: str, who: Being | None) -> Event | None:
        """What two people are to each other, or what a thing is to a place; it does not change."""
        owner, kinds = TIES[section]
        if section == "LOCATED_IN":
            source = self.world.any(self.rng.choice(("venue", "street", "company", "school", "house", "hospital")))
            place = self.single.setdefault(("place", source.identity), self.world.any("town"))
            return self._checked(section, source, place, True)
        known = self.kept.get(section, [])
        if known and who is None and self.rng.random() < 0.4:
            source, target = self.rng.choice(known)
            return None if source.dead else self._checked(section, source, target, True)
        source = who or self._someone(owner)
        if section == "BORN_IN":
            target = self.single.setdefault(("birth", source.identity), self._target(kinds, source))
        else:
            target = self._target(kinds, source)
            if source is self.world.owner and target.role not in ("", "acquaintance"):
                return None  # the diarist is no stranger's brother twice
        if source.kind == "person" and source.role in ("wife", "husband") and section in ("PARENT_OF", "SIBLING_OF"):
            return None
        self.kept.setdefault(section, []).append((source, target))
        return self._checked(section, source, target, True)

    def _parting(self, section: str) -> Event | None:
        """The end of a state: mostly of one that was told."""
        state, kept = PARTINGS[section]
        if kept:
            pairs = [(kind, pair) for kind in kept for pair in self.kept.get(kind, []) if not pair[0].dead]
            if not pairs:
                return None
            kind, pair = self.rng.choice(pairs)
            self.kept[kind].remove(pair)
            return self._checked(section, *pair)
        people = [self.world.owner, *self.world.beings["person"]]
        known = [who for who in people if (state, who.identity) in self.single and not who.dead]
        if not known:
            return None
        who = self.rng.choice(known)
        what = self.single.pop((state, who.identity))
        if state == "partner":
            self.single.pop((state, what.identity), None)
        return self._checked(section, who, what)

    def _bond(self, section: str) -> Event | None:
        """A marriage or an engagement of two people other than the diarist, or of one with a stranger."""
        who = self.world.person()
        other = self.single.get(("partner", who.identity)) or self.world.person(0.3)
        taken = self.single.get(("partner", other.identity), who) is not who
        same = who.woman == other.woman and self.rng.random() < 0.85
        if other is who or taken or same or {who.role, other.role} & {"wife", "husband", "mother", "father"}:
            return None
        self.single["partner", who.identity], self.single["partner", other.identity] = other, who
        return self._checked(section, who, other, True)

    def _end_of_life(self) -> Event | None:
        who = self.world.person()
        if self.rng.random() < 0.4 or sum(not p.dead for p in self.world.beings["person"]) < 6:
            return None
        who.dead = True
        return self._checked("DIED_IN", who, self._target(("town", "town", "hospital"), who))

    # --- drawing -------------------------------------------------------------------------------------------------

    def _checked(self, section: str, source: Being, target: Being, state: bool = False) -> Event | None:
        if source is target or target.dead or (source.dead and section != "DIED_IN"):
            return None
        return Event(section, RELATIONS.get(section, section), source, target, state)

    def _target(self, kinds: tuple[str, ...], who: Being) -> Being:
        kind = self.rng.choice(kinds)
        if kind == "me":
            return self.world.owner
        if kind == "person":
            return self.world.person()
        if kind == "doctor":
            return self.world.doctor()
        if kind == "town" and self.rng.random() < 0.2 and ("home", who.identity) in self.single:
            return self.world.any("town", 0.0)
        return self.world.any(kind)

    def _someone(self, owner: float) -> Being:
        return self.world.owner if self.rng.random() < owner else self.world.person()
