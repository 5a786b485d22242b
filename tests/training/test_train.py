"""Two processes that train the same weights."""

import argparse

import pytest

torch = pytest.importorskip("torch", reason="the training dependencies are not installed")

from training import train as trainer  # noqa: E402  # needs torch
from training.model import Nano, NanoConfig  # noqa: E402


def test_who_trains_beside_counts_for_both_and_saves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second process moves the shared weights and adds to the count; only the first writes a checkpoint."""
    saved: list[object] = []
    monkeypatch.setattr(trainer, "save_checkpoint", lambda *arguments: saved.append(arguments))
    model = Nano(NanoConfig(vocab_size=2048, num_hidden_layers=2)).share_memory()
    before = [weight.clone() for weight in model.parameters()]
    done = torch.zeros(2, 2, dtype=torch.int64).share_memory_()
    done[0] = torch.tensor([5, 70])  # what the first did meanwhile
    state = trainer.State(steps=trainer.COPY_STEPS - 100, tokens=1000, runs=3)
    options = argparse.Namespace(
        name="nano", minutes=0.02, decay=False, in_short=True, compile=False, processes=2, threads=1
    )
    trainer.train(model, trainer.make_optimizer(model), state, options, done, place=1)
    assert done[0].tolist() == [5, 70]
    assert done[1, 0] > 0
    assert state.steps == trainer.COPY_STEPS - 100 + int(done[:, 0].sum())
    assert state.tokens == 1000 + int(done[:, 1].sum())
    assert state.runs == 5
    assert not saved
    assert any(not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))


def test_who_trains_beside_ends_with_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first process that was killed, by lack of memory perhaps, leaves none behind that trains for nobody."""
    monkeypatch.setattr(torch.multiprocessing, "parent_process", lambda: argparse.Namespace(is_alive=lambda: False))
    model = Nano(NanoConfig(vocab_size=2048, num_hidden_layers=2))
    done = torch.zeros(2, 2, dtype=torch.int64)
    options = argparse.Namespace(
        name="nano", minutes=5, decay=False, in_short=True, compile=False, processes=2, threads=1
    )
    trainer.train(model, trainer.make_optimizer(model), trainer.State(), options, done, place=1)
    assert not done.any()
