"""The relations of made lives: how often they are told, of whom and of what, and what puts an end to what.

Knows names of relations and kinds of beings. In: nothing.  Out: tables.
"""

JOBS = ("company", "company", "company", "school", "hospital")

# section of the words files -> how often it is told
CHANCES = {
    "MET": 12, "VISITED": 6, "CAME": 6, "WENT": 7, "DINED_WITH": 8, "CALLED": 3, "WROTE_TO": 4, "HEARD_FROM": 5,
    "QUARRELLED_WITH": 3, "HELPED": 2, "READ": 6, "WATCHED": 4, "HEARD": 2, "DISLIKED": 1.5, "LIVES_IN": 5,
    "MOVED_TO": 5, "WORKS_AT": 6, "LEFT": 4, "STUDIES_AT": 3, "TEACHES_AT": 2, "BOUGHT": 3, "SOLD": 2, "OWNS": 3,
    "MARRIED_TO": 3, "ENGAGED_TO": 2, "SEPARATED_FROM": 2, "ILL_WITH": 4, "RECOVERED_FROM": 2, "TREATED_BY": 2,
    "MEMBER_OF": 2.5, "RESIGNED": 1, "WORKS_ON": 4, "FINISHED": 2, "WROTE": 2, "FRIEND_OF": 2, "NEIGHBOUR_OF": 1.5,
    "WORKS_WITH": 2, "SIBLING_OF": 2.5, "PARENT_OF": 2.5, "BORN_IN": 2, "LOCATED_IN": 2, "LOVES": 2, "DIED_IN": 1.5,
    "GAVE": 2, "LENT": 1.5, "VISITS_PLACE": 5, "PLAYED_WITH": 2, "PAID": 1.5, "INTRODUCED": 1,
}  # fmt: skip
# where the section's name is not its relation
RELATIONS = {
    "CAME": "VISITED", "WENT": "TRAVELLED_TO", "HEARD_FROM": "WROTE_TO", "HEARD": "LISTENED_TO", "RESIGNED": "LEFT",
    "VISITS_PLACE": "WAS_AT", "GAVE": "GAVE_TO", "LENT": "LENT_TO", "DIED_IN": "DIED_IN", "INTRODUCED": "MET",
}  # fmt: skip

# things that happen: chance that the diarist does them, kinds of target
HAPPENINGS: dict[str, tuple[float, tuple[str, ...]]] = {
    "MET": (1.0, ("person",)), "VISITED": (0.65, ("person",)), "CAME": (0.0, ("me",)),
    "WENT": (0.7, ("town", "town", "town", "country")), "DINED_WITH": (1.0, ("person",)), "CALLED": (1.0, ("person",)),
    "WROTE_TO": (1.0, ("person",)), "HEARD_FROM": (0.0, ("me",)), "QUARRELLED_WITH": (0.65, ("person",)),
    "HELPED": (0.45, ("person",)), "READ": (0.8, ("book",)), "WATCHED": (0.8, ("film", "play")),
    "HEARD": (0.9, ("music",)), "DISLIKED": (0.7, ("person",)), "TREATED_BY": (0.4, ("doctor",)),
    "GAVE": (0.0, ("me",)), "LENT": (0.6, ("person",)), "VISITS_PLACE": (0.85, ("venue", "venue", "house", "hospital")),
    "PLAYED_WITH": (1.0, ("person",)), "PAID": (1.0, ("person",)), "INTRODUCED": (1.0, ("person",)),
}  # fmt: skip
# states of which one has one: its key, the diarist's chance, kinds, chance of change when told
SINGLES: dict[str, tuple[str, float, tuple[str, ...], float]] = {
    "LIVES_IN": ("home", 0.15, ("town", "town", "town", "street", "country"), 0.12),
    "MOVED_TO": ("home", 0.25, ("town", "town", "town", "street", "house", "country"), 1.0),
    "WORKS_AT": ("work", 0.2, JOBS, 0.4),
    "STUDIES_AT": ("school", 0.2, ("school",), 0.15),
    "TEACHES_AT": ("work", 0.15, ("school",), 1.0),
    "ILL_WITH": ("illness", 0.3, ("illness",), 0.1),
}
# states of which one may have many
KEEPINGS: dict[str, tuple[float, tuple[str, ...]]] = {
    "OWNS": (0.45, ("boat", "house", "pet", "pet")), "BOUGHT": (0.6, ("boat", "house", "pet")),
    "MEMBER_OF": (0.4, ("club",)), "WORKS_ON": (0.6, ("project",)), "WROTE": (0.3, ("book", "play", "music")),
    "LOVES": (0.5, ("person", "town", "book", "music")),
}  # fmt: skip
# ties that do not change
TIES: dict[str, tuple[float, tuple[str, ...]]] = {
    "FRIEND_OF": (0.0, ("person",)), "NEIGHBOUR_OF": (0.0, ("person",)), "WORKS_WITH": (0.0, ("person",)),
    "SIBLING_OF": (0.0, ("person",)), "PARENT_OF": (0.0, ("person",)), "BORN_IN": (0.2, ("town",)),
    "LOCATED_IN": (0.0, ("town",)),
}  # fmt: skip
# what ends: the state's key, or the sections of KEEPINGS
PARTINGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "LEFT": ("work", ()), "SEPARATED_FROM": ("partner", ()), "RECOVERED_FROM": ("illness", ()),
    "SOLD": ("", ("OWNS", "BOUGHT")), "FINISHED": ("", ("WORKS_ON",)), "RESIGNED": ("", ("MEMBER_OF",)),
}  # fmt: skip

