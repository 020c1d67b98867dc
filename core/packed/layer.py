"""A decoder layer, forward and backward, written out: only adapters get gradients, and only what they need is kept.

A layer takes and gives the residual stream and an `update` that is still to be added to it (with Gemma's norm behind
the half-layer first), so that adding, that norm and the next one are one operation. Shapes are written in the letters
of core.packed.ops; S are the tokens that go on after the attention, T in all layers but the last.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from core.packed.layout import Checkpointing
from core.packed.ops import Activation, Attention, Norm, Ops
from core.packed.pack import Pack
from core.packed.projection import Projection


class Layer(NamedTuple):
    """The parts of a decoder layer, its projections by transformers' names."""

    qkv_proj: Projection
    """q_proj, k_proj and v_proj side by side: D to W. Phi-3 has them as one module of this name."""
    o_proj: Projection
    """H C to D."""
    gate_up_proj: Projection
    """gate_proj and up_proj side by side: D to 2 F. Phi-3 has them as one module of this name."""
    down_proj: Projection
    """F to D."""
    attention: Attention
    activation: Activation
    below: Norm | None
    """Gemma's norm of what the layer below has computed; None in other families and in the first layer."""
    before_attention: Norm
    """transformers' input_layernorm."""
    after_attention: Norm | None
    """Gemma's post_attention_layernorm; None in other families."""
    before_mlp: Norm
    """Gemma's pre_feedforward_layernorm; in other families what they call post_attention_layernorm."""

    @property
    def projections(self) -> tuple[Projection, ...]:
        """All four, in the order in which the forward pass comes to them."""
        return self.qkv_proj, self.o_proj, self.gate_up_proj, self.down_proj

    @property
    def parameters(self) -> list[torch.nn.Parameter]:
        """Those of the adapters, A and B in turn, in the order of the projections."""
        return [parameter for projection in self.projections for parameter in projection.adapters.parameters]


class Call(NamedTuple):
    """One use of a layer."""

    layer: Layer
    ops: Ops
    dtype: torch.dtype
    """The compute type."""
    pack: Pack
    keys: Tensor | None
    """(T,) int32: those of the tokens for the adapters' dropout; None where nothing is dropped."""
    rows: Tensor | None
    """(S,) int64: the tokens that anything above reads. Behind the last attention only they go on; None is all."""
    checkpointing: Checkpointing

    @property
    def keys_above(self) -> Tensor | None:
        """Of `keys` those of the tokens that go on, (S,)."""
        return self.keys if self.keys is None or self.rows is None else self.keys[self.rows]


class Kept(NamedTuple):
    """What the forward pass leaves for the backward pass; in the compute type where nothing else is said."""

    residual: Tensor
    """(T, D) float32, with the update of the layer below added."""
    raw: Tensor | None
    """(T, W): queries, keys and values before their norm, where they have one."""
    qkv: Tensor
    """(T, W), rotated."""
    attended: Tensor
    """(T, H C)."""
    logsumexp: Tensor | None
    """(H, T) float32, what Ops.attend returns beside."""
    update: Tensor
    """(S, D): what the attention adds to the residual stream."""
    gate_up: Tensor | None
    """(S, 2 F); None where it is computed again."""
    qkv_x_a: Tensor | None
    """What the adapters' A make of qkv_proj's input, (T, N R), None without adapters; of the others (S, N R)."""
    o_x_a: Tensor | None
    gate_up_x_a: Tensor | None
    down_x_a: Tensor | None


def forward(call: Call, residual: Tensor, update: Tensor | None) -> tuple[Tensor, Tensor, Kept]:
    """`residual` (T, D) float32 and `update` (T, D) in the compute type; to the same of the rows asked for, (S, D).

    transformers' Gemma2DecoderLayer and LlamaDecoderLayer, begun with the addition that ends the layer below.
    """
    layer, ops, _, pack, keys, rows, _ = call
    keys_above = call.keys_above
    residual, normed = ops.add_norm(residual, update, layer.below, layer.before_attention, call.dtype)
    raw, qkv_x_a = layer.qkv_proj.forward(normed, keys)
    qkv = ops.rotate(raw, pack, layer.attention)
    attended, logsumexp = ops.attend(qkv, pack, layer.attention)
    going_on, above = (attended, residual) if rows is None else (attended[rows], residual[rows])
    update, o_x_a = layer.o_proj.forward(going_on, keys_above)
    above, normed = ops.add_norm(above, update, layer.after_attention, layer.before_mlp, call.dtype)
    gate_up, gate_up_x_a = layer.gate_up_proj.forward(normed, keys_above)
    result, down_x_a = layer.down_proj.forward(ops.glu(gate_up, layer.activation), keys_above)
    kept = Kept(
        residual, raw if layer.attention.query_norm else None, qkv, attended, logsumexp, update, gate_up,
        qkv_x_a, o_x_a, gate_up_x_a, down_x_a,
    )  # fmt: skip
    return above, result, kept


