"""Weights on their way into a model's folder."""

import json
from pathlib import Path

import pytest


def test_a_mean_is_of_the_checkpoint_and_what_was_exported(tmp_path: Path) -> None:
    """Without being asked for, the checkpoint alone is written."""
    torch = pytest.importorskip("torch", reason="the training dependencies are not installed")
    from safetensors.torch import load_file

    from training.export import export
    from training.train import State

    run, model, name = tmp_path / "nano", tmp_path / "model", "model.layers.2.mlp.up_proj.weight"
    run.mkdir()
    for value, mean, written in ((1.0, False, 1.0), (4.0, True, 2.5), (4.0, False, 4.0)):
        weights = {"model.embed_tokens.weight": torch.zeros(7, 2), name: torch.tensor([value])}
        checkpoint = {"model": weights, "prompts": "p", "state": vars(State())}
        torch.save(checkpoint, run / "checkpoint.pt")
        export(run, model, mean=mean)
        assert load_file(model / "model.safetensors")[name].tolist() == [written]
    shape = json.loads((model / "config.json").read_text())
    assert (shape["num_hidden_layers"], shape["vocab_size"]) == (3, 7)  # training.grow makes more of them
