"""The student: Nano with a tokenizer whose words are the teacher's, pooled at an appended `<|endoftext|>`.

Knows tensors and tokens; knows no training texts. In: texts.  Out: vectors whose first 64, 128, 256 components count.
"""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from training.embed.teacher import Projection, Teacher
from training.model import Nano, NanoConfig
from training.tokenizer import CHAT_TEMPLATE, CONTROL_TOKENS, PLAIN_ADDED_TOKENS

END = 0  # id of <|endoftext|>
DIMS = (64, 128, 256)
VOCAB_SIZE = 12_288
MAX_TOKENS = 512
CONFIG = NanoConfig(
    vocab_size=VOCAB_SIZE,
    hidden_size=256,
    num_hidden_layers=3,
    num_key_value_heads=4,  # as many as heads: the first layer starts as a mean of all 256 components
    intermediate_size=512,
    max_position_embeddings=MAX_TOKENS,
)


def train_embed_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE over lower-cased words without accents: the teacher sees neither capitals nor accents.

    Every word, sign and group of digits starts with a space token, wherever it stands, so that white space means
    nothing and a word has one spelling in tokens. Only combining accents of Latin, Greek and Cyrillic are taken off.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFD(),
            normalizers.Replace(Regex("[\u0300-\u036f]"), ""),
            normalizers.Lowercase(),
            normalizers.NFC(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\s+"), "removed"),
            pre_tokenizers.Split(Regex(r"[\p{L}\p{M}]+|\p{N}{1,4}|[^\s\p{L}\p{M}\p{N}]"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False),
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
    # As Qwen3-Embedding's own tokenizer does it.
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <|endoftext|>", pair="$A $B <|endoftext|>", special_tokens=[("<|endoftext|>", END)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def encode(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    """Ids of the plain text, control tokens in it being characters, and one `<|endoftext|>`."""
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
    return [*ids[: MAX_TOKENS - 1], END]


def pooled(model: Nano, rows: Sequence[Sequence[int]]) -> Tensor:
    """(B, 256) hidden states of the last token of each row; rows of like length belong together.

    Padding stands on the right and attention looks left, so no mask is needed.
    """
    width = max(map(len, rows))
    ids = torch.tensor([[*row, *[END] * (width - len(row))] for row in rows])
    hidden, _ = model.hidden(ids)
    last = torch.tensor([len(row) - 1 for row in rows])
    return hidden[torch.arange(len(rows)), last].float()


def embed(model: Nano, tokenizer: PreTrainedTokenizerFast, texts: Sequence[str], batch: int = 64) -> Tensor:
    """(N, 256) unit vectors; cut to d components and normalise again for a shorter one."""
    rows = [encode(tokenizer, text) for text in texts]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    out = torch.empty(len(rows), model.config.hidden_size)
    with torch.inference_mode():
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            out[chosen] = pooled(model, [rows[i] for i in chosen])
    return F.normalize(out, dim=-1)


def start_from_teacher(
    model: Nano, tokenizer: PreTrainedTokenizerFast, teacher: Teacher, projection: Projection, mean: Tensor
) -> None:
    """Begin as a bag of the teacher's words: tokens are its vectors of them, the first layer takes their mean.

    mean   (256,) the projected texts' mean, which becomes the vector of `<|endoftext|>`
    """
    strings = [tokenizer.decode([i]) for i in range(len(tokenizer))]
    vectors = projection(teacher.vectors_of_ids([teacher.pieces(text) for text in strings]))
    vectors -= vectors.mean(0)
    vectors *= model.config.hidden_size**0.5  # components of size about 1
    vectors[END] = mean * model.config.hidden_size**0.5
    first, size = model.model.layers[0].self_attn, model.config.hidden_size
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(vectors)
        first.v_proj.weight.copy_(torch.eye(size))
        first.o_proj.weight.copy_(torch.eye(size))
        # Nearly even attention to begin with; none of the heads that look back, with which the generator is born.
        for matrix in (first.q_proj.weight, first.k_proj.weight):
            torch.nn.init.normal_(matrix, std=size**-0.5)
        first.q_norm.weight.fill_(0.3)
        first.k_norm.weight.fill_(1.0)
