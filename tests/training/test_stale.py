"""The bundled model was trained on the prompts that it is asked."""

import json
from pathlib import Path

from app.prompts.fingerprint import prompts_fingerprint

ROOT = Path(__file__).parent.parent.parent


def test_the_bundled_model_knows_the_prompts_of_today() -> None:
    """A changed rule, field or answer shape makes the model stale: train it on (training/README.md)."""
    origin = json.loads((ROOT / "models" / "daybook-nano" / "origin.json").read_text(encoding="utf-8"))
    assert origin["prompts"] == prompts_fingerprint()


def test_the_model_folders_are_small() -> None:
    """Each bundled model is at most 12 MB, so that a clone stays quick."""
    for folder in (ROOT / "models").iterdir():
        assert sum(file.stat().st_size for file in folder.iterdir()) <= 12_000_000, folder.name


def test_the_card_names_the_checksum_of_the_weights() -> None:
    """The card speaks of these very weights."""
    folder = ROOT / "models" / "daybook-nano"
    checksums = json.loads((folder / "checksums.json").read_text(encoding="utf-8"))
    assert checksums["model.safetensors"] in (folder / "README.md").read_text(encoding="utf-8")
