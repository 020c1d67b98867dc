"""A decoder layer, forward and backward, written out: only adapters get gradients, and only what they need is kept.

A layer takes and gives the residual stream and an `update` that is still to be added to it (with Gemma's norm behind
the half-layer first), so that adding, that norm and the next one are one operation. `ops` is ops_reference.py or
ops_triton.py.
"""

from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from core.packed.layout import Checkpointing
from core.packed.ops import Activation, Attention, Norm
from core.packed.pack import Pack
from core.packed.projection import Projection


class Layer(NamedTuple):
    qkv: Projection
    output: Projection
    gate_up: Projection
    down: Projection
    attention: Attention
    activation: Activation
    below: Norm | None
    """Gemma's norm of what the layer below has computed; None in other families and in the first layer."""
    before_attention: Norm
    after_attention: Norm | None
    before_mlp: Norm

    @property
    def projections(self) -> tuple[Projection, ...]:
        return self.qkv, self.output, self.gate_up, self.down

    @property
    def parameters(self) -> list[torch.nn.Parameter]:
        return [parameter for projection in self.projections for parameter in projection.adapters.parameters]


class Call(NamedTuple):
    """One use of a layer."""

    layer: Layer
    ops: ModuleType
    dtype: torch.dtype
    pack: Pack
    seeds: list[int | None]
    """For each projection that of its adapters' dropout; None where nothing is dropped."""
    rows: Tensor | None
    """The tokens that anything above reads, (rows,) int64: after the last layer's attention only they go on."""
    checkpointing: Checkpointing


class Kept(NamedTuple):
    """What the forward pass leaves for the backward pass."""

    residual: Tensor
    raw: Tensor | None
    """Queries, keys and values before their norm, where they have one."""
    qkv: Tensor
    attended: Tensor
    normalizer: Tensor | None
    update: Tensor
    gate_up: Tensor | None
    qkv_down: Tensor | None
    """What the adapters' A make of their input; of the other projections likewise."""
    output_down: Tensor | None
    gate_up_down: Tensor | None
    down_down: Tensor | None


def forward(call: Call, residual: Tensor, update: Tensor | None) -> tuple[Tensor, Tensor, Kept]:
    """(tokens, hidden) float32 and, in the compute type, `update`; to the same of the rows asked for."""
    layer, ops, _, pack, seeds, rows, _ = call
    residual, normed = ops.add_norm(residual, update, layer.below, layer.before_attention, call.dtype)
    raw, qkv_down = layer.qkv.forward(normed, seeds[0])
    qkv = ops.rotate(raw, pack, layer.attention)
    attended, normalizer = ops.attend(qkv, pack, layer.attention)
    going_on, above = (attended, residual) if rows is None else (attended[rows], residual[rows])
    update, output_down = layer.output.forward(going_on, seeds[1])
    above, normed = ops.add_norm(above, update, layer.after_attention, layer.before_mlp, call.dtype)
    gate_up, gate_up_down = layer.gate_up.forward(normed, seeds[2])
    result, down_down = layer.down.forward(ops.gate(gate_up, layer.activation), seeds[3])
    kept = Kept(
        residual, raw if layer.attention.query_norm else None, qkv, attended, normalizer, update, gate_up,
        qkv_down, output_down, gate_up_down, down_down,
    )  # fmt: skip
    return above, result, kept


def backward(
    call: Call, kept: Kept, update_below: Tensor | None, d_above: Tensor, d_result: Tensor, *, needs_input: bool
) -> tuple[Tensor | None, Tensor | None, list[Tensor]]:
    """Gradients of residual and update, if they need one, and of the adapters' parameters in their order."""
    layer, ops, dtype, pack, seeds, rows, _ = call
    attention = layer.attention
    whole = kept.residual
    residual = whole if rows is None else whole[rows]

    gated = ops.gate(kept.gate_up, layer.activation) if layer.down.adapters else None
    d_gated, of_down = layer.down.backward(gated, kept.down_down, d_result, seeds[3])
    d_gate_up = ops.gate_backward(kept.gate_up, layer.activation, d_gated)
    normed = None
    if layer.gate_up.adapters:
        _, normed = ops.add_norm(residual, kept.update, layer.after_attention, layer.before_mlp, dtype)
    d_normed, of_gate_up = layer.gate_up.backward(normed, kept.gate_up_down, d_gate_up, seeds[2])
    del d_gated, d_gate_up, gated
    d_residual, d_update = ops.add_norm_backward(
        residual, kept.update, layer.after_attention, layer.before_mlp, d_above, d_normed, is_added=False
    )

    going_on = kept.attended if rows is None else kept.attended[rows]
    d_attended, of_output = layer.output.backward(going_on, kept.output_down, d_update, seeds[1])
    if rows is not None:
        d_attended = torch.zeros_like(kept.attended).index_copy_(0, rows, d_attended)
        d_residual = torch.zeros_like(whole).index_copy_(0, rows, d_residual)
    d_qkv = ops.attend_backward(kept.qkv, kept.attended, kept.normalizer, pack, attention, d_attended)
    d_qkv = ops.rotate_backward(kept.qkv if kept.raw is None else kept.raw, pack, attention, d_qkv)
    _, normed = ops.add_norm(whole, None, None, layer.before_attention, dtype) if layer.qkv.adapters else (None, None)
    d_normed, of_qkv = layer.qkv.backward(normed, kept.qkv_down, d_qkv, seeds[0], needs_input=needs_input)
    gradients = [*of_qkv, *of_output, *of_gate_up, *of_down]
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
    layer = call.layer
    residual = kept.residual if call.rows is None else kept.residual[call.rows]
    _, normed = call.ops.add_norm(residual, kept.update, layer.after_attention, layer.before_mlp, call.dtype)
    gate_up, _ = layer.gate_up.forward(normed, call.seeds[2])
    return kept._replace(gate_up=gate_up)
