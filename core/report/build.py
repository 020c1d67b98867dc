"""Puts a report together, from the run's evaluation, its rows, and another run; and keeps it in the cache."""

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from core.cache import cache_folder, made_in_place_of_oldest
from core.report.evaluation import Counts, Evaluation
from core.report.groups import groups, length_bias, position_bias, ratings
from core.report.report import Against, Report
from core.report.row_lists import lists
from core.report.scores import against, calibration, classes, confusion, interval, references
from core.report.source_rows import Texts, chatbots, prompts

EDITION = 9
"""Raise it when what is written changes."""

KEPT = 16
"""Reports; one takes some megabytes."""


class Store:
    """The files of one report. Making the object touches nothing on disk."""

    def __init__(self, content: Sequence[str]) -> None:
        """`content` are digests, and whatever else the report depends on."""
        digest = hashlib.blake2b(repr((EDITION, *content)).encode(), digest_size=12)
        self.folder = _reports() / digest.hexdigest()
        self.report = self.folder / "report.json"
        self.rows = self.folder / "rows.parquet"
        self.pieces = self.folder / "pieces.parquet"
        self.progress = self.folder / "progress.json"
        """The last word of the child that made it."""

    @property
    def is_complete(self) -> bool:
        return self.progress.is_file()

    def making(self) -> AbstractContextManager[Path]:
        """A folder that becomes the report's when the block ends well; the oldest others make room for it."""
        return made_in_place_of_oldest(self.folder, lambda: self.is_complete, KEPT)


def _reports() -> Path:
    return cache_folder() / "reports"


MOST_IDS = 5
"""Ids that a caution names."""


def make_report(
    run: str,
    evaluation: Evaluation,
    texts: Texts | None,
    prior: float | None,
    recipe: float | None,
    other: tuple[str, Evaluation] | None,
    cautions: Sequence[str],
) -> Report:
    """`prior` is the run's own, `recipe` what stands beside it; `other` is the run to compare with. Raises DataError
    where that shares no rows, or tells other outcomes apart."""
    shared = prompts(texts, evaluation)
    compared: Against | None = None
    gained = lost = np.zeros(0, dtype=np.intp)
    if other is not None:
        compared, gained, lost = against(evaluation, *other, shared)
    listed, suspects, by_chance = lists(evaluation, texts, gained, lost)
    rated = ratings(evaluation, chatbots(texts, evaluation), shared) if texts else None
    if rated and rated[0] is None:
        cautions = [*cautions, "chatbots have no ratings: no fit to their rows was found"]
    return Report(
        run=run,
        outcomes=evaluation.outcomes.name,
        rows=len(evaluation),
        log_loss=interval(evaluation.losses, shared),
        prompts=None if shared is None else len(np.unique(shared)),
        accuracy=float(evaluation.is_right.mean()),
        references=references(evaluation, texts, prior, recipe),
        classes=classes(evaluation),
        confusion=confusion(evaluation),
        calibration=calibration(evaluation),
        groups=groups(evaluation, texts.turns if texts else None, shared),
        models=rated[0] if rated else None,
        pairs=rated[1] if rated else None,
        length_bias=length_bias(evaluation, texts) if texts else None,
        position_bias=position_bias(evaluation, shared),
        lists=listed,
        mislabelled=suspects,
        mislabelled_by_chance=by_chance,
        against=compared,
        cautions=[*_about_rows(evaluation, texts, shared), *(texts.cautions if texts else []), *cautions],
    )


def _about_rows(evaluation: Evaluation, texts: Texts | None, prompts: Counts | None) -> list[str]:
    found = []
    if count := len(evaluation.not_finite):
        ids = ", ".join(map(str, evaluation.not_finite[:MOST_IDS]))
        more = ", …" if count > MOST_IDS else ""
        found.append(
            f"{count:,} of {count + len(evaluation):,} rows have non-finite logits (id {ids}{more}): all figures leave "
            "them out, and the log loss of all rows is not finite"
        )
    missing = [one.name for one in classes(evaluation) if not one.rows]
    if missing:
        found.append(f"no evaluation row has the outcome {' or '.join(missing)}")
    if len(evaluation) == 1:
        found.append("there is one evaluation row: the uncertainty of the figures is unknown")
    elif evaluation.prompt is None and texts is None:
        found.append(
            "which rows share a prompt is not known: intervals and errors are by row, too narrow where some do"
        )
    elif prompts is not None and not prompts.any():
        found.append("all evaluation rows share one prompt: the uncertainty of the figures is unknown")
    return found
