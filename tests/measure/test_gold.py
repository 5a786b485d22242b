"""Gold files become texts whose labels point at their own characters."""

import gzip
import json
import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BadInput
from app.measure.gold import NO_DAY, GoldText, read_gold, spread

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("DAYBOOK_SHARED", ROOT.parent / "shared")) / "data" / "gold"
SETS = ("schnitzler_de/dev.jsonl", "litbank_en/dev.jsonl.gz", "redocred_en/dev.jsonl.gz", "text2kgbench/dev.jsonl")


def written(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", SETS)
def test_every_public_set_is_read_with_labels_that_fit(name: str) -> None:
    """Each marked span holds its name, each fact joins names of the text's entities, and nothing is empty."""
    if not (SHARED / name).exists():
        pytest.skip("the shared data is not here")
    texts = read_gold(SHARED / name)
    assert len({text.id for text in texts}) == len(texts) > 50
    assert any(text.mentions or text.facts for text in texts)
    for text in texts:
        names = {name for entity in text.entities for name in entity.names}
        for mention in text.mentions:
            assert " ".join(text.text[mention.start : mention.end].split()) == mention.name
            assert mention.name in names
        for fact in text.facts or () if text.names_whole else ():
            assert {fact.source, fact.target} <= {entity.names[0] for entity in text.entities}


def test_a_novel_is_cut_into_pieces_that_join_again() -> None:
    """Nothing of a document is lost, and its pieces share one world."""
    if not (SHARED / SETS[1]).exists():
        pytest.skip("the shared data is not here")
    texts = read_gold(SHARED / SETS[1])
    first = json.loads(gzip.decompress((SHARED / SETS[1]).read_bytes()).split(b"\n")[0])
    assert "".join(text.text for text in texts if text.world == first["id"]) == first["text"]


def test_our_own_format_says_what_is_marked(tmp_path: Path) -> None:
    """What a line does not have is not marked: facts None is not the same as no facts."""
    plain = {"date": "2024-04-03", "text": "Met Eva.", "entities": [{"name": "Eva", "type": "Person"}]}
    fact = {"source": "Eva", "target": "Ada", "relation": "MET", "valid_at": "2024-04-03", "invalid_at": None}
    rows = plain, {**plain, "owner": "Ada", "facts": [fact]}, {**plain, "facts": []}
    bare, told, none = read_gold(written(tmp_path / "gold.jsonl", *rows))
    assert (bare.facts, none.facts) == (None, ())
    assert told.facts is not None
    assert (told.owner, told.is_dated, told.facts[0].valid_at) == ("Ada", True, told.day)
    assert (bare.id, bare.world, told.id) == ("1", "1", "2")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no text"),
        ("no json\n", ":1 is not JSON"),
        ("[1]\n", ":1 is not a JSON object"),
        ('{"text": "x"}\n', "no gold"),
        ('{"date": "2024-04-03", "text": "x", "entities": []}\n{"date": "soon", "text": "x"}\n', ":2 cannot be read"),
        ('{"date": "2024-04-03", "text": "x", "entities": [{}]}\n', ":1 cannot be read"),
    ],
)
def test_a_bad_file_is_named_with_its_line(tmp_path: Path, content: str, said: str) -> None:
    """One clear error; never a traceback."""
    path = tmp_path / "gold.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadInput, match=said):
        read_gold(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_gold(tmp_path / "nowhere.jsonl")


@given(st.integers(1, 40), st.integers(0, 90))
def test_a_sample_reaches_to_all_parts(count: int, size: int) -> None:
    """As many different texts as it can have, in order, never more than asked for, and none far from one."""
    texts = [GoldText(str(i), "w", NO_DAY, "", "", ()) for i in range(size)]
    chosen = [int(text.id) for text in spread(texts, count)]
    assert len(chosen) == min(count, size)
    assert chosen == sorted(set(chosen))
    assert all(after - before <= size / count + 1 for before, after in pairwise([*chosen, size]))
    assert spread(texts, None) == texts
