"""Pictures for the tests of what shows and carries them: a small told life, and one of any size.

In: nothing, or how many.  Out: Pictures that a graph could hold.
"""

import random
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

from app.picture import ChunkRecord, Entity, Episode, Fact, JournalFile, Picture, Place, Span

HOSTILE = "<script>window.__pwned = 1</script><img src=x onerror=window.__pwned=1>"
_NAMES = UUID(int=9)


def uuid(*words: object) -> str:
    return str(uuid5(_NAMES, "/".join(map(str, words))))


def instant(day: str | date) -> datetime:
    return datetime.fromisoformat(f"{day}T00:00:00+00:00").astimezone(UTC)


class Life:
    """A picture as it grows: name entities, write entries, tell facts of their sentences."""

    def __init__(self, group: str = "journal") -> None:
        self.group = group
        self._entities: dict[str, Entity] = {}
        self._facts: list[Fact] = []
        self._episodes: list[Episode] = []
        self._mentions: set[tuple[str, str]] = set()
        self._spans: list[Span] = []

    def entity(self, name: str, type_: str = "Person", summary: str = "") -> str:
        made = Entity(uuid("entity", name), name, tuple(sorted({"Entity", type_})), summary, "{}")
        return self._entities.setdefault(name, made).uuid

    def entry(self, day: str, text: str, path: str = "/diary/1912.txt", title: str = "") -> str:
        number = len(self._episodes)
        at = sum(len(episode.text) + 14 for episode in self._episodes)
        chunk = ChunkRecord(
            uuid("chunk", number)[:32], uuid("entry", number)[:32], "current", date.fromisoformat(day), "day", title, 0,
            0, 1, 0, len(text), number, "done", (Place(path, at, at + len(text)),),
        )  # fmt: skip
        episode = Episode(
            uuid("episode", number), f"{day} 1/1", text, "text", "private journal", instant(day), (), (0, 0, 0), chunk
        )
        self._episodes.append(episode)
        return episode.uuid

    def mention(self, episode: str, name: str, words: str | None = None) -> None:
        (text,) = [one.text for one in self._episodes if one.uuid == episode]
        start = text.index(words or name)
        entity = self._entities[name].uuid
        self._mentions.add((episode, entity))
        self._span(entity, episode, "mention", start, words or name)

    def fact(
        self, episode: str, source: str, relation: str, target: str, fact: str, words: str, ended: str | None = None
    ) -> str:
        (told,) = [one for one in self._episodes if one.uuid == episode]
        made = Fact(
            uuid("fact", len(self._facts)), fact, relation, self._entities[source].uuid, self._entities[target].uuid,
            told.valid_at, instant(ended) if ended else None, told.valid_at, (episode,), "{}",
        )  # fmt: skip
        self._facts.append(made)
        self._span(made.uuid, episode, "fact", told.text.index(words), words)
        return made.uuid

    def picture(self) -> Picture:
        said: dict[str, list[str]] = {}
        for fact in self._facts:
            for episode in fact.episodes:
                said.setdefault(episode, []).append(fact.uuid)
        episodes = [
            Episode(
                e.uuid, e.name, e.text, e.source, e.about, e.valid_at, tuple(said.get(e.uuid, ())), e.outcome, e.chunk
            )
            for e in self._episodes
        ]
        paths = sorted({place.path for e in episodes if e.chunk for place in e.chunk.places})
        return Picture(
            self.group,
            tuple(sorted(self._entities.values())),
            tuple(sorted(self._facts, key=lambda fact: fact.uuid)),
            tuple(sorted(episodes, key=lambda episode: episode.uuid)),
            tuple(sorted(self._mentions)),
            tuple(sorted(self._spans)),
            tuple(JournalFile(path, "0" * 64, 1000, "utf-8") for path in paths),
        )

    def _span(self, target: str, episode: str, kind: str, start: int, words: str) -> None:
        made = Span(uuid("span", len(self._spans)), target, episode, kind, start, start + len(words), words)
        self._spans.append(made)


def small_life(name: str = "Clara Weiss") -> Picture:
    """Three entries of 1912 and 1913 in which Anna moves from Bern to Vienna; `name` is her friend's."""
    life = Life()
    life.entity("Anna")
    life.entity(name, summary="A friend from school.")
    life.entity("Bern", "Place")
    life.entity("Vienna", "Place")
    life.entity("Brehm & Co.", "Organisation")
    first = life.entry("1912-04-03", f"I met {name} on the bridge. She works at Brehm & Co. now.", title="The bridge")
    second = life.entry("1912-05-10", "Anna lives in Bern, and likes it.")
    third = life.entry("1913-02-01", f"Anna moved to Vienna. {name} wept.\n\nRain <b>all</b> day & night.")
    for episode, named in ((first, name), (first, "Brehm & Co."), (second, "Anna"), (second, "Bern"), (third, "Vienna"),
                           (third, name)):  # fmt: skip
        life.mention(episode, named)
    life.fact(first, name, "WORKS_AT", "Brehm & Co.", f"{name} works at Brehm & Co.", "She works at Brehm & Co. now.")
    life.fact(first, "Anna", "MET", name, f"Anna met {name}.", f"I met {name} on the bridge.")
    life.fact(
        second, "Anna", "LIVES_IN", "Bern", "Anna lives in Bern.", "Anna lives in Bern, and likes it.", "1913-02-01"
    )
    life.fact(third, "Anna", "LIVES_IN", "Vienna", "Anna lives in Vienna.", "Anna moved to Vienna.")
    return life.picture()


def large_life(entities: int, facts: int, *, seed: int = 4) -> Picture:
    """A life of many years: a few are named often, most once or twice, as people are."""
    dice = random.Random(seed)
    types = ["Person"] * 6 + ["Place"] * 3 + ["Organisation", "Work", "Project", "Thing"]
    relations = [("MET", "met"), ("WROTE_TO", "wrote to"), ("VISITED", "visited"), ("KNOWS", "knows")]
    life = Life()
    names = [
        f"{dice.choice('ABCDEFGHJKLMNOPRSTVWZ')}{''.join(dice.choices('aeilnorst', k=5))} {n}" for n in range(entities)
    ]
    for name in names:
        life.entity(name, dice.choice(types))
    often = [1 / (place + 3) for place in range(entities)]
    for number in range(0, facts, 4):
        day = (date(1990, 1, 1) + timedelta(days=number * 12_000 // facts)).isoformat()
        told = []
        for _ in range(min(4, facts - number)):
            source, target = dice.choices(names, often, k=2)
            if source == target:
                target = names[(names.index(source) + 1) % len(names)]
            relation, verb = dice.choice(relations)
            told.append((source, relation, target, f"{source} {verb} {target}."))
        episode = life.entry(day, " ".join(fact for *_, fact in told) + " Nothing else happened that day.")
        for source, relation, target, fact in told:
            life.fact(episode, source, relation, target, fact, fact)
        for name in {name for source, _, target, _ in told for name in (source, target)}:
            life.mention(episode, name)
    return life.picture()
