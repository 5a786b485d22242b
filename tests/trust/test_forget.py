"""What is forgotten or edited is as if it had never been read, and what is lost is told again by the ledger alone."""

import asyncio
import json
import re
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from app.graph.store import GraphStore
from app.ledger.store import LEDGER_NAME, Ledger
from app.pipeline.request import GRAPH_NAME
from app.prompts.programs import journal_programs, save_program
from tests.pipeline.conftest import Bench
from tests.pipeline.scripted import WEEKS, fresh_home, write_journal

CANARY = "Quuxmarin"
# Later entries build on the middle one: a merged name, a fact told twice, an ending, a candidate in every prompt.
LIFE = (
    *WEEKS[:2],
    ("2024-03-12", f"Nadia Roth visited {CANARY}. Nadia left Helios. Thomas lives in {CANARY}. Mara met Nadia."),
    ("2024-03-12", "Mara lives in Kiel. Nadia met Thomas."),
    *WEEKS[2:],
    ("2024-05-01", "Nadia Roth left Helios. Mara moved from Kiel. Thomas moved from Lyon."),
)


def life_without(*left_out: int) -> list[tuple[Any, str]]:
    return [entry for place, entry in enumerate(LIFE) if place not in left_out]


def lay(bench: Bench, entries: Any, name: str = "2024.md") -> Path:
    return write_journal(bench.journals / name, *entries)


def never_saw(bench: Bench, tmp_path: Path, *loads: Any) -> Any:
    """The dump of a fresh home that was given these journals, one load after the other."""
    home = fresh_home(tmp_path / "never")
    for entries in loads:
        lay(bench, entries)
        assert bench.load(home=home).code == 0
    return bench.dump(home)


def holders(home: Path, words: str) -> list[str]:
    """Files of a home with these words, in an index's small letters too, in two spellings of bytes."""
    spelt = [words.lower().encode(), words.lower().encode("utf-16-le")]
    return [p.name for p in home.rglob("*") if p.is_file() and any(one in p.read_bytes().lower() for one in spelt)]


@pytest.mark.parametrize("place", range(len(LIFE)))
def test_a_forgotten_entry_was_never_there(bench: Bench, tmp_path: Path, place: int) -> None:
    """Whichever entry is forgotten, the graph equals one that was built without it: facts, dates, spans, vectors."""
    lay(bench, LIFE)
    bench.load()
    (bench.journals / "2024.md").unlink()
    lay(bench, life_without(place), "kept.md")
    bench.load()  # the entry stands in no file any more, and is still in the graph
    assert len(bench.dump()["episodes"]) == len(LIFE)
    (one,) = [
        e for e in bench.ask("forget", "--since", "1900-01-01", "--dry-run", "--json").json["entries"] if not e["files"]
    ]
    told = bench.ask("forget", one["entry_id"], "--json")
    assert (told.code, told.json["found_in"]) == (0, [])
    assert bench.dump() == never_saw(bench, tmp_path, life_without(place))


def test_no_file_of_the_home_holds_a_forgotten_word(bench: Bench) -> None:
    """Not in ledger, graph, free pages, logs, decisions, learnt prompts, told entries, KV, answers or runs."""
    lay(bench, LIFE)
    told = f"Nadia met Thomas at the bay of {CANARY} and stayed there for long."
    write_journal(bench.home / "entries" / "2024-03-13-0a1b2c3d.md", ("2024-03-13", told))
    (bench.home / "entries" / "2024-03-14-0a1b2c3d.md").write_text("# 2024-03-14\n\nThomas met Mara.\n")
    teach(bench.home / "prompts", "extract_entities", told)
    teach(bench.home / "prompts", "extract_edges", "Thomas met Mara, nobody else was there.")
    bench.load(bench.journals, bench.home / "entries")
    assert bench.ask("ask", f"Where does Thomas live, in {CANARY}?").code == 0
    decide(bench, f"Thomas lives in {CANARY}.", "reject")
    (bench.home / "kv" / "blocks").mkdir(parents=True, exist_ok=True)
    (bench.home / "kv" / "blocks" / "0-0.safetensors").write_text(CANARY)
    holding = {"ledger.sqlite", "graph.kuzu", "2024-03-13-0a1b2c3d.md", "extract_entities.json", "0-0.safetensors"}
    assert holding <= set(holders(bench.home, CANARY))
    receipt = bench.ask("forget", "2024-03-12", "2024-03-13", "--json").json
    assert holders(bench.home, CANARY) == []
    assert len(receipt["entries"]) == 3
    assert receipt["calls"] > 0
    assert [Path(path).name for path in receipt["still_in"]] == ["2024.md"]
    assert [path.name for path in (bench.home / "entries").iterdir()] == ["2024-03-14-0a1b2c3d.md"]
    assert [path.name for path in (bench.home / "prompts").iterdir()] == ["extract_edges.json"]


