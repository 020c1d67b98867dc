"""The whole report on a profile's rows: cuts, lengths, an epoch, classes, flaws, leaks, the split."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core.data.example import Frame, RowsRead, settled
from core.data.split import fold
from core.data.template import TextMade
from core.inspect import cuts
from core.inspect.cuts import CutReport, NoRoom, by_limit, by_strategy, cut
from core.inspect.figures import Epoch, Lengths, Rows, epoch, lengths
from core.outcomes import TIE, Outcomes, outcomes_of
from core.profile import settings
from core.profile.settings import Profile


class Hygiene(Struct, frozen=True, kw_only=True):
    """Counts of rows, unless said otherwise."""

    classes: dict[str, int]
    with_nulls: int
    """Rows with a turn that is null."""
    null_turns: int
    with_empty_answer: int
    identical_answers: int
    identical_answers_with_winner: int
    with_replaced_surrogates: int
    with_control_characters: int
    with_several_turns: int
    duplicate_prompts: int
    """Rows whose prompt another row has too."""
    prompts_on_both_sides: int
    """Distinct prompts that training and evaluation rows share."""
    eval_rows_with_leaked_prompt: int
    """Evaluation rows whose prompt is among the training rows'."""
    leaked_train_rows: int
    """Rows to train on whose prompt an evaluation row has, those included that are left out for it."""
    longer_answer_decided: int
    """Rows with a winner whose answers differ in tokens."""
    longer_answer_wins: int
    """Those of them that the longer answer wins."""


class Sides(Struct, frozen=True):
    """Which rows are trained on and which are evaluated, (n,). Those of neither are left out, since their prompt stands
    in data.eval."""

    train: NDArray[np.bool_]
    eval: NDArray[np.bool_]

    @property
    def left_out(self) -> int:
        return int((~(self.train | self.eval)).sum())


def sides(rows: Rows, profile: Profile) -> Sides:
    """How `profile` divides these rows."""
    if profile.data.eval is None:
        out = _held_out(rows, profile.split)
        return Sides(~out, out)
    train = ~rows.of_eval
    if profile.data.drop_leaks:
        train = train & ~np.isin(rows.prompt_key, rows.prompt_key[rows.of_eval])
    return Sides(train, rows.of_eval)


def _held_out(rows: Rows, split: settings.Split) -> NDArray[np.bool_]:
    if split.by == "none":
        return np.zeros(len(rows), dtype=np.bool_)
    folds = fold(np.arange(len(rows)), rows.id_key, rows.prompt_key, split)
    return np.equal(folds, split.fold)


def hygiene(rows: Rows, outcomes: Outcomes, sides: Sides) -> Hygiene:
    flags = rows.flags
    has_winner = rows.label != TIE
    _, prompt, times = np.unique(rows.prompt_key, return_inverse=True, return_counts=True)
    in_training = np.bincount(prompt[sides.train], minlength=len(times)) > 0
    in_evaluation = np.bincount(prompt[sides.eval], minlength=len(times)) > 0
    parts = rows.parts
    longer_a, longer_b = parts[:, 1] > parts[:, 2], parts[:, 2] > parts[:, 1]
    return Hygiene(
        classes={name: int((rows.label == label).sum()) for label, name in enumerate(outcomes.labels)},
        with_nulls=int((flags["nulls"] > 0).sum()),
        null_turns=int(flags["nulls"].sum()),
        with_empty_answer=int(flags["is_empty"].sum()),
        identical_answers=int(flags["is_identical"].sum()),
        identical_answers_with_winner=int((flags["is_identical"].astype(bool) & has_winner).sum()),
        with_replaced_surrogates=int(flags["is_replaced"].sum()),
        with_control_characters=int(flags["has_control"].sum()),
        with_several_turns=int((rows.shapes[0].round_counts > 1).sum()),
        duplicate_prompts=int((times[prompt] > 1).sum()),
        prompts_on_both_sides=int((in_training & in_evaluation).sum()),
        eval_rows_with_leaked_prompt=int((sides.eval & in_training[prompt]).sum()),
        leaked_train_rows=int((~sides.eval & in_evaluation[prompt]).sum()),
        longer_answer_decided=int((has_winner & (longer_a | longer_b)).sum()),
        longer_answer_wins=int((longer_a & (rows.label == 0) | longer_b & (rows.label == 1)).sum()),
    )


class SplitReport(Struct, frozen=True, kw_only=True):
    by: str
    n_splits: int
    fold: int
    train: int
    eval: int
    left_out: int
    """Rows of data.train whose prompt stands in data.eval, by data.drop_leaks."""
    eval_source: str | None
    """Then nothing is split."""


class Report(Struct, frozen=True, kw_only=True):
    read: list[RowsRead]
    text: TextMade | None
    rows: int
    limits: list[CutReport | NoRoom]
    strategies: list[CutReport | NoRoom]
    lengths: Lengths
    epoch: Epoch
    hygiene: Hygiene
    split: SplitReport


def report(
    rows: Rows,
    profile: Profile,
    frame: Frame,
    limits: tuple[int, ...],
    read: Sequence[RowsRead],
    text: TextMade | None = None,
) -> Report:
    """All figures of `rows` under `profile`, with `limits` beside its own; `read` is what they were taken for, `text`
    how theirs is made.

    Raises SettingError where its own leaves no room for text.
    """
    divided, outcomes = sides(rows, profile), outcomes_of(settled(read).outcomes)
    left = cut(rows, profile.tokens, frame)
    train = profile.train
    return Report(
        read=list(read),
        text=text,
        rows=len(rows),
        limits=_reports(rows, outcomes, divided, by_limit(rows, profile.tokens, frame, limits)),
        strategies=_reports(rows, outcomes, divided, by_strategy(rows, profile.tokens, frame)),
        lengths=lengths(left.full),
        epoch=epoch(left.by_sequence[divided.train], batch_size=train.per_device_batch_size, seed=train.seed),
        hygiene=hygiene(rows, outcomes, divided),
        split=SplitReport(
            by=profile.split.by,
            n_splits=profile.split.n_splits,
            fold=profile.split.fold,
            train=int(divided.train.sum()),
            eval=int(divided.eval.sum()),
            left_out=divided.left_out,
            eval_source=profile.data.eval,
        ),
    )


def _reports(rows: Rows, outcomes: Outcomes, divided: Sides, tried: Iterable[cuts.Tried]) -> list[CutReport | NoRoom]:
    return [
        NoRoom(max_length=tokens.max_length, truncation=tokens.truncation)
        if left is None
        else cuts.report(rows, outcomes, {"train": divided.train, "eval": divided.eval}, tokens, left)
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
