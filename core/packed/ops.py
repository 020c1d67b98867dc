"""The operations of a packed decoder layer as one protocol, and what they need to know beside their tensors.

ops_reference.py computes them in plain torch and defines their values; ops_triton.py computes them by fused kernels.

Shapes are written in these letters:

- T: tokens of the pack, the examples one after another; E: examples
- D: hidden size; F: intermediate size of the MLP
- H: query heads; G: key and value heads; C: head_dim; W = (H + 2 G) C: queries, keys and values side by side
- P: pairs of a head that are rotated, C / 2 where all of it is
- I: inputs of a projection; N: the LoRA adapters of projections that read the same input; R: their rank

The compute type is the one that products are computed in: bf16 on a card, or float32. `d_x` is the gradient of the
loss with respect to `x`.
"""

from typing import Literal, NamedTuple, Protocol

import torch
from bitsandbytes.nn import Params4bit
from torch import Tensor

from core.packed.pack import Pack

Activation = Literal["gelu_pytorch_tanh", "silu"]
"""Of the MLP, by transformers' names."""


class Norm(NamedTuple):
    """RMSNorm of the last dimension."""

    weight: Tensor
    """(width,) float32, what is multiplied by: Gemma's norms store it less 1."""
    eps: float


class Attention(NamedTuple):
    """How the attention of a layer computes."""

    heads: int
    """H."""
    kv_heads: int
    """G, a divisor of H: query head h reads key and value head h // (H / G)."""
    head_dim: int
    """C."""
    scale: float
    """What the products of queries and keys are multiplied by."""
    cap: float
    """The bound of scores, transformers' attn_logit_softcapping; 0 is none."""
    window: int
    """A token sees itself and the `window` - 1 before it; 0 is no limit."""
    cos: Tensor
    """(positions, P) float32."""
    sin: Tensor
    """(positions, P) float32."""
    query_norm: Norm | None
    """Gemma-3's and Qwen-3's q_norm, of width C."""
    key_norm: Norm | None
    """Gemma-3's and Qwen-3's k_norm, of width C."""

    def split(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (T, H, C), keys (T, G, C) and values (T, G, C): views of `qkv` (T, W)."""
        heads = qkv.unflatten(-1, (-1, self.head_dim))
        queries, keys, values = heads.split([self.heads, self.kv_heads, self.kv_heads], dim=-2)
        return queries, keys, values


class Dropout(NamedTuple):
    """What the dropout of the input of some adapters follows from; core.model.dropout says how."""

    rate: float
    columns: Tensor
    """(N, I) int32: the keys of each adapter's inputs."""
    keys: Tensor
    """(T,) int32: those of the tokens."""


class Ops(Protocol):
    """What a layer computes between its matrix products. A module that has these functions is one.

    Sums, norms and activations are computed in float32, whatever type is read and written.
    """

    def take_rows(self, weight: Tensor, ids: Tensor) -> Tensor:
        """weight[ids], torch's embedding: `weight` (vocabulary, D) of any type, `ids` (T,) to (T, D) in its type.

        `weight` may lie in the host's pinned memory while `ids` is on a card.
        """

    def add_norm(
        self, residual: Tensor, update: Tensor | None, post: Norm | None, norm: Norm, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        """total = residual + rms_norm(update, post), and rms_norm(total, norm).

        rms_norm(x) = weight * x / sqrt(mean(x**2) + eps) (Zhang and Sennrich 2019; transformers' LlamaRMSNorm and
        Gemma2RMSNorm). Without `post` the update is added as it is; without `update` the total is `residual` itself.

        `residual` (T, D) float32, `update` (T, D) in the compute type. Returns the total (T, D) float32, and its norm
        (T, D) in `dtype`.
        """

    def add_norm_backward(
        self,
        residual: Tensor,
        update: Tensor | None,
        post: Norm | None,
        norm: Norm,
        d_total: Tensor,
        d_normed: Tensor,
        *,
        is_added: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Gradients of `residual` (T, D) float32 and of `update` (T, D) in its own type, None where there is none.

        With r = 1 / sqrt(mean(x**2) + eps) and g = weight * d_y, the norm y of x gives
        d_x = r * (g - x * r**2 * mean(g * x)).

        `d_total` (T, D) float32 and `d_normed` (T, D) in the compute type are those of what add_norm returns.
        `is_added` says that `residual` is the total, which holds the update already.
        """

    def rotate(self, qkv: Tensor, pack: Pack, attention: Attention) -> Tensor:
        """Queries and keys, each normalized by head where the family does so, and rotated by their positions.

        With x1 the first P numbers of a head and x2 the next P: (x1 cos - x2 sin, x2 cos + x1 sin) (RoPE, Su et al.
        2021; transformers' apply_rotary_pos_emb). The rest of a head stays (Phi-3's partial_rotary_factor), as values
        do. The norms are q_norm and k_norm of transformers' Gemma3Attention and Qwen3Attention.

        `qkv` (T, W) in the compute type to the same. May write into `qkv`, unless there are norms: their backward
        pass needs it as it was.
        """

    def rotate_backward(self, raw: Tensor, pack: Pack, attention: Attention, d_qkv: Tensor) -> Tensor:
        """The gradient of what `rotate` read, (T, W) in the compute type. May write into `d_qkv`.

        With d1 and d2 the same parts of a head's gradient: (d1 cos + d2 sin, d2 cos - d1 sin), then the norm's backward
        pass as in add_norm_backward. `raw` (T, W) is what `rotate` read; it is looked at only where there are norms.
        `d_qkv` (T, W) is the gradient of what it returned.
        """

    def attend(self, qkv: Tensor, pack: Pack, attention: Attention) -> tuple[Tensor, Tensor | None]:
        """softmax(s) V of each token over its own example's tokens up to itself, within the window if there is one.

        s = scale * Q K^T, capped to cap * tanh(s / cap) (Vaswani et al. 2017, and for the cap Gemma 2, 2024;
        transformers' eager_attention_forward of Gemma-2).

        `qkv` (T, W) in the compute type to (T, H C) in the same; and, where the backward pass needs it, the base-2
        logarithm of sum(exp(s)), (H, T) float32.
        """

    def attend_backward(
        self,
        qkv: Tensor,
        attended: Tensor,
        logsumexp: Tensor | None,
        pack: Pack,
        attention: Attention,
        d_attended: Tensor,
    ) -> Tensor:
        """The gradient of `qkv`, (T, W) in the compute type, from what `attend` read and returned.

        With P = softmax(s): d_V = P^T d_O, d_s = P * (d_O V^T - rowsum(d_O * O)), times 1 - tanh(s / cap)**2 where
        scores are capped, d_Q = scale * d_s K, d_K = scale * d_s^T Q (FlashAttention-2, Dao 2023).

        `d_attended` (T, H C) in the compute type.
        """

    def glu(self, gate_up: Tensor, activation: Activation) -> Tensor:
        """activation(gate) * up (GEGLU and SwiGLU, Shazeer 2020; transformers' Gemma2MLP and LlamaMLP).

        silu(x) = x sigmoid(x); gelu(x) = x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x**3))) (Hendrycks and Gimpel
        2016). `gate_up` (T, 2 F), gate and up side by side, in the compute type to (T, F) in the same.
        """

    def glu_backward(self, gate_up: Tensor, activation: Activation, d_gated: Tensor) -> Tensor:
        """d_gate = d_gated * up * activation'(gate) and d_up = d_gated * activation(gate), side by side.

        `gate_up` (T, 2 F) and `d_gated` (T, F) in the compute type to (T, 2 F) in the same.
        """

    def dropout_lora_a(self, x: Tensor, lora_a: Tensor, rank: int, dropout: Dropout) -> Tensor:
        """x_a = dropout(x) A^T for each adapter, with a mask of its own (LoRA, Hu et al. 2021; PEFT's lora_dropout).

        dropout(x) = x * kept / (1 - rate), where core.model.dropout.kept tells what is kept. `x` (T, I) and
        `lora_a` (N R, I), the adapters' A one below another, in the compute type to (T, N R) in the same.
        """

    def dropout_lora_a_backward_a(self, x: Tensor, d_x_a: Tensor, rank: int, dropout: Dropout) -> Tensor:
        """d_A = d_x_a^T dropout(x) for each adapter: (T, I) and (T, N R) in the compute type to (N R, I) float32."""

    def dropout_lora_a_backward_x(
        self, d_x: Tensor, d_x_a: Tensor, lora_a: Tensor, rank: int, dropout: Dropout
    ) -> Tensor:
        """`d_x` with kept / (1 - rate) * (d_x_a A) of each adapter added in place.

        `d_x` (T, I), `d_x_a` (T, N R) and `lora_a` (N R, I), all in the compute type.
        """

    def dequantize(self, weight: Params4bit, into: Tensor) -> None:
        """Writes a 4-bit weight's values, level[code] * scale of its block, into `into`, (outputs, I) in any type.

        They are those of bitsandbytes' dequantize_4bit when it computes in that type, to the bit (NF4 and its
        double-quantized scales: QLoRA, Dettmers et al. 2023).
        """
