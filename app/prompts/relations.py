"""What facts can be: the relations there are from an entity of one kind to one of another.

Knows kinds of entities; knows no model. In: two kinds.  Out: relations, as in Graphiti's `edge_type_map`.

A closed list keeps the graph of many years readable: what people are to what they live in, work at, read and fall ill
with has few names, of known ends; the sentence of the fact keeps every detail. A person is the source of every fact
with anything else, so that none of these can be said the wrong way round.
"""

LAST_RESORT = "CONNECTED_WITH"  # what a person is to anything where no other label fits

RELATIONS: dict[tuple[str, str], tuple[str, ...]] = {
    ("Person", "Person"): (
        "MET", "VISITED", "DINED_WITH", "CALLED", "WROTE_TO", "TALKED_WITH", "TRAVELLED_WITH", "PLAYED_WITH",
        "STAYS_WITH", "LIVES_WITH", "HELPED", "GAVE_TO", "LENT_TO", "PAID", "SOLD_TO", "QUARRELLED_WITH", "DISLIKED",
        "LOVES", "TREATED_BY", "TEACHES", "STUDIED_WITH", "WORKS_WITH", "WORKS_FOR", "FRIEND_OF", "NEIGHBOUR_OF",
        "PARENT_OF", "SIBLING_OF", "MARRIED_TO", "ENGAGED_TO", "SEPARATED_FROM", "RELATED_TO", LAST_RESORT,
    ),
    ("Person", "Place"): (
        "WAS_AT", "TRAVELLED_TO", "RETURNED_FROM", "LIVES_IN", "MOVED_TO", "LEFT_PLACE", "COMES_FROM", "BORN_IN",
        "DIED_IN", "WORKS_AT", "OWNS", "BOUGHT", "SOLD", "LOVES", LAST_RESORT,
    ),
    ("Person", "Organisation"): (
        "WORKS_AT", "STUDIES_AT", "TEACHES_AT", "MEMBER_OF", "LEADS", "LEFT", "WAS_AT", "DIED_IN", LAST_RESORT,
    ),
    ("Person", "Work"): (
        "READ", "WATCHED", "LISTENED_TO", "WROTE", "PERFORMED", "PRACTISED", "PRAISES", "LOVES", "WORKS_ON", "FINISHED",
        "OWNS", "BOUGHT", "SOLD", LAST_RESORT,
    ),
    ("Person", "Project"): ("WORKS_ON", "LEADS", "FINISHED", LAST_RESORT),
    ("Person", "Thing"): (
        "OWNS", "BOUGHT", "SOLD", "ILL_WITH", "RECOVERED_FROM", "DIED_OF", "TOOK_PART_IN", "WORKS_ON", LAST_RESORT,
    ),
    ("Place", "Place"): ("LOCATED_IN",),
    ("Organisation", "Place"): ("LOCATED_IN",),
    ("Project", "Place"): ("LOCATED_IN",),
    ("Thing", "Place"): ("LOCATED_IN",),
    ("Organisation", "Organisation"): ("PART_OF",),
    ("Project", "Organisation"): ("PART_OF",),
}  # fmt: skip
_KINDS = {kind for ends in RELATIONS for kind in ends}


def relations_between(source: str, target: str) -> tuple[str, ...]:
    """What the one can be to the other, perhaps nothing; with a kind that is not listed, anything."""
    return RELATIONS.get((source, target), () if {source, target} <= _KINDS else all_relations())


def all_relations() -> tuple[str, ...]:
    """Every relation once, as the model is shown them: which of them there are between two kinds the grammar knows."""
    return tuple(dict.fromkeys(name for names in RELATIONS.values() for name in names))
