"""What the operations of a layer need to know beside their tensors."""

from typing import Literal, NamedTuple

from torch import Tensor

Activation = Literal["gelu_pytorch_tanh", "silu"]
"""Of the gate, by transformers' names."""


class Norm(NamedTuple):
    weight: Tensor
    """(width,) float32, what is multiplied by: Gemma's norms store it less 1."""
    eps: float


class Attention(NamedTuple):
    """How the attention of a layer computes. Windows and heads are counts; `cap` bounds the scores, 0 is none."""

    heads: int
    kv_heads: int
    head_dim: int
    scale: float
    cap: float
    window: int
    """A token sees itself and the `window` - 1 before it; 0 is no limit."""
    cos: Tensor
    """(positions, head_dim / 2) float32."""
    sin: Tensor
    query_norm: Norm | None
    key_norm: Norm | None

    def split(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values as (tokens, heads, head_dim)."""
        heads = qkv.unflatten(-1, (-1, self.head_dim))
        queries, keys, values = heads.split([self.heads, self.kv_heads, self.kv_heads], dim=-2)
        return queries, keys, values
