"""Give a trained model more layers without changing what it says: `python -m training.grow --after 1 2`.

Knows checkpoints. In: training/runs/NAME/checkpoint.pt.  Out: the same file, deeper; run it once.

A new layer is a copy of the one before it whose two projections back into the residual stream are zero, so that it
adds nothing until it has learnt to (block expansion, Wu et al. 2024, "LLaMA Pro"). Adam's averages of the old
weights are kept; the new ones start without.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import torch

from training.model import Nano, NanoConfig
from training.train import RUNS, make_optimizer


def grown(checkpoint: dict[str, Any], after: list[int]) -> dict[str, Any]:
    """The checkpoint with one more layer after each of the layers named (counted from 0, in the old model)."""
    old_weights = checkpoint["model"]
    old_depth = NanoConfig.of(old_weights).num_hidden_layers
    if any(not 0 <= i < old_depth for i in after) or len(set(after)) < len(after):
        raise SystemExit(f"--after {after}: different layers from 0 to {old_depth - 1} are allowed")
    sources = [(i, new) for i in range(old_depth) for new in ([False, True] if i in after else [False])]
    config = dataclasses.replace(NanoConfig.of(old_weights), num_hidden_layers=len(sources))
    model, small = Nano(config), Nano(dataclasses.replace(config, num_hidden_layers=old_depth))

    def source(name: str) -> tuple[str, bool]:
        if ".layers." not in name:
            return name, False
        parts = name.split(".")
        old, new = sources[int(parts[2])]
        return ".".join([*parts[:2], str(old), *parts[3:]]), new

    weights = {}
    for name in model.state_dict():
        old_name, new = source(name)
        silent = new and name.endswith(("o_proj.weight", "down_proj.weight"))
        weights[name] = torch.zeros_like(old_weights[old_name]) if silent else old_weights[old_name].clone()
    averages = checkpoint["optimizer"]["state"]
    index = {name: i for i, name in enumerate(_names(small))}
    state = {i: averages[index[source(name)[0]]] for i, name in enumerate(_names(model)) if not source(name)[1]}
    groups = make_optimizer(model).state_dict()["param_groups"]
    return {**checkpoint, "model": weights, "optimizer": {"state": state, "param_groups": groups}}


def _names(model: Nano) -> list[str]:
    """Names of the weights in the order in which their optimiser counts them."""
    names = {id(weight): name for name, weight in model.named_parameters()}
    return [names[id(weight)] for group in make_optimizer(model).param_groups for weight in group["params"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default="nano", help="folder under training/runs")
    parser.add_argument("--after", type=int, nargs="+", required=True, help="layers that get a new one behind them")
    options = parser.parse_args()
    path: Path = RUNS / options.name / "checkpoint.pt"
    checkpoint = grown(torch.load(path, map_location="cpu", weights_only=True), options.after)
    beside = path.with_suffix(".new")
    torch.save(checkpoint, beside)
    beside.replace(path)
    print(f"{path}: {sum(weight.numel() for weight in checkpoint['model'].values()):,} weights")


if __name__ == "__main__":
    main()
