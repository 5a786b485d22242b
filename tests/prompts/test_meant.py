"""Which entities a sentence can speak of."""

import pytest

from app.prompts.inputs import number_text
from app.prompts.meant import meant_by
from training.made.journal import make_journal

KINDS = {"Clara Weiss": "Person", "Hannes": "Person", "my aunt": "Person", "Graz": "Place", "Ada": "Person"}


@pytest.mark.parametrize(
    ("sentences", "meant"),
    [
        (["Met Clara."], {"Clara Weiss", "Ada"}),
        (["Mit Hannes' Rad nach Graz."], {"Hannes", "Graz", "Ada"}),
        (["Dîner chez ma tante.", "Parti avec l'ami d'Hannes."], {"Hannes", "Ada"}),
        (["Saw Clara.", "Has moved to Graz."], {"Clara Weiss", "Graz", "Ada"}),
        (["Saw Clara in Graz.", "She is well."], {"Clara Weiss", "Graz", "Ada"}),
        (["Sah Clara in Graz.", "Dort war auch Hannes."], {"Clara Weiss", "Hannes", "Graz", "Ada"}),
        (["Saw my dear aunt."], {"my aunt", "Ada"}),
        (["Saw Clara in Graz.", "Rain all night and a headache."], set()),
        (["Vi a Clara en Graz ayer por la tarde.", "La encontré muy cansada."], {"Clara Weiss", "Graz", "Ada"}),
        (["今天 Clara Weiss 来了。", "下雨。"], {"Clara Weiss", "Ada"}),
    ],
)
def test_the_last_sentence_speaks_of_these(sentences: list[str], meant: set[str]) -> None:
    """Whom it names, bent or in part; whom a pronoun or a missing subject can mean; nobody where it does neither."""
    assert set(meant_by(sentences, KINDS, "Ada")[-1]) == meant


def test_nearly_every_fact_of_the_made_journals_can_be_said() -> None:
    """Both ends of at least 99 facts in a hundred are among those their sentence can speak of."""
    sayable = []
    for seed in range(60):
        journal = make_journal(seed)
        for entry in journal.entries:
            kinds = {entity.name: entity.type for entity in entry.entities} | {journal.owner: "Person"}
            meant = number_text(entry.text, entry.date).meant(kinds, journal.owner)
            found = {int(line.partition(".")[0]) - 1: names for line, names in meant.items()}
            sayable += [{fact.source, fact.target} <= set(found.get(fact.sentence, ())) for fact in entry.facts]
    assert len(sayable) > 500
    assert sayable.count(True) >= 0.99 * len(sayable)
