"""What a load promises: every text once, each fact on its words, and nothing lost when files change."""

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from app.errors import DaybookError, GrammarGaveUp, Truncated
from app.journal.chunks import chunk_entry
from app.journal.reader import read_journal
from app.pipeline.sizes import chunk_tokens, token_counter
from app.settings import BUNDLED_MODEL
from tests.pipeline.conftest import Bench
from tests.pipeline.scripted import WEEKS, fresh_home, write_journal


def facts(bench: Bench, *, ended: bool | None = None) -> set[str]:
    """The wording of every fact, or only of those that ended, or still hold."""
    return {f["fact"] for f in bench.dump()["facts"] if ended is None or (f["invalid_at"] is not None) == ended}


def without_clock(dump: Any) -> Any:
    """A dump whose episodes have only their day: an entry that came later that day has another second."""
    return {**dump, "episodes": [{**e, "valid_at": e["valid_at"][:10]} for e in dump["episodes"]]}


def test_a_journal_becomes_entities_facts_and_spans_of_its_sentences(bench: Bench) -> None:
    """Cut out of the file, the span of a fact is exactly the sentence it was read from."""
    assert bench.load().code == 0
    card = bench.ask("show", "Nadia", "--json").json
    text = (bench.journals / "2024.md").read_text(encoding="utf-8")
    read = {fact["fact"]: text[s["start"] : s["end"]] for fact in card["facts"] for s in fact["sources"]}
    assert read == {
        "Nadia works at Helios.": "Nadia works at Helios.",
        "Anna Keller met Nadia at the river.": "I met Nadia at the river.",
        "Nadia met Thomas.": "Nadia met Thomas.",
        "Nadia left Helios.": "Nadia left Helios.",
    }
    assert {text[m["start"] : m["end"]] for m in card["mentions"]} == {"Nadia"}
    assert facts(bench, ended=True) == {"Nadia works at Helios.", "Thomas lives in Lyon."}


def test_the_report_adds_up(bench: Bench) -> None:
    """planned = done + empty + quarantined, and the graph's figures are the graph's, on a second run too."""
    first, second = bench.load(bench.journals, "--json").json, bench.load(bench.journals, "--json").json
    for report in (first, second):
        parts = [report[f"chunks_{state}"] for state in ("done", "empty", "quarantined", "waiting")]
        assert (report["chunks_planned"], parts) == (4, [3, 1, 0, 0])
        assert report["facts"] == len(bench.dump()["facts"])
        assert report["entities"] == len(bench.dump()["entities"])
    assert (first["entries_new"], second["entries_new"]) == (4, 0)
    assert (first["model_calls"], first["replayed_calls"]) == (bench.engine.computed, 0)
    assert (second["model_calls"], second["replayed_calls"]) == (0, 0)


def test_a_second_run_changes_nothing(bench: Bench) -> None:
    """Loading twice is loading once: no model call, the same graph."""
    bench.load()
    once, computed = bench.dump(), bench.engine.computed
    assert bench.load().code == 0
    assert (bench.dump(), bench.engine.computed) == (once, computed)


def test_a_renamed_file_is_not_read_again(bench: Bench) -> None:
    """Identity is content and date; the evidence points to where the text lies now."""
    bench.load()
    computed = bench.engine.computed
    (bench.journals / "2024.md").rename(bench.journals / "diary.md")
    assert bench.load().code == 0
    assert bench.engine.computed == computed
    found = bench.ask("search", "Nadia works at Helios", "--json").json
    assert {Path(s["file"]).name for fact in found for s in fact["sources"]} == {"diary.md"}


