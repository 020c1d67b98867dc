"""Which engine trains a run, and in which precision: packed where it can, and why not otherwise. Imports no torch."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from core.engine.packed_memory import choose
from core.model.shape import read_shape
from core.packed.gate import obstacle
from core.packed.layout import Layout
from core.profile.errors import SettingError
from core.profile.settings import EngineName, Precision, Profile

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
