"""What a server shows of its home while loads come and go: the home as it was, and never longer than that."""

import asyncio
from typing import Any

import pytest

from app.errors import HomeBusy
from app.ledger.store import LEDGER_NAME, Ledger
from app.llm.loader import load_embedder
from app.pipeline import shelf as shelves
from app.pipeline.home import Place, look, read_whole
from app.pipeline.shelf import Shelf
from app.settings import BUNDLED_EMBEDDER
from tests.pipeline.conftest import Bench
from tests.pipeline.scripted import write_journal


@pytest.fixture
def shelf(bench: Bench) -> Shelf:
    """A loaded home whose picture was looked at, and that was never asked anything."""
    bench.load()
    shelf = Shelf(Place(bench.home), load_embedder(BUNDLED_EMBEDDER), bench.engine)  # type: ignore[arg-type]
    asyncio.run(shelf.picture())
    return shelf


def found(shelf: Shelf, words: str) -> set[str]:
    """What a search finds."""
    return {fact.fact for fact in asyncio.run(shelf.find(words, limit=5))}


def load_more(bench: Bench) -> None:
    """A load of an entry that was not there before."""
    write_journal(bench.journals / "2025.md", ("2025-01-06", "Mara lives in Kiel."))
    assert bench.load().code == 0


def test_the_first_question_may_come_while_a_load_is_at_work(bench: Bench, shelf: Shelf) -> None:
    """Search and ask answer from the home as it was before; when the load has ended, from what it read."""
    with Ledger.open(bench.home) as ledger, ledger.at_work():
        assert "Nadia works at Helios." in found(shelf, "Where does Nadia work?")
        answer = asyncio.run(shelf.ask("Did Nadia meet Thomas?"))
        assert "Nadia met Thomas." in {sentence.text for sentence in answer.sentences}
    load_more(bench)
    assert "Mara lives in Kiel." in found(shelf, "Where does Mara live?")


def test_a_load_that_ends_between_two_looks_is_seen(
    bench: Bench, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture could not be read again, the index can be made: it is that of the new home, not the old one's."""

    def look_meanwhile(place: Place, ask: Any) -> Any:
        if ask is read_whole:
            raise HomeBusy("held by a load")
        return look(place, ask)

    load_more(bench)
    monkeypatch.setattr(shelves, "look", look_meanwhile)
    found(shelf, "Where does Mara live?")
    monkeypatch.undo()
    assert "Mara lives in Kiel." in found(shelf, "Where does Mara live?")
    assert "Mara" in {entity.name for entity in asyncio.run(shelf.picture()).entities}


def test_a_home_that_did_not_change_is_not_read_again(
    bench: Bench, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One index serves many questions; an empty log that a reader left beside the ledger changes nothing."""

    def refuse(*_: Any) -> None:
        raise AssertionError("it was read again")

    before = asyncio.run(shelf.picture())
    found(shelf, "Nadia")
    monkeypatch.setattr(shelves, "look", refuse)
    (bench.home / f"{LEDGER_NAME}-wal").touch()
    assert "Nadia works at Helios." in found(shelf, "Where does Nadia work?")
    assert asyncio.run(shelf.picture()) is before
