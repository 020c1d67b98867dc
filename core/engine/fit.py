"""Whether a run fits into a card's memory, and the smallest change that makes it fit."""

from collections.abc import Iterator
from typing import Literal

from msgspec.structs import replace

from core.engine.choose import choose, predict_packed
from core.engine.memory import EASY, Memory, on_card, predict
from core.model.shape import ModelShape
from core.profile.load import Change, changes
from core.profile.settings import Profile
from core.profile.train_settings import Precision

Verdict = Literal["fits", "tight", "does not fit"]

LENGTHS = (2048, 1536, 1024, 768, 512)


def judge(peak: float, free: int) -> Verdict:
    """What a peak of allocated memory means for a card with so much free, in bytes."""
    return judge_need(on_card(peak), free)


def judge_need(needed: float, free: int) -> Verdict:
    """What all that a run takes means for so much free memory, in bytes."""
    if needed <= EASY * free:
        return "fits"
    return "tight" if needed <= free else "does not fit"


def parts(
    profile: Profile, shape: ModelShape, *, precision: Precision, longest: int, is_packed: bool, free: int | None
) -> Memory:
    """Memory at the peak under the engine that runs; the packed one takes the layout that `free` bytes allow."""
    if not is_packed:
        return predict(profile, shape, precision=precision, length=longest)
    layout = choose(profile, shape, precision=precision, longest=longest, free=free)
    return predict_packed(profile, shape, layout, precision=precision, longest=longest)


def smallest_change(
    profile: Profile,
    shape: ModelShape,
    *,
    precision: Precision,
    longest: int,
    is_packed: bool,
    factor: float,
    free: int,
) -> list[Change] | None:
    """Settings under which the run fits, with the same global batch; None if nothing tried is enough."""
    for smaller in ever_smaller(profile):
        length = min(longest, smaller.tokens.max_length)
        held = parts(smaller, shape, precision=precision, longest=length, is_packed=is_packed, free=free)
        if judge(held.total * factor, free) == "fits":
            return changes(profile, smaller)
    return None


def ever_smaller(profile: Profile) -> Iterator[Profile]:
    """`profile`, then with the same global batch what takes less memory, in the order of what it costs.

    First come smaller batches with more accumulation, then these with checkpointing, then shorter rows. The
    evaluation batch never needs to be larger than twice the training one.
    """
    lengths = [profile.tokens.max_length, *(length for length in LENGTHS if length < profile.tokens.max_length)]
    for length in lengths:
        for checkpointing in sorted({profile.train.gradient_checkpointing, True}):
            for batch in _smaller_batches(profile):
                yield replace(
                    profile,
                    tokens=replace(profile.tokens, max_length=length),
                    train=replace(
                        profile.train,
                        per_device_batch_size=batch,
                        gradient_accumulation=profile.global_batch // batch,
                        gradient_checkpointing=checkpointing,
                    ),
                    eval=replace(
                        profile.eval, per_device_batch_size=min(profile.eval.per_device_batch_size, 2 * batch)
                    ),
                )


def _smaller_batches(profile: Profile) -> list[int]:
    """Batch sizes that divide the global batch, from the profile's own down to 1."""
    most = profile.train.per_device_batch_size
    return [batch for batch in range(most, 0, -1) if profile.global_batch % batch == 0]
