"""Puts a report together, from the run's evaluation, its rows where they can be read, and another run."""

from collections.abc import Sequence

import numpy as np

from core.report.against import against
from core.report.bias import length_bias, position_bias
from core.report.evaluation import Evaluation
from core.report.groups import groups
from core.report.lists import lists
from core.report.ratings import ratings
from core.report.references import references
from core.report.report import Against, Report
from core.report.scores import calibration, classes, confusion, interval
from core.report.texts import Texts, chatbots

MOST_IDS = 5
"""Ids that a caution names."""


def make_report(
    run: str,
    evaluation: Evaluation,
    texts: Texts | None,
    prior: float | None,
    other: tuple[str, Evaluation] | None,
    cautions: Sequence[str],
) -> Report:
    """`prior` is the run's own; `other` is the run to compare with. Raises DataError where that shares no rows."""
    compared: Against | None = None
    gained = lost = np.zeros(0, dtype=np.intp)
    if other is not None:
        compared, gained, lost = against(evaluation, *other)
    listed, suspects = lists(evaluation, texts, gained, lost)
    rated = ratings(evaluation, chatbots(texts, evaluation)) if texts else None
    return Report(
        run=run,
        rows=len(evaluation),
        log_loss=interval(evaluation.losses),
        accuracy=float(evaluation.is_right.mean()),
        references=references(evaluation, texts, prior),
        classes=classes(evaluation),
        confusion=confusion(evaluation),
        calibration=calibration(evaluation),
        groups=groups(evaluation, texts.turns if texts else None),
        models=rated[0] if rated else None,
        pairs=rated[1] if rated else None,
        length_bias=length_bias(evaluation, texts) if texts else None,
        position_bias=position_bias(evaluation),
        lists=listed,
        mislabelled=suspects,
        against=compared,
        cautions=[*_about_rows(evaluation), *(texts.cautions if texts else []), *cautions],
    )


def _about_rows(evaluation: Evaluation) -> list[str]:
    found = []
    if count := len(evaluation.not_finite):
        ids = ", ".join(map(str, evaluation.not_finite[:MOST_IDS].tolist()))
        more = ", …" if count > MOST_IDS else ""
        found.append(
            f"{count:,} of {count + len(evaluation):,} rows have logits that are no finite numbers (id {ids}{more}): "
            "all figures leave them out, and the log loss of all rows is not finite"
        )
    missing = [one.name for one in classes(evaluation) if not one.rows]
    if missing:
        found.append(f"no evaluation row has the outcome {' or '.join(missing)}")
    if len(evaluation) == 1:
        found.append("there is one evaluation row: nothing can be said of how certain the figures are")
    return found
