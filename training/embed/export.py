"""Turn a checkpoint into the folder models/daybook-nano-embed: `python -m training.embed.export`.

Knows file formats; knows no training. In: training/runs/embed.  Out: bf16 weights, config, tokenizer, checksums.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedTokenizerFast

from training.embed.prepare import RUN
from training.embed.student import CONFIG
from training.export import write_checksums
from training.model import Nano, NanoConfig
from training.tokenizer import load_tokenizer, save_tokenizer
from training.train import MODELS

FOLDER = MODELS / "daybook-nano-embed"


def export(run: Path, folder: Path) -> None:
    """Write the folder; the figures and the card are not among the checksums."""
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = torch.load(run / "checkpoint.pt", map_location="cpu", weights_only=True)
    weights = {name: weight.to(torch.bfloat16).contiguous() for name, weight in checkpoint["model"].items()}
    save_file(weights, str(folder / "model.safetensors"), metadata={"format": "pt"})
    _write(folder / "config.json", CONFIG.to_json())
    _write(folder / "generation_config.json", {"eos_token_id": 2, "pad_token_id": 0, "do_sample": False})
    save_tokenizer(load_tokenizer(run / "tokenizer"), folder)
    _write(folder / "origin.json", {"weights": sum(w.numel() for w in weights.values()), **checkpoint["state"]})
    write_checksums(folder)


def load_student(folder: Path) -> tuple[Nano, PreTrainedTokenizerFast]:
    """The exported folder in PyTorch, its bf16 weights as float32."""
    config = json.loads((folder / "config.json").read_text())
    model = Nano(NanoConfig(**{name: config[name] for name in NanoConfig.__dataclass_fields__}))
    model.load_state_dict({name: weight.float() for name, weight in load_file(folder / "model.safetensors").items()})
    return model.eval(), load_tokenizer(folder)


def _write(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    export(RUN, FOLDER)
    print(f"wrote {FOLDER}")
