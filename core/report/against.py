"""Two runs row by row: a paired difference is told much more exactly than two log losses."""

import numpy as np
from numpy.typing import NDArray

from core.data.errors import DataError
from core.report.evaluation import Evaluation
from core.report.report import Against
from core.report.scores import interval

Places = NDArray[np.intp]


def against(here: Evaluation, run: str, there: Evaluation) -> tuple[Against, Places, Places]:
    """The comparison, and the places in `here` of the rows that only it has right, and that only the other has right;
    those with the largest difference first.

    Raises DataError where the runs share no rows, or the rows have other winners.
    """
    _, mine, others = np.intersect1d(here.id, there.id, assume_unique=True, return_indices=True)
    if not len(mine):
        raise DataError(f"{run} evaluated none of the rows of this run: there is nothing to compare row by row")
    if unlike := int((here.label[mine] != there.label[others]).sum()):
        raise DataError(f"{unlike:,} rows of {run} have another winner than here: these are not the same rows")
    apart = here.losses[mine] - there.losses[others]
    right, right_there = here.is_right[mine], there.is_right[others]
    order = np.argsort(apart, kind="stable")
    gained, lost = order[(right & ~right_there)[order]], order[(~right & right_there)[order]][::-1]
    found = Against(
        run=run,
        rows=len(mine),
        only_here=len(here) - len(mine),
        only_there=len(there) - len(mine),
        difference=interval(apart),
        log_loss=float(here.losses[mine].mean()),
        other_log_loss=float(there.losses[others].mean()),
        accuracy=float(right.mean()),
        other_accuracy=float(right_there.mean()),
        gained=len(gained),
        lost=len(lost),
    )
    return found, mine[gained], mine[lost]
