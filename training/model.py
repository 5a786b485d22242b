"""Qwen3's architecture in PyTorch, small, with one addition for training: a prefix shared by a whole batch.

Knows tensors; knows no prompts. Names of weights are Hugging Face's, so that mlx-lm loads them as they are.
In: token ids.  Out: logits.

All examples of a batch begin with the same rules. Their keys and values are computed once and every example
attends to them, so the rules cost nothing however long they are; the gradient flows through them all the same.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class NanoConfig:
    """Shape of the model; Hugging Face's names."""

    vocab_size: int = 2048
    hidden_size: int = 256
    num_hidden_layers: int = 6
    num_attention_heads: int = 4
    num_key_value_heads: int = 2
    head_dim: int = 64
    intermediate_size: int = 768
    rope_theta: float = 1_000_000.0
    rms_norm_eps: float = 1e-6
    max_position_embeddings: int = 4096

    @classmethod
    def of(cls, weights: Mapping[str, Tensor]) -> "NanoConfig":
        """The shape that these weights have: as many tokens and layers; the widths are always the same."""
        layers = 1 + max(int(name.split(".")[2]) for name in weights if ".layers." in name)
        return cls(vocab_size=len(weights["model.embed_tokens.weight"]), num_hidden_layers=layers)

    def to_json(self) -> dict[str, object]:
        return {
            "architectures": ["Qwen3ForCausalLM"],
            "model_type": "qwen3",
            **asdict(self),
            "attention_bias": False,
            "hidden_act": "silu",
            "tie_word_embeddings": True,
            "torch_dtype": "bfloat16",
            "bos_token_id": None,
            "eos_token_id": 2,
        }


class RMSNorm(nn.RMSNorm):
    """With the weight in the input's own type under autocast: the fused kernel takes no mixture."""

    def forward(self, x: Tensor) -> Tensor:
        assert self.weight is not None
        return F.rms_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.eps)


