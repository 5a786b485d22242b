"""The page as a file: what stands in it, what its policy allows, and where its marks point."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.picture import Span, find_words
from app.view.data import page_data
from app.view.layout import positions
from app.view.page import Live, page
from tests.view.pictures import HOSTILE, small_life

VENDOR = Path(__file__).parents[2] / "app" / "view" / "vendor"


def parts(html: str) -> tuple[str, str, str, str]:
    """policy, style, data, script"""
    found = re.search(
        r'content="(?P<policy>[^"]+)">.*<style>(?P<style>.*)</style>.*<script type="application/json" id="data">'
        r"(?P<data>.*?)</script>\n<script>(?P<script>.*)</script>",
        html,
        re.DOTALL,
    )
    assert found
    return found["policy"], found["style"], found["data"], found["script"]


def test_the_policy_allows_this_script_and_this_style_and_nothing_else() -> None:
    """The hashes in the head are those of the two blocks; every source of anything else is none."""
    policy, style, _, script = parts(page(small_life()))
    allowed = dict(rule.split(" ", 1) for rule in policy.replace("&#x27;", "'").split("; "))
    for name, text in (("script-src", script), ("style-src", style)):
        assert allowed[name] == f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
    assert {allowed[name] for name in allowed.keys() - {"script-src", "style-src"}} == {"'none'"}


def test_only_a_served_page_may_ask_and_only_its_own_server() -> None:
    """`live` opens one door: connections to where the page came from."""
    policy, _, data, _ = parts(page(small_life(), live=Live(ask="/ask")))
    assert "connect-src 'self'" in policy.replace("&#x27;", "'")
    assert json.loads(data)["live"] == {"ask": "/ask", "review": None, "undo": None}


def test_no_word_of_a_journal_is_markup() -> None:
    """The data block holds no "<" at all, and reads back as it was, whatever a name is made of."""
    html = page(small_life(HOSTILE), title=HOSTILE)
    _, _, data, script = parts(html)
    assert "<" not in data
    assert HOSTILE in [entity["name"] for entity in json.loads(data)["entities"]]
    assert HOSTILE not in html
    assert "</script" not in script.lower()
    assert "<!--" not in script


def test_marks_stand_on_the_words_they_point_to() -> None:
    """Every mark's characters are the words that the graph holds for it, within its entry's text."""
    picture = small_life()
    data = page_data(picture)
    marked = sorted(entry["text"][start:end] for entry in data["entries"] for start, end, *_ in entry["marks"])
    assert marked == sorted(span.words for span in picture.spans)
    assert [entry["date"] for entry in data["entries"]] == ["1912-04-03", "1912-05-10", "1913-02-01"]


def test_a_sentence_that_ended_a_fact_twice_is_marked_once() -> None:
    """Two of its facts may each have ended the same one; the page shows the sentence once."""
    picture = small_life()
    told = next(span for span in picture.spans if span.kind == "fact")
    endings = tuple(replace(told, uuid=uuid, kind="ending") for uuid in "ab")
    marks = [mark for entry in page_data(replace(picture, spans=endings))["entries"] for mark in entry["marks"]]
    assert len(marks) == 1


@given(st.text("ab \n", max_size=30), st.text("ab ", min_size=1, max_size=4), st.integers(0, 40))
def test_words_are_found_where_they_stand_though_offsets_differ(text: str, words: str, start: int) -> None:
    """In a text whose file is escaped the nearest place of the same words is taken; absent words have no place."""
    found = find_words(text, Span("", "", "", "fact", start, start + len(words), words))
    assert text[slice(*found)] == (words if words in text else "")
    places = [at for at in range(len(text)) if text.startswith(words, at)]
    if places:
        assert abs(found[0] - start) == min(abs(at - start) for at in places)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 40).flatmap(
        lambda n: st.tuples(
            st.just(n), st.dictionaries(st.tuples(*[st.integers(0, max(n - 1, 0))] * 2), st.floats(0.1, 9), max_size=n)
        )
    )
)
def test_a_layout_is_a_place_in_the_disc_for_each_and_always_the_same(
    graph: tuple[int, dict[tuple[int, int], float]],
) -> None:
    """Finite, within radius 1, and equal for equal graphs; also for loops, islands and nothing at all."""
    at = positions(*graph)
    assert at.shape == (graph[0], 2)
    assert np.isfinite(at).all()
    assert (np.linalg.norm(at, axis=1) <= 1.001).all()
    assert np.array_equal(at, positions(*graph))


def test_what_is_joined_is_drawn_near() -> None:
    """Two rings that share no edge: members of one are nearer to each other than to the other ring."""
    edges = {(i + base, (i + 1) % 8 + base): 1.0 for base in (0, 8) for i in range(8)}
    at = positions(16, edges)
    apart = np.linalg.norm(at[:, None] - at[None], axis=2)
    assert np.mean([apart[a, b] for a, b in edges]) < 0.7 * np.mean(apart[:8, 8:])


@pytest.mark.parametrize("package", ["sigma", "graphology", "graphology-utils", "events"])
def test_the_vendored_library_carries_its_licences_and_pinned_versions(package: str) -> None:
    """The head of graph.js names each package with the version that package-lock.json pins, and its licence."""
    lock = json.loads((VENDOR / "package-lock.json").read_text(encoding="utf-8"))
    head = (VENDOR / "graph.js").read_text(encoding="utf-8").split("*/")[0]
    version = lock["packages"][f"node_modules/{package}"]["version"]
    assert f"\n{package} {version}\n" in head
    assert head.count("Permission is hereby granted") == 4
