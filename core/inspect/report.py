"""The whole report on a profile's rows: cuts by limit and by strategy, lengths, an epoch, hygiene, the split."""

import math
from collections.abc import Iterable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core.data.split import fold
from core.data.template import Frame
from core.inspect import cuts
from core.inspect.cuts import CutReport, NoRoom, by_limit, by_strategy, cut
from core.inspect.figures import Epoch, Lengths, Rows, epoch, lengths
from core.inspect.quality import Hygiene, hygiene
from core.profile import settings
from core.profile.settings import Profile


class SplitReport(Struct, frozen=True, kw_only=True):
    by: str
    n_splits: int
    fold: int
    train: int
    eval: int


class Report(Struct, frozen=True, kw_only=True):
    rows: int
    limits: list[CutReport | NoRoom]
    strategies: list[CutReport | NoRoom]
    lengths: Lengths
    epoch: Epoch
    hygiene: Hygiene
    split: SplitReport


def held_out(rows: Rows, split: settings.Split) -> NDArray[np.bool_]:
    """Which rows are evaluation rows, (n,)."""
    folds = fold(np.arange(len(rows)), rows.id, rows.prompt_key, split)
    return np.equal(folds, split.fold)


def report(rows: Rows, profile: Profile, frame: Frame, limits: tuple[int, ...]) -> Report:
    """All figures of `rows` under `profile`, with `limits` beside its own.

    Raises SettingError where its own leaves no room for text.
    """
    out = held_out(rows, profile.split)
    left = cut(rows, profile.tokens, frame)
    train = profile.train
    return Report(
        rows=len(rows),
        limits=_reports(rows, out, by_limit(rows, profile.tokens, frame, limits)),
        strategies=_reports(rows, out, by_strategy(rows, profile.tokens, frame)),
        lengths=lengths(left.full),
        epoch=epoch(left.shown[~out], batch_size=train.per_device_batch_size, seed=train.seed),
        hygiene=hygiene(rows, out),
        split=SplitReport(
            by=profile.split.by,
            n_splits=profile.split.n_splits,
            fold=profile.split.fold,
            train=int((~out).sum()),
            eval=int(out.sum()),
        ),
    )


def _reports(rows: Rows, out: NDArray[np.bool_], tried: Iterable[cuts.Tried]) -> list[CutReport | NoRoom]:
    return [
        NoRoom(max_length=tokens.max_length, truncation=tokens.truncation)
        if left is None
        else cuts.report(rows, out, tokens, left)
        for tokens, left in tried
    ]


def margin(count: int, sampled: int, total: int) -> float:
    """Half the width of the 95 % interval of a share that `count` of `sampled` rows have, as a share.

    Wilson's interval, narrowed for a finite number of rows `total`. Holds for rows in random order, as Kaggle's are.
    """
    if not 0 < sampled < total:
        return 0.0
    z, share = 1.96, count / sampled
    spread = math.sqrt(share * (1 - share) / sampled + z * z / (4 * sampled * sampled))
    return z * spread / (1 + z * z / sampled) * math.sqrt(1 - sampled / total)
