"""Turn a checkpoint into a model folder that mlx-lm and transformers load: `python -m training.export`.

Knows file formats; knows no training. In: training/runs/NAME.  Out: models/daybook-NAME with bf16 weights,
config, tokenizer, model card and the checksums that the loader verifies.
"""

import argparse
import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from training.model import NanoConfig
from training.tokenizer import load_tokenizer, save_tokenizer
from training.train import MODELS, RUNS, State, tokenizer_folder

CHUNK_TOKENS = 220  # the length of the longer made entries: nano has seen nothing longer


def export(run: Path, folder: Path, *, mean: bool = False) -> None:
    """Write the folder; every file but the card is listed in checksums.json.

    mean   of the checkpoint and the model that is there: two ends of one training agree on more than the noise of each
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = torch.load(run / "checkpoint.pt", map_location="cpu", weights_only=True)
    tokenizer = load_tokenizer(tokenizer_folder(run))
    before = load_file(str(folder / "model.safetensors")) if mean else checkpoint["model"]
    weights = {
        name: ((weight + before[name].to(weight.dtype)) / 2).to(torch.bfloat16).contiguous()
        for name, weight in checkpoint["model"].items()
    }
    save_file(weights, str(folder / "model.safetensors"), metadata={"format": "pt"})
    config = NanoConfig.of(weights).to_json()
    _write(folder / "config.json", {**config, "daybook": {"chunk_tokens": CHUNK_TOKENS}})
    _write(folder / "generation_config.json", {"eos_token_id": 2, "pad_token_id": 0, "do_sample": False})
    save_tokenizer(tokenizer, folder)
    state = State(**checkpoint["state"])
    origin = {
        "prompts": checkpoint["prompts"],
        "weights": sum(w.numel() for w in weights.values()),
        "training_tokens": state.tokens,
        "training_steps": state.steps,
        "training_minutes": round(state.minutes),
    }
    _write(folder / "origin.json", origin)
    write_checksums(folder)


def write_checksums(folder: Path) -> None:
    """sha256 of every file the loader reads."""
    names = sorted(p.name for p in folder.iterdir() if p.name not in ("checksums.json", "README.md"))
    _write(folder / "checksums.json", {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in names})


def _write(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default="nano", help="folder under training/runs, and the end of the model's name")
    parser.add_argument("--mean", action="store_true", help="of the checkpoint's weights and those exported before")
    options = parser.parse_args()
    folder = MODELS / f"daybook-{options.name}"
    export(RUNS / options.name, folder, mean=options.mean)
    print(f"wrote {folder}")