def test_a_run_from_another_folder_finds_the_same_files(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path is the same file however it was written: nothing is gone, nothing is read twice."""
    monkeypatch.chdir(bench.journals.parent)
    bench.load("journals")
    computed = bench.engine.computed
    other = write_journal(bench.journals.parent / "other.md", ("2024-06-01", "nothing happened."))
    monkeypatch.chdir(bench.home)
    assert "no file any more" not in bench.load(other).err
    assert bench.load("../journals/2024.md").code == 0
    assert bench.ask("status", "--json").json["files"] == 2
    assert bench.engine.computed == computed + 1  # the other file names nobody


def test_evidence_moves_with_its_text(bench: Bench) -> None:
    """An entry inserted before others is read alone, and the spans of the others still hold their sentences."""
    bench.load()
    computed = bench.engine.computed
    path = write_journal(bench.journals / "2024.md", ("2024-02-26", "Mara lives in Kiel."), *WEEKS)
    assert bench.load(bench.journals, "--json").json["entries_new"] == 1
    assert bench.engine.computed - computed <= 6
    text = path.read_text(encoding="utf-8")
    for fact in bench.ask("search", "Nadia", "--limit", "20", "--json").json:
        for source in fact["sources"]:
            assert text[source["start"] : source["end"]] == source["words"]


def test_an_edited_entry_is_told_anew(bench: Bench) -> None:
    """Facts only the old text told are gone, those it ended hold again, those others tell too stay."""
    bench.load()
    write_journal(bench.journals / "2024.md", *WEEKS[:3], ("2024-04-21", "Thomas visited Zoë."))
    report = bench.load(bench.journals, "--json").json
    assert (report["entries_new"], report["entries_changed"], report["chunks_planned"]) == (1, 1, 4)
    assert facts(bench) == {
        "Nadia works at Helios.",
        "Thomas lives in Lyon.",
        "Anna Keller met Nadia at the river.",
        "Nadia met Thomas.",
        "Zoë visited Łódź.",
        "Thomas visited Zoë.",
    }
    assert facts(bench, ended=True) == set()


def test_an_edited_last_entry_leaves_no_trace(bench: Bench, tmp_path: Path) -> None:
    """Where no later entry built on the old text, the graph is the one that never saw it."""
    edited = (*WEEKS[:3], ("2024-04-21", "Thomas visited Zoë. Thomas lives in Grenoble."))
    bench.load()
    write_journal(bench.journals / "2024.md", *edited)
    bench.load()
    other = fresh_home(tmp_path / "other")
    bench.load(home=other)
    assert without_clock(bench.dump()) == without_clock(bench.dump(other))


def test_an_entry_of_several_chunks_is_taken_out_whole(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """No chunk of an edited entry stays behind."""
    monkeypatch.setattr("app.pipeline.load.chunk_tokens", lambda _: 12)
    bench.load()
    write_journal(bench.journals / "2024.md", ("2024-03-04", "Mara lives in Kiel."))
    bench.load()
    dump = bench.dump()
    assert {e["text"].strip() for e in dump["episodes"] if e["valid_at"].startswith("2024-03-04")} == {
        "Mara lives in Kiel."
    }


def test_a_deleted_entry_keeps_its_facts_and_says_so(bench: Bench) -> None:
    """A file that goes away takes nothing out of the graph; its facts stand in no file any more."""
    bench.load()
    before = bench.dump()
    (bench.journals / "2024.md").unlink()
    write_journal(bench.journals / "2025.md", ("2025-01-01", "nothing happened."))
    told = bench.load()
    assert "4 entries stand in no file any more" in told.err
    assert bench.dump()["facts"] == before["facts"]
    assert "no file any more" in bench.ask("show", "Helios").out


def test_the_same_entry_in_two_files_is_read_once(bench: Bench) -> None:
    """A copy of a file is no second diary."""
    bench.load()
    computed = bench.engine.computed
    (bench.journals / "copy.md").write_bytes((bench.journals / "2024.md").read_bytes())
    report = bench.load(bench.journals, "--json").json
    assert (report["files"], report["entries"], report["entries_new"]) == (2, 4, 0)
    assert bench.engine.computed == computed


def test_since_until_and_limit_choose_entries(bench: Bench) -> None:
    """Days are inclusive, the limit takes the earliest, and what was left out is read when it is asked for."""
    runs = [
        (["--since", "2024-03-11", "--until", "2024-03-18"], 2),
        (["--until", "2024-03-04"], 1),
        (["--limit", "1"], 1),
        ([], 4),
    ]
    held = []
    for options, wanted in runs:
        assert bench.load(bench.journals, "--json", *options).json["entries"] == wanted
        held.append({e["valid_at"][:10] for e in bench.dump()["episodes"]})
    assert held == [
        {"2024-03-11", "2024-03-18"},
        *[{"2024-03-04", "2024-03-11", "2024-03-18"}] * 2,
        {day for day, _ in WEEKS},
    ]


def test_a_dry_run_writes_nothing(bench: Bench, tmp_path: Path) -> None:
    """It counts entries and chunks, and leaves neither a home nor a model call."""
    home = tmp_path / "nowhere"
    report = bench.load(bench.journals, "--dry-run", "--json", home=home).json
    assert (report["entries"], report["chunks_planned"], report["model_calls"]) == (4, 4, 0)
    assert report["prompt_tokens"] > 0
    assert not home.exists()


def test_two_groups_of_one_home_do_not_mix(bench: Bench) -> None:
    """The same text in another group is another person's: read again, shown apart."""
    bench.load()
    other = bench.load(bench.journals, "--group", "ben", "--json").json
    assert (other["entries_new"], other["facts"]) == (4, 7)
    assert bench.load(bench.journals, "--json").json["facts"] == 7


def test_a_lost_graph_is_built_again_without_a_model_call(bench: Bench) -> None:
    """The ledger is the truth: delete the graph, run the same command, and it stands again."""
    bench.load()
    before, computed = bench.dump(), bench.engine.computed
    for part in bench.home.glob("graph.kuzu*"):
        part.unlink()
    report = bench.load(bench.journals, "--json").json
    assert (bench.engine.computed, report["model_calls"]) == (computed, 0)
    assert report["replayed_calls"] == computed
    assert bench.dump() == before


@pytest.mark.parametrize("kind", [Truncated, GrammarGaveUp])
def test_what_was_put_aside_is_tried_again_on_request(bench: Bench, kind: type[DaybookError]) -> None:
    """A chunk whose answer never ended is quarantined with a reason, costs nothing more, and --retry reads it."""

    def fail(_: int) -> None:
        raise kind("the answer reached 64 tokens")

    bench.engine.before = fail
    first = bench.load(bench.journals, "--limit", "1", "--json")
    assert (first.code, first.json["chunks_quarantined"]) == (1, 1)
    assert first.json["quarantined"] == ["2024-03-04: the answer reached 64 tokens"]
    assert bench.load(bench.journals, "--limit", "1").code == 1
    bench.engine.before = lambda _: None
    again = bench.load(bench.journals, "--retry", "--json")
    assert (again.code, again.json["chunks_done"], again.json["chunks_quarantined"]) == (0, 3, 0)


def test_progress_counts_up_to_the_total(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A door is told each entry once, in order, and the last line is all of them."""
    told: list[tuple[int, int]] = []
    monkeypatch.setattr("app.cli.progress.ProgressBar.advance", lambda _, done, total, __: told.append((done, total)))
    bench.load()
    assert told[0] == (0, 4)
    assert told[-1] == (4, 4)
    assert all(0 <= b - a <= 1 for (a, _), (b, _) in pairwise(told))
    assert set(Counter(total for _, total in told)) == {4}


def test_a_long_entry_is_cut_with_context_before_each_piece_and_spans_of_its_own(bench: Bench) -> None:
    """Joined chunks are the entry; a chunk's prompt shows the one before it; every fact stands on its own sentence."""
    people = [f"{first}{last}" for first in ("Nadia", "Viktor", "Marta", "Ossip") for last in ("a", "el", "in", "or")]
    said = [f"{a} met {b} at the old harbour, and they walked home in the rain." for a, b in pairwise(people)]
    journal = write_journal(bench.journals / "long" / "2024.md", ("2024-03-04", " ".join(said)))
    pieces = [
        chunk.text
        for entry in read_journal(journal).entries
        for chunk in chunk_entry(
            entry, max_tokens=chunk_tokens(str(BUNDLED_MODEL)), count_tokens=token_counter(str(BUNDLED_MODEL))
        )
    ]
    assert len(pieces) > 1
    assert "".join(pieces).strip() == " ".join(said)

    assert bench.load(journal).code == 0
    asked = [question.fields for question in bench.engine.asked if "edges" in question.schema["properties"]]
    assert len(asked) == len(pieces)
    for before, fields in zip(pieces, asked[1:], strict=False):
        assert " ".join(before.split()) in fields["previous_entries"]
        assert before.strip().split(". ")[-1] not in fields["entry"]
    text = journal.read_text(encoding="utf-8")
    cards = [bench.ask("show", name, "--json").json for name in people]
    spans = [span for card in cards for fact in card["facts"] for span in fact["sources"]]
    assert {text[span["start"] : span["end"]] for span in spans} == set(said)