def decide(bench: Bench, fact: str, verb: str) -> None:
    """Keep a decision on a fact: the ledger quotes it from then on, for learning and for taking it back."""
    (one,) = [each for each in bench.ask("review", "--list", "--json").json if each.get("fact") == fact]
    path = bench.journals.parent / "decisions.jsonl"
    path.write_text(json.dumps({"uuid": one["uuid"], "verb": verb}), encoding="utf-8")
    assert bench.ask("review", "--decisions", str(path)).code == 0
    with sqlite3.connect(bench.home / LEDGER_NAME) as ledger:
        assert any(fact in str(row) for row in ledger.execute("SELECT about, undo FROM labels"))
    ledger.close()


def teach(folder: Path, name: str, quoted: str) -> None:
    """Lay a compiled prompt there that quotes a text in its rules."""
    program = journal_programs()[name]
    program.signature = program.signature.with_instructions(f"Find what is asked. For example: {quoted}")
    save_program(program, folder, name)


def test_the_receipt_tells_what_went_and_where_words_still_are(bench: Bench) -> None:
    """For a person: entries by day and id, numbers, files that still hold the words; exit code 1 if the home does."""
    lay(bench, LIFE)
    bench.load()
    kept = bench.home / "notes of mine.txt"
    kept.write_text(LIFE[2][1])
    told = bench.ask("forget", "2024-03-12")
    assert told.code == 1
    assert re.search(r"^2024-03-12  [0-9a-f]{12}  .*2024\.md$", told.out, re.MULTILINE)
    for line in (
        "forgotten  2 entries",
        r"graph  \d+ entities became \d+, \d+ facts became \d+",
        r"ledger  [1-9]\d* answers and \d+ vectors deleted",
        r"search  \d+ files searched for the words, found in 1\n +" + re.escape(str(kept)),
        r"note  .*2024\.md still holds such text",
    ):
        assert re.search(line, told.out), line
    assert CANARY not in told.out + told.err
    kept.unlink()
    assert bench.ask("forget", "2024-05-01").code == 0


def test_only_questions_that_knew_the_forgotten_are_asked_anew(bench: Bench) -> None:
    """Forgetting the last entry asks nothing; forgetting an early one asks less than reading all again."""
    lay(bench, LIFE)
    bench.load()
    once = bench.engine.computed
    assert bench.ask("forget", LIFE[-1][0], "--json").json["model_calls"] == 0
    early = bench.ask("forget", LIFE[1][0], "--json").json
    assert 0 < early["model_calls"] < once / 2


def test_an_edit_is_forget_and_load(bench: Bench, tmp_path: Path) -> None:
    """The graph after an edit equals one that never saw the old text and read the new one last."""
    edited = ("2024-03-12", "Mara visited Nadia.")
    lay(bench, LIFE)
    bench.load()
    lay(bench, [*life_without(2)[:2], edited, *life_without(2)[2:]])
    bench.load()
    assert holders(bench.home, CANARY) == []
    after = bench.dump()
    assert after == never_saw(bench, tmp_path, life_without(2), [*life_without(2)[:3], edited, *life_without(2)[3:]])


def test_facts_that_the_forgotten_had_ended_are_open_again(bench: Bench) -> None:
    """Also one that two entries had ended, when one of them is still there, keeps the other's end."""
    lay(bench, LIFE)
    bench.load()

    def end_of_work() -> Any:
        (fact,) = [f for f in bench.dump()["facts"] if f["fact"] == "Nadia works at Helios."]
        return fact["invalid_at"] and fact["invalid_at"][:10]

    assert end_of_work() == "2024-03-12"
    bench.ask("forget", "2024-03-12")
    assert end_of_work() == "2024-04-21"
    bench.ask("forget", "2024-04-21")
    assert end_of_work() is None