# a fact ends earlier facts of the same source with another target
REPLACES = {
    "LIVES_IN": ("LIVES_IN", "MOVED_TO"),
    "MOVED_TO": ("LIVES_IN", "MOVED_TO"),
    "WORKS_AT": ("WORKS_AT", "TEACHES_AT"),
    "TEACHES_AT": ("WORKS_AT", "TEACHES_AT"),
    "STUDIES_AT": ("STUDIES_AT",),
}
# a fact ends earlier facts of the same source and target
ENDS = {
    "LEFT": ("WORKS_AT", "STUDIES_AT", "MEMBER_OF", "TEACHES_AT"),
    "SEPARATED_FROM": ("MARRIED_TO", "ENGAGED_TO", "LOVES"),
    "MARRIED_TO": ("ENGAGED_TO",),
    "SOLD": ("OWNS", "BOUGHT"),
    "FINISHED": ("WORKS_ON",),
    "RECOVERED_FROM": ("ILL_WITH",),
}
# what may follow a state that was told: the sections that change or end it
CHANGES: dict[str, tuple[str, ...]] = {
    "LIVES_IN": ("MOVED_TO", "MOVED_TO", "LIVES_IN"), "MOVED_TO": ("MOVED_TO", "LIVES_IN"),
    "WORKS_AT": ("LEFT", "WORKS_AT", "WORKS_AT", "TEACHES_AT"), "TEACHES_AT": ("LEFT", "WORKS_AT"),
    "STUDIES_AT": ("STUDIES_AT",), "MARRIED_TO": ("SEPARATED_FROM",), "ENGAGED_TO": ("MARRIED_TO", "SEPARATED_FROM"),
    "ILL_WITH": ("RECOVERED_FROM",), "OWNS": ("SOLD",), "BOUGHT": ("SOLD",), "WORKS_ON": ("FINISHED",),
    "MEMBER_OF": ("RESIGNED",),
}  # fmt: skip
# states that are told again in other words
SAME = {"MOVED_TO": "LIVES_IN", "BOUGHT": "OWNS"}
MUTUAL = {"SEPARATED_FROM", "MARRIED_TO", "ENGAGED_TO", "SIBLING_OF", "FRIEND_OF", "NEIGHBOUR_OF", "WORKS_WITH"}
# what a death ends, as source or as target
MORTAL = {"LIVES_IN", "MOVED_TO", "WORKS_AT", "TEACHES_AT", "STUDIES_AT", "ILL_WITH", "MARRIED_TO", "ENGAGED_TO",
          "MEMBER_OF", "WORKS_ON", "OWNS"}  # fmt: skip
STATES = {*SINGLES, *KEEPINGS, *TIES, "MARRIED_TO", "ENGAGED_TO", "RELATED_TO"}
