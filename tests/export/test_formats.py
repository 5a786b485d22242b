"""Other formats: what goes out is whole, safe, and (in our own) comes back equal."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.cli.output import write_folder
from app.errors import BadInput
from app.export import cypher, graphml, jsonld, markdown, tables
from app.export.names import FileNames, safe_name
from app.picture import Picture
from tests.export.any import pictures
from tests.view.pictures import HOSTILE, Life, small_life

FORMULA = tuple("=+-@\t\r")
GRAPHML = "{http://graphml.graphdrawing.org/xmlns}"


@settings(max_examples=60, deadline=None)
@given(pictures())
@example(small_life(HOSTILE))
def test_json_ld_comes_back_equal(picture: Picture) -> None:
    """read(write(p)) == p for every picture, through UTF-8, as the file would hold it."""
    again = jsonld.read(jsonld.write(picture).encode().decode())
    assert again == picture
    assert [label.place for label in again.labels] == [label.place for label in picture.labels]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text[: len(text) // 2], "not an export of Daybook"),
        (lambda _: "[]", "not an export of Daybook"),
        (lambda _: '{"@graph": []}', "not an export of Daybook"),
        (lambda text: text.replace("export:1", "export:2"), "this Daybook reads"),
        (lambda text: re.sub(r'\n{"id": "[^"]+", "type": \["Entity"[^\n]+', "", text, count=1), "not whole"),
    ],
)
def test_a_spoilt_file_is_refused_in_one_line(spoil: object, said: str) -> None:
    """Cut short, of another kind, of another version, or with a node lost: the file is named and nothing is read."""
    assert callable(spoil)
    with pytest.raises(BadInput, match=said) as told:
        jsonld.read(spoil(jsonld.write(small_life())), "anna.jsonld")
    assert "anna.jsonld" in str(told.value)
    assert "\n" not in str(told.value)


@settings(max_examples=40, deadline=None)
@given(pictures())
@example(small_life(HOSTILE))
def test_graphml_is_xml_with_every_node_and_edge(picture: Picture) -> None:
    """A parser reads it back; ids and ends are those of the graph, and text is as XML can hold it."""
    graph = ET.fromstring(graphml.write(picture)).find(f"{GRAPHML}graph")
    assert graph is not None
    assert {node.get("id") for node in graph.iter(f"{GRAPHML}node")} == {entity.uuid for entity in picture.entities}
    edges = {(edge.get("id"), edge.get("source"), edge.get("target")) for edge in graph.iter(f"{GRAPHML}edge")}
    assert edges == {(fact.uuid, fact.source, fact.target) for fact in picture.facts}


@settings(max_examples=40, deadline=None)
@given(pictures())
def test_tables_have_a_row_for_each_and_join(picture: Picture) -> None:
    """The csv module reads back as many entities, facts and entries as there are, and the texts of the facts."""

    def rows(name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(written[name].removeprefix("\ufeff"), newline="")))

    written = tables.write(picture)
    assert [row["entity"] for row in rows("entities.csv")] == [entity.uuid for entity in picture.entities]
    assert [row["text"] for row in rows("facts.csv")] == [
        f"'{fact.fact}" if fact.fact[:1] in FORMULA else fact.fact for fact in picture.in_order
    ]
    assert {row["entry"] for row in rows("entries.csv")} == {episode.uuid for episode in picture.episodes}


def test_a_sentence_that_ended_a_fact_twice_is_one_row() -> None:
    """Two of its facts may each have ended the same one."""
    picture = small_life()
    told = next(span for span in picture.spans if span.kind == "fact")
    endings = tuple(replace(told, uuid=uuid, kind="ending") for uuid in "ab")
    table = tables.write(replace(picture, spans=endings))["sentences.csv"]
    assert len(list(csv.reader(io.StringIO(table, newline="")))) == 2


@pytest.mark.parametrize("sign", FORMULA)
def test_no_cell_is_a_formula(sign: str) -> None:
    """A spreadsheet shows what begins like a formula, and does not calculate it."""
    life = Life()
    episode = life.entry("2024-04-03", f"{sign}1+1 met Eva.")
    life.entity(f"{sign}1+1", "Person"), life.entity("Eva", "Person")
    life.fact(episode, f"{sign}1+1", "MET", "Eva", f"{sign}1+1 met Eva.", f"{sign}1+1 met Eva.")
    cells = [
        cell
        for table in tables.write(life.picture()).values()
        for row in csv.reader(io.StringIO(table.removeprefix("\ufeff"), newline=""))
        for cell in row
    ]
    assert f"'{sign}1+1" in cells
    assert not [cell for cell in cells if cell.startswith(sign)]


@settings(max_examples=40, deadline=None)
@given(pictures())
@example(small_life(HOSTILE))
def test_cypher_is_one_statement_a_line(picture: Picture) -> None:
    """No text can end a literal or a line: outside the literals only our own words and marks remain."""
    statements = cypher.write(picture).split("\n")[:-1]
    assert len(statements) == 2 + len(picture.entities) + len(picture.episodes) + len(picture.facts) + len(
        picture.mentions
    )
    for statement in statements:
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", statement)
        assert re.fullmatch(r"[A-Za-z0-9_ (){}:,.=\[\]<>`-]+;", bare)


@given(st.lists(st.text(max_size=200), max_size=12))
@example(["CON", "con", "a/b", "a:b", "..", "", "ÉCOLE", "école", "x" * 400, "[[x]]", "a\u202eb", "nul.txt"])
def test_file_names_are_safe_and_no_two_the_same(names: list[str]) -> None:
    """Whatever people are called: no separator, no control, no reserved word, no ending dot, short, unique."""
    files = FileNames()
    given_names = [files.name(name) for name in names]
    assert len({name.casefold() for name in given_names}) == len(names)
    for name in given_names:
        assert name == name.strip(" .") != ""
        assert not re.search(r'[/\\:*?"<>|#^\[\]\x00-\x1f\x7f]', name)
        assert not re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name)
        assert len(name.encode()) < 140
    assert safe_name('What is "A/B"?') == "What is A B"


def test_every_link_of_a_vault_leads_to_a_note() -> None:
    """A note an entity and one an entry; wikilinks name notes that exist; front matter is read as it was meant."""
    notes = markdown.write(small_life(HOSTILE))
    known = {Path(path).stem for path in notes}
    assert len(known) == len(notes) == 1 + 5 + 3
    for text in notes.values():
        assert {link.split("|")[0] for link in re.findall(r"\[\[([^\]]+)\]\]", text)} <= known
    anna = notes["People/Anna.md"]
    fact = "- Anna lives in Bern. *(1912-05-10 to 1913-02-01)* [[Anna]] · [[Bern]]\n"
    assert f"{fact}  - “Anna lives in Bern, and likes it.” [[1912-05-10]]" in anna
    (aliases,) = [line for line in anna.splitlines() if line.startswith("aliases: ")]
    assert json.loads(aliases.removeprefix("aliases: ")) == ["Anna"]
    assert "- [[Anna]]" in notes["Journal/1912-05-10.md"]


def test_a_folder_of_ours_is_renewed_and_another_left_alone(tmp_path: Path) -> None:
    """Writing again takes away what is gone since; a folder of other files is refused; a foreign list harms nothing."""
    write_folder(tmp_path / "vault", {"A.md": "a", "People/B.md": "b"})
    (tmp_path / "vault" / "own.md").write_text("mine")
    write_folder(tmp_path / "vault", {"A.md": "new"})
    assert sorted(path.name for path in (tmp_path / "vault").rglob("*.md")) == ["A.md", "own.md"]
    with pytest.raises(BadInput, match="holds other files"):
        write_folder(tmp_path, {"A.md": "a"})
    (tmp_path / "vault" / ".daybook-export").write_text("../outside\n")
    (tmp_path / "outside").write_text("stays")
    write_folder(tmp_path / "vault", {"A.md": "new"})
    assert (tmp_path / "outside").exists()