def test_a_lost_graph_is_told_again_in_the_order_of_its_reading(bench: Bench) -> None:
    """However the journal was loaded, by parts, backwards, edited: rebuild gives the equal graph and asks nothing."""
    lay(bench, LIFE)
    bench.load(bench.journals, "--since", "2024-03-12")
    bench.load(bench.journals, "--until", "2024-03-04")
    lay(bench, [*LIFE[:3], ("2024-03-12", "Mara lives in Rome."), *LIFE[4:]])
    bench.load()
    before, computed = bench.dump(), bench.engine.computed
    for part in bench.home.glob("graph.kuzu*"):
        part.unlink()
    (bench.journals / "2024.md").unlink()  # the ledger is enough
    report = bench.ask("rebuild", "--json").json
    assert (report["model_calls"], bench.engine.computed) == (0, computed)
    assert bench.dump() == before


def test_the_graph_is_built_again_elsewhere(bench: Bench, tmp_path: Path) -> None:
    """The folder becomes a private home with the equal graph, decisions kept, nothing asked; the old one stays."""
    lay(bench, LIFE)
    teach(bench.home / "prompts", "extract_edges", "Thomas met Mara, nobody else was there.")
    bench.load()
    decide(bench, "Mara lives in Kiel.", "reject")
    before, computed = bench.dump(), bench.engine.computed
    elsewhere = tmp_path / "l'été ailleurs"
    assert bench.ask("rebuild", "--into", str(elsewhere), "--json").json["model_calls"] == 0
    assert bench.engine.computed == computed
    assert bench.dump(elsewhere) == bench.dump() == before
    assert (elsewhere / "prompts" / "extract_edges.json").exists()
    assert elsewhere.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in elsewhere.iterdir() if path.is_file()} == {0o600}
    assert bench.ask("forget", "2024-03-12", home=elsewhere).code == 0
    assert (bench.dump() == before, bench.dump(elsewhere) == before) == (True, False)


def test_a_graph_is_built_only_where_nothing_is(bench: Bench, tmp_path: Path) -> None:
    """A folder in use, the home itself, a file, a server that is not there: refused in one line, and kept."""
    lay(bench, LIFE[:1])
    bench.load()
    before, mode = sorted(path.name for path in bench.journals.iterdir()), bench.journals.stat().st_mode
    file = bench.journals / "2024.md"
    for place in (str(bench.journals), str(bench.home), str(file), "neo4j://localhost:1", "falkordb://localhost:1"):
        told = bench.ask("rebuild", "--into", place)
        assert (told.code, len(told.err.splitlines())) == (2, 1), place
        assert place in told.err
    assert (sorted(path.name for path in bench.journals.iterdir()), bench.journals.stat().st_mode) == (before, mode)
    other = shutil.copytree(bench.home, tmp_path / "other")
    with Ledger.open(other) as ledger:
        ledger.past.start_replay()  # half-way through a building of its own, which is no copy of this home
    assert bench.ask("rebuild", "--into", str(other)).code == 2
    assert (other / GRAPH_NAME).exists()
    assert bench.ask("rebuild", "--into", str(tmp_path / "new")).code == 0


def test_a_damaged_answer_is_asked_again(bench: Bench) -> None:
    """A byte of an answer flips in the ledger: a rebuild notices, asks this one anew and gives the equal graph."""
    lay(bench, LIFE)
    bench.load()
    before, computed = bench.dump(), bench.engine.computed
    with sqlite3.connect(bench.home / LEDGER_NAME) as ledger:
        ((answer,),) = ledger.execute("SELECT answer FROM calls WHERE answer LIKE '%Helios%' LIMIT 1")
    ledger.close()
    flip(bench.home, answer, "Helios")
    assert bench.ask("rebuild", "--json").json["model_calls"] == 1
    assert (bench.dump() == before, bench.engine.computed) == (True, computed + 1)


def flip(home: Path, text: str, word: str) -> None:
    """Let a word's first letter be no UTF-8 any more, in the one place of the ledger's file where a text stands."""
    file = home / LEDGER_NAME
    content = bytearray(file.read_bytes())
    assert content.count(text.encode()) == 1
    content[content.index(text.encode()) + text.encode().index(word.encode())] = 0xFF
    file.write_bytes(content)


