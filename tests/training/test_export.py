"""Weights on their way into a model's folder."""

from pathlib import Path

import pytest


def test_a_mean_is_of_the_checkpoint_and_what_was_exported(tmp_path: Path) -> None:
    """Without being asked for, the checkpoint alone is written."""
    torch = pytest.importorskip("torch", reason="the training dependencies are not installed")
    from safetensors.torch import load_file

    from training.export import export
    from training.train import State

    run, model = tmp_path / "nano", tmp_path / "model"
    run.mkdir()
    for value, mean, written in ((1.0, False, 1.0), (4.0, True, 2.5), (4.0, False, 4.0)):
        checkpoint = {"model": {"w": torch.tensor([value])}, "prompts": "p", "state": vars(State())}
        torch.save(checkpoint, run / "checkpoint.pt")
        export(run, model, mean=mean)
        assert load_file(model / "model.safetensors")["w"].tolist() == [written]
