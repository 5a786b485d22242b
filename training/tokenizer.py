"""The small tokenizer of daybook-nano: byte-level BPE, 2,048 tokens, Qwen's control tokens and ChatML template.

Knows the prompts' text; knows no weights. In: sample texts.  Out: a folder that transformers and mlx-lm load.

A capitalised word has the same tokens wherever it stands, because the space before it is a token of its own:
a name is then copied token by token from the entry into the answer. Common lower-case words keep their space.
The joints of our one-line JSON are tokens, so that a full stop at the end of a name is never glued to a quote.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

VOCAB_SIZE = 2048

# The first three are Qwen's ids of interest: end of text (embeddings), and the two ends of a chat turn.
CONTROL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
# Qwen3 has these too; they are added so that text containing them is handled as with the real tokenizer.
PLAIN_ADDED_TOKENS = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"]

_JOINTS = ['"}, {"', '"}]}', '}, {"', '": [{"', '": []', '": [', '": "', '", "', '": ', ', "', '{"', '"}', "}]}", "]}"]
_SPLIT = "|".join(
    [
        *("".join(f"\\{sign}" if sign in '{}[]"' else sign for sign in joint) for joint in _JOINTS),
        r" ?\p{Ll}[\p{L}\p{M}]*",  # a lower-case word with its space
        r"\p{L}[\p{L}\p{M}]*",  # any other word without it
        r"\p{N}",  # digits one by one, as Qwen has them
        r" |\n|[^\s\p{L}\p{N}]|\s",
    ]
)

# Qwen's ChatML without its thinking and tool branches: nano does neither.
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Learn the merges from sample texts; the same texts give the same tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE - len(PLAIN_ADDED_TOKENS),
        special_tokens=CONTROL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens(PLAIN_ADDED_TOKENS)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json, the template inside the latter as Qwen has it."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "bos_token": None,
        "unk_token": None,
        "add_bos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 4096,
        "chat_template": CHAT_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n")


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast.from_pretrained(str(folder))
