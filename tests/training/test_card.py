"""Figures are written once and quoted: what the documents say is what was measured."""

import json
import shutil
from pathlib import Path

import pytest

from training import card
from training.card import Figure

MODEL = card.ROOT / "models" / "daybook-nano"


def test_the_documents_quote_the_figures() -> None:
    """docs/measurements.md and the model card hold the tables of docs/figures.json, not older ones."""
    found = json.loads(card.FIGURES.read_text(encoding="utf-8"))
    assert card.section(found) in card.MEASUREMENTS.read_text(encoding="utf-8")
    assert card.figure_table(found) in (MODEL / "README.md").read_text(encoding="utf-8")


def test_the_card_names_the_bars_that_are_not_met() -> None:
    """A figure below its bar is told in words; one that meets it, or that nobody asks for, is not."""
    figures = [Figure("a", "low", 0.5, "F1 0.5", "3", 0.7), Figure("a", "high", 0.7, "F1 0.7", "3", 0.7)]
    found = card.report(MODEL, "0" * 64, "float32", [*figures, Figure("a", "free", 0.1, "F1 0.1", "3")], [])
    written = card.card(found, MODEL)
    assert "Of 2 bars 1 are not met:\n\n- low (a): 0.50 of 0.70\n\n" in written
    assert "| a | high | F1 0.7 | 3 | 0.70, met |" in written


def test_writing_twice_is_writing_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands around the figures stays, and the second writing replaces the first."""
    page = tmp_path / "measurements.md"
    page.write_text(f"before\n\n{card.BEGIN}\nold\n{card.END}\n\nafter\n", encoding="utf-8")
    shutil.copytree(MODEL, tmp_path / "model")
    monkeypatch.setattr(card, "MEASUREMENTS", page)
    monkeypatch.setattr(card, "FIGURES", tmp_path / "figures.json")
    found = card.report(tmp_path / "model", "0" * 64, "float32", [Figure("a", "b", 0.5, "F1 0.5", "3")], [])
    written = []
    for _ in range(2):
        card.write(found, tmp_path / "model")
        written.append(page.read_text(encoding="utf-8"))
    assert written == [f"before\n\n{card.section(found)}\n\nafter\n"] * 2