class Attention(nn.Module):
    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        c = config
        self.heads, self.kv_heads, self.head_dim = c.num_attention_heads, c.num_key_value_heads, c.head_dim
        self.q_proj = nn.Linear(c.hidden_size, self.heads * c.head_dim, bias=False)
        self.k_proj = nn.Linear(c.hidden_size, self.kv_heads * c.head_dim, bias=False)
        self.v_proj = nn.Linear(c.hidden_size, self.kv_heads * c.head_dim, bias=False)
        self.o_proj = nn.Linear(self.heads * c.head_dim, c.hidden_size, bias=False)
        self.q_norm = RMSNorm(c.head_dim, eps=c.rms_norm_eps)
        self.k_norm = RMSNorm(c.head_dim, eps=c.rms_norm_eps)

    def forward(
        self, x: Tensor, rope: tuple[Tensor, Tensor], prefix: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        b, t, _ = x.shape
        q = rotate(self.q_norm(self.q_proj(x).view(b, t, self.heads, -1)).transpose(1, 2), rope)
        k = rotate(self.k_norm(self.k_proj(x).view(b, t, self.kv_heads, -1)).transpose(1, 2), rope)
        v = self.v_proj(x).view(b, t, self.kv_heads, -1).transpose(1, 2)  # (B, kv, T, head_dim)
        own = (k, v)
        if prefix is not None:
            k = torch.cat([prefix[0].expand(b, -1, -1, -1), k], dim=2)
            v = torch.cat([prefix[1].expand(b, -1, -1, -1), v], dim=2)
        out = attend(q, k, v)
        return self.o_proj(out.transpose(1, 2).reshape(b, t, -1)), own


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention of the last T of S positions: q (B, H, T, D), k and v (B, G, S, D), H a multiple of G.

    Written out, since torch's fused kernel takes three times as long on a CPU with bfloat16 matrix units
    (docs/measurements.md); heads of one group share a product.
    """
    b, h, t, d = q.shape
    g, s = k.shape[1], k.shape[2]
    unseen = torch.full((t, s), -torch.inf, dtype=q.dtype, device=q.device).triu(diagonal=s - t + 1)
    scores = torch.bmm((q * d**-0.5).reshape(b * g, -1, d), k.reshape(b * g, s, d).transpose(1, 2))
    weights = (scores.view(b, h, t, s) + unseen).softmax(dim=-1).to(q.dtype)
    return torch.bmm(weights.view(b * g, -1, s), v.reshape(b * g, s, d)).view(b, h, t, d)


class MLP(nn.Module):
    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Block(nn.Module):
    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.mlp = MLP(config)
        self.input_layernorm = RMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, eps=config.rms_norm_eps)

    def forward(
        self, x: Tensor, rope: tuple[Tensor, Tensor], prefix: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        attended, own = self.self_attn(self.input_layernorm(x), rope, prefix)
        x = x + attended
        return x + self.mlp(self.post_attention_layernorm(x)), own


class Body(nn.Module):
    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, eps=config.rms_norm_eps)


class Nano(nn.Module):
    """Qwen3ForCausalLM with tied embeddings."""

    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Body(config)
        depth = (2 * config.num_hidden_layers) ** -0.5
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                # Projections back into the residual stream start small: their sum grows with depth.
                small = depth if name.endswith(("o_proj.weight", "down_proj.weight")) else 1.0
                nn.init.normal_(weight, std=0.02 * small)
        copy_at_birth(self)

    def hidden(
        self, ids: Tensor, prefix: list[tuple[Tensor, Tensor]] | None = None
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Normed hidden states (B, T, D) of ids (B, T), and the keys and values of every layer."""
        start = 0 if prefix is None else prefix[0][0].shape[2]
        rope = rope_table(self.config, start, ids.shape[1], ids.device)
        x = self.model.embed_tokens(ids)
        keys_values = []
        for i, layer in enumerate(self.model.layers):
            x, own = layer(x, rope, None if prefix is None else prefix[i])
            keys_values.append(own)
        return self.model.norm(x), keys_values

    def logits(self, hidden: Tensor) -> Tensor:
        return F.linear(hidden, self.model.embed_tokens.weight)


@torch.no_grad()
def copy_at_birth(model: Nano) -> None:
    """Let one pair of heads begin as an induction head: find where this token stood before, say what followed.

    Copying names is what nano is for, and four layers find this circuit only after a million tokens and more
    (docs/measurements.md). It is given here and then trained like everything else (Olsson et al. 2022).

    First layer: all embeddings share a direction, which alone makes the queries and keys of head 0; in the fastest
    rotations one step is a large angle, so the head attends one token back, and writes that token's embedding
    into the stream, turned by `turn` so as not to be taken for the token itself. Second layer: head 0 asks for the
    current token among these, in the slow rotations that a distance hardly disturbs, and writes what stands there.
    """
    config = model.config
    half, width, dim = config.head_dim // 2, config.hidden_size, config.head_dim
    fast, slow = 4, 14  # rotary pairs: the first few turn by up to a radian a token, those from the 14th by < 0.003
    shared = torch.full((width,), width**-0.5)
    model.model.embed_tokens.weight += 0.02 * width**0.5 * shared
    turns = config.rope_theta ** (-torch.arange(half, dtype=torch.float32) / half)
    turn = torch.linalg.qr(torch.randn(width, width))[0]  # (D, D) orthogonal
    read = torch.linalg.qr(torch.randn(width, dim))[0].T  # (head_dim, D) orthonormal rows
    rows = slice(0, dim)

    look_back = model.model.layers[0].self_attn
    ask, key = torch.zeros(dim), torch.zeros(dim)
    ask[:fast], ask[half : half + fast] = torch.cos(turns[:fast]), -torch.sin(turns[:fast])
    key[:fast] = 1.0
    look_back.q_proj.weight[rows] = look_back.q_proj.weight[rows] + torch.outer(ask, shared)
    look_back.k_proj.weight[rows] = look_back.k_proj.weight[rows] + torch.outer(key, shared)
    look_back.v_proj.weight[rows] = read
    look_back.o_proj.weight[:, rows] = 0.05 * turn @ read.T
    for norm in (look_back.q_norm, look_back.k_norm):
        norm.weight[:fast] = norm.weight[half : half + fast] = 2.0

    match = model.model.layers[1].self_attn
    steady = torch.zeros(dim, 1)
    steady[slow:half] = steady[half + slow :] = 1.0
    match.q_proj.weight[rows] = steady * read
    match.k_proj.weight[rows] = steady * (read @ turn.T)
    match.v_proj.weight[rows] = read
    match.o_proj.weight[:, rows] = 0.05 * read.T


def rope_table(config: NanoConfig, start: int, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """cos and sin (T, head_dim) of positions start .. start + length - 1."""
    half = config.head_dim // 2
    frequencies = config.rope_theta ** (-torch.arange(half, device=device, dtype=torch.float32) / half)
    angles = torch.arange(start, start + length, device=device, dtype=torch.float32)[:, None] * frequencies
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions in Hugging Face's layout: the two halves of a head are the pairs."""
    cos, sin = rope
    half = x.shape[-1] // 2
    turned = torch.cat([-x[..., half:], x[..., :half]], dim=-1)
    return (x * cos + turned * sin).to(x.dtype)
