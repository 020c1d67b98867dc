"""Predicts the packed engine's peak GPU memory, and chooses its layout by it. Imports no torch.

What it keeps was counted in core.packed.layer; weights, adapters and optimizer are those of core.engine.memory.
"""

from core.engine.memory import EASY, FLOAT32, Memory, on_card, predict
from core.model.shape import ModelShape
from core.packed.layout import Layout, layouts
from core.profile.settings import Precision, Profile


def choose(profile: Profile, shape: ModelShape, *, precision: Precision, longest: int, free: int | None) -> Layout:
    """The fastest layout whose predicted peak easily fits into `free` bytes; the smallest where none does.

    None is no limit.
    """
    tried = None
    for tried in layouts(profile):
        peak = predict_packed(profile, shape, tried, precision=precision, longest=longest).total
        if free is None or on_card(peak) <= EASY * free:
            break
    assert tried is not None
    return tried


def predict_packed(
    profile: Profile, shape: ModelShape, layout: Layout, *, precision: Precision, longest: int
) -> Memory:
    """Memory at the peak, where every example of a step has `longest` tokens."""
    base = predict(profile, shape, precision=precision, length=longest)
    compute = FLOAT32 if precision == "fp32" else 2
    projections = sum(inputs * outputs for inputs, outputs in shape.projections.values())
    is_nf4 = profile.model.quantization == "nf4"
    kept_weights = shape.layers * projections * compute if is_nf4 and layout.keeps_weights else 0
    passing_weights = 2 * shape.hidden * shape.intermediate * compute if is_nf4 and not layout.keeps_weights else 0
    embedding = shape.vocabulary * shape.hidden * compute if layout.embeds_on_host else 0
    copies = base.adapters * compute // FLOAT32
    activations = max(
        _training(profile, shape, layout, compute) * layout.examples * longest,
        _working(shape, compute) * profile.eval.per_device_batch_size * longest,
    )
    return Memory(
        weights=base.weights + kept_weights - embedding,
        adapters=base.adapters + copies,
        gradients=base.gradients,
        optimizer=base.optimizer,
        activations=activations + passing_weights,
    )


def _training(profile: Profile, shape: ModelShape, layout: Layout, compute: int) -> int:
    """Bytes per token at the peak of a step: what all trained layers keep, and the backward pass of one."""
    trained = shape.layers - profile.lora.freeze_layers
    entering = (FLOAT32 + compute) * shape.hidden
    own = entering + _attention(shape, compute) + compute * shape.hidden
    gate_up = 2 * compute * shape.intermediate
    # Gradients of both streams, of the gated product, and of gate and up.
    passing = entering + 3 * compute * shape.intermediate + (FLOAT32 + 2 * compute) * shape.hidden
    match layout.checkpointing:
        case "none":
            return trained * (own + gate_up) + passing
        case "selective":
            return trained * own + gate_up + passing
        case "full":
            return trained * entering + own + gate_up + passing


def _attention(shape: ModelShape, compute: int) -> int:
    """Kept of a token: queries, keys and values, before their norms too where they have some; output and its sums."""
    qkv = (shape.heads + 2 * shape.kv_heads) * shape.head_dim
    return compute * (qkv * (2 if shape.normalized_heads else 1) + shape.queries) + FLOAT32 * shape.heads


def _working(shape: ModelShape, compute: int) -> int:
    """Bytes per token at the peak of a forward pass that keeps nothing."""
    streams = 2 * (FLOAT32 + compute) * shape.hidden
    return streams + _attention(shape, compute) + 3 * compute * shape.intermediate
