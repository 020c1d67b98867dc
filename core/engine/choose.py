"""Which engine trains a run, in which precision and layout: packed where it can. Imports no torch."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from core.engine.memory import EASY, FLOAT32, Memory, on_card, predict
from core.model.shape import ModelShape, read_shape
from core.packed.gate import obstacle
from core.packed.layout import Layout, layouts
from core.profile.errors import SettingError
from core.profile.settings import Profile
from core.profile.train_settings import EngineName, Precision


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


NOT_ON_A_PROCESSOR = "a processor computes a run in fp32, which auto takes, or in bf16"


def choose_precision(wanted: Literal["auto", Precision], best: Precision) -> Precision:
    """`auto` takes the device's `best`, as `core.machine.gpus.best_precision` tells it."""
    return best if wanted == "auto" else wanted


def demand_computable(precision: Precision, best: Precision) -> None:
    """Raises SettingError for fp16 on a processor.

    The Trainer has neither autocast nor loss scaling there: quantized weights would be multiplied in float16, adapters
    in float32, and a base that is not quantized could not be computed at all.
    """
    if precision == "fp16" and best == "fp32":
        raise SettingError("train.precision", precision, NOT_ON_A_PROCESSOR)


class Engine(Struct, frozen=True, kw_only=True):
    """`layout` is the packed engine's; None where the padded one is taken, and `reason` says why."""

    layout: Layout | None
    reason: str

    @property
    def name(self) -> EngineName:
        return "padded" if self.layout is None else "packed"


def choose_engine(
    profile: Profile,
    config: Mapping[str, Any],
    *,
    precision: Precision,
    best: Precision,
    longest: int,
    free: int | None,
) -> Engine:
    """`config` is that of the checkpoint, `best` the best precision of the device, `longest` the most tokens of a
    row, `free` the card's free memory in bytes, None on a processor. Raises SettingError where the packed engine is
    asked for and cannot be had.
    """
    wanted = profile.train.engine
    chosen = choose_prediction_engine(profile, config, precision=precision, best=best, longest=longest, free=free)
    if wanted == "packed" and chosen.layout is None:
        raise SettingError("train.engine", wanted, chosen.reason)
    return chosen


def choose_prediction_engine(
    profile: Profile,
    config: Mapping[str, Any],
    *,
    precision: Precision,
    best: Precision,
    longest: int,
    free: int | None,
) -> Engine:
    """The same for predictions with a trained run: one that asks for packed is padded where packed cannot be had.

    On a processor auto is padded, here as in training.
    """
    if profile.train.engine == "padded":
        return Engine(layout=None, reason="train.engine asks for it")
    if free is None and profile.train.engine != "packed":
        return Engine(layout=None, reason="on a processor, unless train.engine asks for packed")
    reason = obstacle(profile, config, precision=precision, best=best)
    if reason is None and free is not None and precision == "bf16" and not _has_kernels():
        reason = "triton is not installed"
    shape = read_shape(config, profile.model)
    if reason is not None or shape is None:
        return Engine(layout=None, reason=f"the packed engine cannot compute this: {reason}")
    layout = choose(profile, shape, precision=precision, longest=longest, free=free)
    return Engine(layout=layout, reason=str(layout))


def _has_kernels() -> bool:
    from importlib.util import find_spec

    return find_spec("triton") is not None
