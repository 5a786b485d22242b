"""Any picture that a graph could hold, for laws about formats.

In: nothing.  Out: a hypothesis strategy of Pictures whose references lead somewhere.
"""

from datetime import UTC, date, datetime
from typing import Any, get_args
from uuid import UUID

from hypothesis import strategies as st

from app.picture import ChunkRecord, Entity, Episode, Fact, JournalFile, Kind, Label, Picture, Place, Span, Verb

texts = st.text(max_size=40)
numbers = st.integers(0, 1 << 40)
uuids = st.integers(0, (1 << 128) - 1).map(lambda number: str(UUID(int=number)))
instants = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(lambda moment: moment.replace(tzinfo=UTC))
places = st.builds(Place, texts, numbers, numbers)
chunks = st.builds(
    ChunkRecord, texts, texts, texts, st.dates(date(1, 1, 1)), texts, texts, *[numbers] * 6, texts,
    st.lists(places, max_size=2).map(tuple), st.none() | numbers,
)  # fmt: skip
_JSON = st.dictionaries(texts, st.none() | texts | st.lists(numbers, max_size=2), max_size=2)
_LABELS = st.sampled_from(["Entity", "Person", "Place", "Organisation", "Work", "Project", "Odd"])


@st.composite
def pictures(draw: Any) -> Picture:
    names = draw(st.lists(uuids, max_size=12, unique=True))
    third = len(names) // 3
    entities, facts, episodes = sorted(names[:third]), sorted(names[third : 2 * third]), sorted(names[2 * third :])
    labels = st.sets(_LABELS).map(sorted).map(tuple)
    read = tuple(
        Episode(
            uuid, draw(texts), draw(texts), draw(texts), draw(texts), draw(instants),
            tuple(draw(st.lists(uuids, max_size=2))), draw(st.none() | st.tuples(numbers, numbers, numbers)),
            draw(st.none() | chunks),
        )
        for uuid in episodes
    )  # fmt: skip
    roots = st.lists(st.sampled_from([one.uuid for one in read if one.chunk] or [""]).filter(bool), max_size=2)
    return Picture(
        group=draw(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)),
        entities=tuple(Entity(uuid, draw(texts), draw(labels), draw(texts), draw(texts)) for uuid in entities),
        facts=tuple(
            Fact(
                uuid, draw(texts), draw(texts), draw(st.sampled_from(entities)), draw(st.sampled_from(entities)),
                draw(st.none() | instants), draw(st.none() | instants), draw(st.none() | instants),
                tuple(draw(st.lists(uuids, max_size=2))), draw(texts),
            )
            for uuid in (facts if entities else [])
        ),
        episodes=read,
        mentions=tuple(
            sorted(draw(st.sets(st.tuples(st.sampled_from(episodes), st.sampled_from(entities)))))
            if entities and episodes
            else ()
        ),
        spans=tuple(
            Span(uuid, draw(uuids), draw(st.sampled_from(episodes)), draw(texts), 3, draw(numbers), draw(texts))
            for uuid in sorted(draw(st.sets(uuids, max_size=3)) if episodes else ())
        ),
        files=tuple(draw(st.lists(st.builds(JournalFile, texts, texts, numbers, texts), max_size=2))),
        labels=tuple(
            Label(
                draw(st.sampled_from(get_args(Verb))), draw(st.sampled_from(get_args(Kind))), draw(uuids), draw(_JSON),
                draw(st.dictionaries(texts, roots.map(tuple), max_size=2)) if any(one.chunk for one in read) else {},
                draw(st.none() | _JSON), place=draw(numbers),
            )
            for _ in range(draw(st.integers(0, 2)))
        ),
    )  # fmt: skip