def backward(
    call: Call, kept: Kept, update_below: Tensor | None, d_above: Tensor, d_result: Tensor, *, needs_input: bool
) -> tuple[Tensor | None, Tensor | None, list[Tensor]]:
    """Gradients of residual and update (T, D), if they need one, and of the adapters' parameters in their order.

    `d_above` (S, D) float32 and `d_result` (S, D) in the compute type are those of what `forward` returns, whose steps
    are gone through backwards; `update_below` is the update that it was given.
    """
    layer, ops, dtype, pack, keys, rows, _ = call
    keys_above = call.keys_above
    attention = layer.attention
    whole = kept.residual
    residual = whole if rows is None else whole[rows]

    gated = ops.glu(kept.gate_up, layer.activation) if layer.down_proj.adapters else None
    d_gated, of_down = layer.down_proj.backward(gated, kept.down_x_a, d_result, keys_above)
    d_gate_up = ops.glu_backward(kept.gate_up, layer.activation, d_gated)
    normed = None
    if layer.gate_up_proj.adapters:
        _, normed = ops.add_norm(residual, kept.update, layer.after_attention, layer.before_mlp, dtype)
    d_normed, of_gate_up = layer.gate_up_proj.backward(normed, kept.gate_up_x_a, d_gate_up, keys_above)
    del d_gated, d_gate_up, gated
    d_residual, d_update = ops.add_norm_backward(
        residual, kept.update, layer.after_attention, layer.before_mlp, d_above, d_normed, is_added=False
    )

    going_on = kept.attended if rows is None else kept.attended[rows]
    d_attended, of_o = layer.o_proj.backward(going_on, kept.o_x_a, d_update, keys_above)
    if rows is not None:
        d_attended = torch.zeros_like(kept.attended).index_copy_(0, rows, d_attended)
        d_residual = torch.zeros_like(whole).index_copy_(0, rows, d_residual)
    d_qkv = ops.attend_backward(kept.qkv, kept.attended, kept.logsumexp, pack, attention, d_attended)
    d_qkv = ops.rotate_backward(kept.qkv if kept.raw is None else kept.raw, pack, attention, d_qkv)
    normed = None
    if layer.qkv_proj.adapters:
        _, normed = ops.add_norm(whole, None, None, layer.before_attention, dtype)
    d_normed, of_qkv = layer.qkv_proj.backward(normed, kept.qkv_x_a, d_qkv, keys, needs_input=needs_input)
    gradients = [*of_qkv, *of_o, *of_gate_up, *of_down]
    if not needs_input:
        return None, None, gradients
    d_residual, d_below = ops.add_norm_backward(
        whole, update_below, layer.below, layer.before_attention, d_residual, d_normed, is_added=True
    )
    return d_residual, d_below, gradients


class TrainedLayer(torch.autograd.Function):
    """`forward` and `backward` as one step of autograd: call, residual, update, then the layer's parameters."""

    @staticmethod
    def forward(ctx: Any, call: Call, residual: Tensor, update: Tensor | None, *_: Tensor) -> tuple[Tensor, Tensor]:
        above, result, kept = forward(call, residual, update)
        ctx.call = call
        if call.checkpointing == "full":
            ctx.save_for_backward(residual, update)
            return above, result
        if call.checkpointing == "selective":
            kept = kept._replace(gate_up=None)
        ctx.save_for_backward(update, *kept)
        return above, result

    @staticmethod
    def backward(ctx: Any, d_above: Tensor, d_result: Tensor) -> tuple[Any, ...]:
        call = ctx.call
        if call.checkpointing == "full":
            residual, update = ctx.saved_tensors
            *_, kept = forward(call, residual, update)
            del residual
        else:
            update, *saved = ctx.saved_tensors
            kept = Kept(*saved)
            if kept.gate_up is None:
                kept = _with_gate_up(call, kept)
        d_residual, d_update, gradients = backward(
            call, kept, update, d_above, d_result, needs_input=ctx.needs_input_grad[1]
        )
        return None, d_residual, d_update, *gradients


def _with_gate_up(call: Call, kept: Kept) -> Kept:
    """The same with gate and up computed again."""
    layer = call.layer
    residual = kept.residual if call.rows is None else kept.residual[call.rows]
    _, normed = call.ops.add_norm(residual, kept.update, layer.after_attention, layer.before_mlp, call.dtype)
    gate_up, _ = layer.gate_up_proj.forward(normed, call.keys_above)
    return kept._replace(gate_up=gate_up)
