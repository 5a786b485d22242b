"""A tiny Qwen3 of random weights with a byte-level tokenizer of its own: no download.

An honest fake: it obeys nothing but the grammar, so whatever holds for it holds for every model.
In: a folder.  Out: a complete model in it.
"""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from graphiti_core.prompts import extract_edges, extract_nodes
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from app.llm.blas import mx
from app.llm.bounds import Bounds
from app.llm.mlx_thread import run_mlx

SHARED = Path(os.environ.get("DAYBOOK_SHARED", Path(__file__).parents[2].parent / "shared"))
QWEN_DATA = SHARED / "data" / "tokenizer_qwen"

# ChatML with Qwen3's switch for thinking, as the bundled model has it.
CHAT_TEMPLATE = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\n\n</think>\n\n' }}{%- endif %}"
    "{%- endif %}"
)
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]  # special
MARKERS = ["<think>", "</think>", "<tool_call>", "</tool_call>"]  # added but not special, as in Qwen3
TEXT = (
    "I walked with Marie to the harbour and met Mr. Pepys, who lives in Ghent. "
    '{"extracted_entities": [{"name": "Marie", "entity_type_id": 0, "episode_indices": [0]}], "edges": []} '
    "Yesterday 2024-05-01 the café was closed; today it is open again, and 東京 is far away. "
)
TINY = {
    "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 64, "num_hidden_layers": 2,
    "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0, "max_position_embeddings": 32768, "tie_word_embeddings": True,
}  # fmt: skip

SHORT = Bounds(text_chars=16, items=2, entries=2, key_chars=8, depth=2)


def build_tokenizer(folder: Path) -> int:
    """Write tokenizer.json and tokenizer_config.json; returns the number of tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=1500, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([TEXT, inspect.getsource(extract_nodes), inspect.getsource(extract_edges)], trainer)
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROL])
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in MARKERS])
    tokenizer.save(str(folder / "tokenizer.json"))
    write_tokenizer_config(folder, CHAT_TEMPLATE)
    return int(tokenizer.get_vocab_size())


def write_tokenizer_config(folder: Path, chat_template: str) -> None:
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "chat_template": chat_template,
        "model_max_length": 16384,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def build_model(folder: Path, config: dict[str, Any], *, seed: int = 0) -> None:
    """Write config.json and random weights, N(0, 0.02) as a fresh model has them, but wide enough to be decided."""
    from mlx.utils import tree_map
    from mlx_lm.models import qwen3
    from mlx_lm.utils import save_config, save_model

    def build() -> None:
        mx.random.seed(seed)
        model = qwen3.Model(qwen3.ModelArgs.from_dict(config))
        model.update(tree_map(lambda w: mx.random.normal(w.shape) * 0.1 if w.ndim == 2 else w, model.parameters()))
        mx.eval(model.parameters())
        save_model(folder, model)
        save_config(dict(config), config_path=folder / "config.json")

    run_mlx(build)


def build_qwen(folder: Path) -> Path:
    """Qwen3's real tokenizer, byte for byte, and its template, around a tiny model of random weights."""
    subprocess.run([sys.executable, QWEN_DATA / "build_tokenizer.py", folder], check=True, stdout=subprocess.DEVNULL)
    config = json.loads((QWEN_DATA / "tokenizer_config_Qwen3.json").read_text(encoding="utf-8"))
    config["chat_template"] = (QWEN_DATA / "templates" / "Qwen3.jinja").read_text(encoding="utf-8")
    (folder / "Qwen3" / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    build_model(folder / "Qwen3", {**TINY, "vocab_size": 151936, "eos_token_id": [151645, 151643]})
    return folder / "Qwen3"