def test_damaged_words_are_named_and_come_back_with_their_journal(bench: Bench) -> None:
    """A letter of an entry flips in the ledger: exit code 3 of a rebuild; a load brings it back and asks nothing."""
    lay(bench, LIFE)
    bench.load()
    before, computed = bench.dump(), bench.engine.computed
    flip(bench.home, LIFE[2][1], "visited Quux")
    told = bench.ask("rebuild")
    assert (told.code, len([line for line in told.err.splitlines() if line.startswith("daybook:")])) == (3, 1)
    assert "the words of 1 entry, of 2024-03-12, are damaged" in told.err
    assert bench.load().code == 0
    assert bench.ask("rebuild").code == 0
    assert (bench.dump() == before, bench.engine.computed) == (True, computed)


def test_damaged_words_that_no_file_holds_can_be_forgotten(bench: Bench, tmp_path: Path) -> None:
    """When the journal has gone, the line names what to forget; after that the graph is as one that never saw it."""
    lay(bench, LIFE)
    bench.load()
    flip(bench.home, LIFE[2][1], "visited Quux")
    lay(bench, life_without(2))
    assert bench.load().code == 0
    told = bench.ask("rebuild")
    (entry,) = re.findall(r"forget (\w+)\)", told.err)
    assert bench.ask("forget", entry).code == 0
    assert bench.dump() == never_saw(bench, tmp_path, life_without(2))


def test_a_lost_middle_is_no_reason_to_read_out_of_order(bench: Bench) -> None:
    """When the graph lacks an episode that others built on, all of it is told again, not only the missing one."""
    lay(bench, LIFE)
    bench.load()
    before, computed = bench.dump(), bench.engine.computed
    take_out(bench, before["episodes"], "Thomas lives in Quuxmarin")
    bench.load()
    assert bench.dump() == before
    assert bench.engine.computed == computed


def take_out(bench: Bench, episodes: Any, words: str) -> None:
    """Let the graph lose an episode's outcome, by which it knows that it holds it."""

    async def run() -> None:
        with GraphStore.open_for_reading(bench.home / GRAPH_NAME, embedder=None, group="journal") as store:
            uuid = next(e["uuid"] for e in episodes if words in e["text"])
            async with store.driver.transaction(alone=True):
                await store.rows("MATCH (o:Outcome {episode_uuid: $uuid}) DELETE o", uuid=uuid)

    asyncio.run(run())


def test_other_groups_keep_their_graph_and_their_answers(bench: Bench) -> None:
    """Two groups share one file; forgetting in one changes nothing in the other, which asks nothing anew."""
    lay(bench, LIFE)
    bench.load()
    bench.load(bench.journals, "--group", "ben")
    computed = bench.engine.computed
    bench.ask("forget", "2024-05-01", "--group", "ben")
    assert bench.engine.computed == computed
    assert bench.ask("rebuild", "--json").json["model_calls"] == 0
    assert bench.load(bench.journals, "--json").json["model_calls"] == 0


def test_forget_names_entries_by_day_file_folder_and_id(bench: Bench) -> None:
    """Each way finds its entries; a dry run changes nothing; what fits nothing is one clear line."""
    lay(bench, LIFE)
    bench.load()

    def chosen(*words: str) -> int:
        return len(bench.ask("forget", *words, "--dry-run", "--json").json["entries"])

    an_id = bench.ask("forget", "2024-05-01", "--dry-run", "--json").json["entries"][0]["entry_id"]
    assert [
        chosen("2024-03-12"),
        chosen(str(bench.journals / "2024.md")),
        chosen(str(bench.journals)),
        chosen(an_id[:8]),
        chosen("--since", "2024-04-01"),
        chosen("--until", "2024-03-12", "2024-05-01"),
    ] == [2, 7, 7, 1, 2, 5]
    assert len(bench.dump()["episodes"]) == len(LIFE)
    for words in (["1999-01-01"], ["nowhere.md"], ["abc"], []):
        told = bench.ask("forget", *words)
        assert (told.code, len(told.err.splitlines())) == (2, 1)


def test_a_home_that_forgets_everything_is_empty(bench: Bench) -> None:
    """No episode, entity or fact is left, and the same journal loads again like a new one."""
    lay(bench, LIFE)
    bench.load()
    before = bench.dump()
    bench.ask("forget", "--since", "1900-01-01")
    assert bench.calls() == 0
    bench.load()
    assert bench.dump() == before
