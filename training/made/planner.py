"""What happens in a made life: events chosen from a world whose states change.

Knows beings and states; knows no words. In: a World.  Out: Events, each true when it is told.
"""

import random
from dataclasses import dataclass, field

from training.made.world import Being, World


@dataclass(eq=False)
class Event:
    """Something to tell: `section` names its sentence forms, `relation` its fact."""

    section: str
    relation: str
    source: Being
    target: Being
    state: bool = False  # holds until something ends it
    more: list[Being] = field(default_factory=list)


# relation -> the relations of the same source that it puts an end to (with another target)
REPLACES = {
    "LIVES_IN": ("LIVES_IN", "MOVED_TO"),
    "MOVED_TO": ("LIVES_IN", "MOVED_TO"),
    "WORKS_AT": ("WORKS_AT",),
    "STUDIES_AT": ("STUDIES_AT",),
}
# relation -> the relations between the same two that it puts an end to
ENDS = {
    "LEFT": ("WORKS_AT", "STUDIES_AT", "MEMBER_OF", "TEACHES_AT"),
    "SEPARATED_FROM": ("MARRIED_TO", "ENGAGED_TO", "LOVES"),
    "MARRIED_TO": ("ENGAGED_TO",),
    "SOLD": ("OWNS", "BOUGHT"),
    "FINISHED": ("WORKS_ON",),
    "RECOVERED_FROM": ("ILL_WITH",),
}
STATES = {"LIVES_IN", "MOVED_TO", "WORKS_AT", "STUDIES_AT", "MARRIED_TO", "ILL_WITH", "OWNS", "BOUGHT", "MEMBER_OF",
          "TEACHES_AT", "ENGAGED_TO", "LOVES", "WORKS_ON", "SIBLING_OF", "PARENT_OF", "FRIEND_OF", "NEIGHBOUR_OF",
          "WORKS_WITH", "BORN_IN", "LOCATED_IN", "PLAYS"}  # fmt: skip

WEIGHTS = {
    "MET": 10, "VISITED": 6, "CAME": 4, "WENT": 6, "DINED_WITH": 8, "READ": 6,
    "LIVES_IN": 6, "MOVED_TO": 5, "WORKS_AT": 7, "LEFT": 4, "STUDIES_AT": 3,
    "BOUGHT": 3, "SOLD": 2, "MARRIED_TO": 3, "SEPARATED_FROM": 2, "ILL_WITH": 4,
}  # fmt: skip
RELATIONS = {"CAME": "VISITED", "WENT": "TRAVELLED_TO"}
JOBS = ("company", "company", "company", "school", "hospital")


class Planner:
    """Draws events; what it tells becomes so."""

    def __init__(self, rng: random.Random, world: World, sections: set[str]) -> None:
        self.rng, self.world = rng, world
        names = [name for name in WEIGHTS if name in sections]
        self.names, self.weights = names, [WEIGHTS[name] for name in names]
        self.single: dict[tuple[str, int], Being] = {}  # (kind of state, person) -> home, work, school, partner, illness
        self.owned: list[tuple[Being, Being]] = []

    def event(self) -> Event | None:
        """The next thing to tell, or None where the drawn kind does not fit this life now."""
        section = self.rng.choices(self.names, self.weights)[0]
        event: Event | None = getattr(self, f"_{section.lower()}")()
        return event

    # --- meetings ------------------------------------------------------------------------------------------------

    def _with(self, section: str) -> Event:
        return Event(section, RELATIONS.get(section, section), self.world.owner, self.world.person())

    def _met(self) -> Event:
        return self._with("MET")

    def _visited(self) -> Event:
        return self._with("VISITED")

    def _dined_with(self) -> Event:
        return self._with("DINED_WITH")

    def _came(self) -> Event:
        return Event("CAME", "VISITED", self.world.person(), self.world.owner)

    def _went(self) -> Event:
        return Event("WENT", "TRAVELLED_TO", self._someone(0.75), self._place())

    def _read(self) -> Event:
        return Event("READ", "READ", self._someone(0.8), self.world.any("book"))

    # --- states --------------------------------------------------------------------------------------------------

    def _lives_in(self) -> Event:
        who = self._someone(0.2)
        home = self.single.setdefault(("home", who.identity), self._place(0.6))
        return Event("LIVES_IN", "LIVES_IN", who, home, True)

    def _moved_to(self) -> Event:
        who = self._someone(0.25)
        return Event("MOVED_TO", "MOVED_TO", who, self._change("home", who, self._place(0.7)), True)

    def _works_at(self) -> Event:
        who = self._someone(0.2)
        old = self.single.get(("work", who.identity))
        if old is None or self.rng.random() < 0.45:
            self._change("work", who, self.world.any(self.rng.choice(JOBS)))
        return Event("WORKS_AT", "WORKS_AT", who, self.single["work", who.identity], True)

    def _left(self) -> Event | None:
        return self._leave("LEFT", "LEFT", "work")

    def _studies_at(self) -> Event:
        who = self._someone(0.25)
        school = self.single.setdefault(("school", who.identity), self.world.any("school"))
        return Event("STUDIES_AT", "STUDIES_AT", who, school, True)

    def _ill_with(self) -> Event:
        who = self._someone(0.3)
        illness = self.single.setdefault(("illness", who.identity), self.world.any("illness"))
        return Event("ILL_WITH", "ILL_WITH", who, illness, True)

    def _married_to(self) -> Event | None:
        who = self.world.person()
        other = self.single.get(("partner", who.identity)) or self.world.person(0.3)
        if other is who or who.role in ("wife", "husband") or other.role in ("wife", "husband"):
            return None
        if self.single.get(("partner", other.identity), who) is not who:
            return None
        self.single["partner", who.identity], self.single["partner", other.identity] = other, who
        return Event("MARRIED_TO", "MARRIED_TO", who, other, True)

    def _separated_from(self) -> Event | None:
        event = self._leave("SEPARATED_FROM", "SEPARATED_FROM", "partner")
        if event:
            self.single.pop(("partner", event.target.identity), None)
        return event

    def _bought(self) -> Event:
        who = self._someone(0.6)
        thing = self.world.make(self.rng.choice(("boat", "house", "pet")))
        self.owned.append((who, thing))
        return Event("BOUGHT", "BOUGHT", who, thing, True)

    def _sold(self) -> Event | None:
        if not self.owned:
            return None
        who, thing = self.owned.pop(self.rng.randrange(len(self.owned)))
        return None if who.dead else Event("SOLD", "SOLD", who, thing)

    # --- drawing -------------------------------------------------------------------------------------------------

    def _someone(self, owner: float) -> Being:
        return self.world.owner if self.rng.random() < owner else self.world.person()

    def _place(self, fresh: float = 0.4) -> Being:
        return self.world.any("town" if self.rng.random() < 0.85 else "country", fresh)

    def _change(self, state: str, who: Being, new: Being) -> Being:
        if new is self.single.get((state, who.identity)):
            new = self.world.make(new.kind)
        self.single[state, who.identity] = new
        return new

    def _leave(self, section: str, relation: str, state: str) -> Event | None:
        """Only what the journal may have told can end: mostly known pairs, now and then a new one."""
        known = [
            (who, self.single[state, who.identity])
            for who in [self.world.owner, *self.world.beings["person"]]
            if (state, who.identity) in self.single and not who.dead
        ]
        if not known:
            return None
        who, what = self.rng.choice(known)
        del self.single[state, who.identity]
        return Event(section, relation, who, what)
