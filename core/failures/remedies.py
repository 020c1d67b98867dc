"""Which settings to change after a failure, as few as may help. Knows no exception."""

import json

from msgspec.structs import replace

from core.engine.fit import LENGTHS, ever_smaller, smallest_change
from core.engine.memory import CONTEXT, RESERVE, predict
from core.files import MOST_OF_A_CONFIG, read_bounded
from core.model.locate import base_folder, locate
from core.model.shape import ModelShape, read_shape
from core.profile.errors import SettingError
from core.profile.load import Change, changes
from core.profile.settings import Profile
from core.runs.events import Started


def less_memory(profile: Profile, started: Started, available: int | None) -> list[Change]:
    """The smallest change with the same global batch under which training fits; none where nothing tried does.

    `available` is what the run could have of its card, in bytes. It did not do, whatever was predicted: so that much
    was needed at least, and all predictions are raised by as much. Without a card, or where the model's shape is
    not known, the next smaller settings. The packed engine is first told to need least.
    """
    if started.engine == "packed" and profile.train.memory == "auto":
        return changes(profile, replace(profile, train=replace(profile.train, memory="small")))
    shape = _shape(profile) if available is not None and started.engine == "padded" else None
    if available is None or shape is None:
        return _next_smaller(profile)
    longest = started.longest or profile.tokens.max_length
    predicted = predict(profile, shape, precision=started.precision, length=longest).total
    factor = max(1.0, (available - CONTEXT) / RESERVE / predicted)
    change = smallest_change(
        profile,
        shape,
        precision=started.precision,
        longest=longest,
        is_packed=False,
        factor=factor,
        free=available,
    )
    return change or []


def less_memory_in_evaluation(profile: Profile) -> list[Change]:
    """Half the evaluation batch; of a single row, a shorter limit."""
    batch = profile.eval.per_device_batch_size
    if batch > 1:
        smaller = replace(profile, eval=replace(profile.eval, per_device_batch_size=batch // 2))
        return changes(profile, smaller)
    length = next((length for length in LENGTHS if length < profile.tokens.max_length), profile.tokens.max_length)
    return changes(profile, replace(profile, tokens=replace(profile.tokens, max_length=length)))


def less_memory_in_loading(profile: Profile) -> list[Change]:
    """The base in 4 bit, where it is not."""
    return changes(profile, replace(profile, model=replace(profile.model, quantization="nf4")))


def steadier(profile: Profile, precision: str, *, has_bf16: bool) -> list[Change]:
    """bfloat16, whose numbers reach as far as float32's, in place of float16; else half the learning rate."""
    if precision == "fp16" and has_bf16:
        return changes(profile, replace(profile, train=replace(profile.train, precision="bf16")))
    head = profile.train.head_learning_rate
    slower = replace(
        profile.train,
        learning_rate=profile.train.learning_rate / 2,
        head_learning_rate=None if head is None else head / 2,
    )
    return changes(profile, replace(profile, train=slower))


def _next_smaller(profile: Profile) -> list[Change]:
    for smaller in ever_smaller(profile):
        if (smaller.tokens, smaller.train) != (profile.tokens, profile.train):
            return changes(profile, replace(smaller, eval=profile.eval))
    return []


def _shape(profile: Profile) -> ModelShape | None:
    """The model's, from files that the run has read; None where they cannot be read any more."""
    try:
        folder = base_folder(locate(profile.model), profile.model.revision)
        return read_shape(json.loads(read_bounded(folder / "config.json", MOST_OF_A_CONFIG)), profile.model)
    except (OSError, ValueError, SettingError):
        return None
