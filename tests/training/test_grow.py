"""A model that is given layers still says what it said, and goes on learning."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the training dependencies are not installed")

from training.grow import grown  # noqa: E402  # needs torch
from training.model import Nano, NanoConfig  # noqa: E402
from training.train import make_optimizer, shape_at  # noqa: E402

SMALL = {"vocab_size": 50, "num_hidden_layers": 3}


def test_new_layers_change_no_answer_until_they_are_trained(tmp_path: Path) -> None:
    """Logits stay the same to the last bit; the optimiser goes on with the old averages; then the new layers learn."""
    torch.manual_seed(0)
    ids = torch.randint(0, 50, (2, 20))
    model = Nano(NanoConfig(**SMALL))
    optimizer = make_optimizer(model)
    model.logits(model.hidden(ids)[0]).logsumexp(-1).mean().backward()
    optimizer.step()
    checkpoint = grown({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "state": {}}, after=[0, 1])
    deeper = Nano(NanoConfig(**{**SMALL, "num_hidden_layers": 5}))
    deeper.load_state_dict(checkpoint["model"])
    torch.save(checkpoint, tmp_path / "checkpoint.pt")
    assert shape_at(tmp_path / "checkpoint.pt", 7) == deeper.config  # what the next training begins with
    go_on = make_optimizer(deeper)
    go_on.load_state_dict(checkpoint["optimizer"])
    assert torch.equal(model.logits(model.hidden(ids)[0]), deeper.logits(deeper.hidden(ids)[0]))
    names = dict(deeper.named_parameters())
    old = dict(model.named_parameters())
    for ours, theirs in (("layers.2", "layers.1"), ("layers.4", "layers.2")):
        kept = go_on.state[names[f"model.{ours}.mlp.up_proj.weight"]]["exp_avg"]
        assert torch.equal(kept, optimizer.state[old[f"model.{theirs}.mlp.up_proj.weight"]]["exp_avg"])
    silent = [names[f"model.layers.{i}.mlp.down_proj.weight"] for i in (1, 3)]
    assert not any(weight.any() for weight in silent)
    deeper.logits(deeper.hidden(ids)[0]).logsumexp(-1).mean().backward()
    go_on.step()
    assert all(weight.any() for weight in silent)


def test_a_layer_that_is_not_there_is_refused() -> None:
    """In one line that tells which there are."""
    model = Nano(NanoConfig(**SMALL))
    checkpoint = {"model": model.state_dict(), "optimizer": make_optimizer(model).state_dict()}
    for wrong in ([3], [-1], [1, 1]):
        with pytest.raises(SystemExit, match="from 0 to 2"):
            grown(checkpoint, wrong)
