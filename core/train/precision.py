"""Which precision a run computes in, by its profile and what the device computes itself. Imports no torch."""

from typing import Literal

from core.profile.errors import SettingError
from core.train.memory import Precision

NOT_ON_A_PROCESSOR = "a processor computes a run in fp32, which auto takes, or in bf16"


def choose_precision(wanted: Literal["auto", "bf16", "fp16", "fp32"], best: Precision) -> Precision:
    """`best` is that of the device, which `auto` takes: bf16 where a card computes it itself, fp16 on older cards,
    fp32 on a processor."""
    return best if wanted == "auto" else wanted


def demand_computable(precision: Precision, best: Precision) -> None:
    """Raises SettingError for fp16 on a processor.

    The Trainer has neither autocast nor loss scaling there: quantized weights would be multiplied in float16, adapters
    in float32, and a base that is not quantized could not be computed at all.
    """
    if precision == "fp16" and best == "fp32":
        raise SettingError("train.precision", precision, NOT_ON_A_PROCESSOR)
