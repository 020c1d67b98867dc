"""Reads eval.parquet: each evaluation row's outcome and what the model gave it. Knows no text."""

import os
from collections.abc import Collection

import numpy as np
import pyarrow
from msgspec import Struct
from numpy.typing import NDArray
from scipy.special import log_softmax

from core.data.bounds import read_numbers
from core.data.cells import id_in
from core.data.example import PARTS, DataError, Id
from core.files import MOST_OF_AN_EVALUATION, in_words
from core.outcomes import A_B, A_B_TIE, TIE, Outcomes
from core.runs.access import open_for_reading
from core.runs.average import is_average
from core.runs.folder import RunFolder
from core.runs.metrics import read_metrics

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

LARGEST_LOSS = -float(np.log(np.finfo(np.float64).eps))
"""Of one row, 36.04: as in scikit-learn's `log_loss`, no probability counts as less than the epsilon of a float64."""


class Evaluation(Struct, frozen=True, kw_only=True):
    """n rows in the order of the file: id; label, tokens shown, of shape (n,); tokens lost, (n, 3)."""

    outcomes: Outcomes
    """As the columns of logits tell."""

    id: list[Id]
    label: Counts
    prompt: Counts | None
    """`prompt_key` of each row, (n,), the same for equal prompts in all runs; None in files of older runs."""
    log_probabilities: Floats
    """Log-softmax of the logits, (n, outcomes), computed in float64."""
    swapped: Floats | None
    """The same of the swapped copies."""
    tokens: Counts
    lost: Counts
    parts: Counts | None
    """Tokens of each part before the cut; None in files of older runs."""
    not_finite: list[Id]
    """Ids of rows left out, since their logits are no finite numbers."""

    def __len__(self) -> int:
        return len(self.id)

    @property
    def probabilities(self) -> Floats:
        """(n, outcomes)."""
        return np.exp(self.log_probabilities)

    @property
    def losses(self) -> Floats:
        """The log loss of each row, (n,); their mean is scikit-learn's `log_loss`."""
        return row_losses(self.log_probabilities, self.label)

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """Whether the most probable outcome is the true one, (n,)."""
        right: NDArray[np.bool_] = self.log_probabilities.argmax(axis=1) == self.label
        return right


def row_losses(log_probabilities: Floats, label: Counts) -> Floats:
    """The log loss of each row, (n,), at most LARGEST_LOSS."""
    of_label = np.take_along_axis(log_probabilities, label[:, None], axis=1)[:, 0]
    losses: Floats = np.minimum(-of_label, LARGEST_LOSS)
    return losses


def read_evaluation(folder: RunFolder) -> Evaluation:
    """The run's evaluation rows. Raises DataError where there are none to report on."""
    path = folder.evaluation
    metrics = read_metrics(folder.metrics)
    if metrics and not metrics.rows_eval and is_average(folder.path):
        raise DataError(
            f"{folder.id} evaluated nothing: the runs that it is the average of were not evaluated on the same rows; "
            "arena-tui predict works with it"
        )
    if metrics and not metrics.rows_eval:
        raise DataError(
            f"{folder.id} evaluated nothing: its split.by is none, and no data.eval names rows to evaluate; arena-tui "
            "predict works with it"
        )
    if not os.path.lexists(path):
        raise DataError(f"{folder.id} has no {path.name}: it is written when a run finishes")
    try:
        with open_for_reading(path, MOST_OF_AN_EVALUATION) as file:
            table = read_numbers(file, texts="id")
        columns = {name: table[name].to_numpy() for name in table.column_names}
        outcomes = outcomes_in(table.column_names)
        wanted = {name: columns[name] for name in ("id", "label", "tokens", *outcomes.logits)}
        lost = np.stack([columns[f"{part}_tokens_lost"] for part in PARTS], axis=1).astype(np.int64)
    except (pyarrow.ArrowException, OSError, KeyError) as error:
        raise DataError(f"{path}: not the evaluation rows of a run: {in_words(error)}") from None
    if not len(table):
        raise DataError(f"{path}: no rows: the run evaluated nothing")
    label = wanted["label"].astype(np.int64)
    if not np.isin(label, range(len(outcomes))).all():
        *others, last = (f"{number} ({name})" for number, name in enumerate(outcomes.labels))
        raise DataError(f"{path}: a label is none of {', '.join(others)} and {last}")
    logits = _logits(columns, outcomes.logits)
    swapped = _logits(columns, outcomes.swapped_logits) if outcomes.swapped_logits[0] in columns else None
    known = np.isfinite(logits).all(axis=1) & (np.isfinite(swapped).all(axis=1) if swapped is not None else True)
    if not known.any():
        raise DataError(f"{path}: no row has finite logits: the model had diverged; there is nothing to report")
    parts, ids = [f"{part}_tokens" for part in PARTS], ids_in(table["id"])
    is_finite: list[bool] = np.asarray(known).tolist()
    return Evaluation(
        outcomes=outcomes,
        id=[id for id, is_known in zip(ids, is_finite, strict=True) if is_known],
        label=label[known],
        prompt=columns["prompt"].astype(np.int64)[known] if "prompt" in columns else None,
        log_probabilities=log_softmax(logits[known], axis=1),
        swapped=None if swapped is None else log_softmax(swapped[known], axis=1),
        tokens=wanted["tokens"].astype(np.int64)[known],
        lost=lost[known],
        parts=np.stack([columns[part] for part in parts], axis=1)[known].astype(np.int64)
        if parts[0] in columns
        else None,
        not_finite=[id for id, is_known in zip(ids, is_finite, strict=True) if not is_known],
    )


def outcomes_in(columns: Collection[str]) -> Outcomes:
    """Those of an evaluation, by the names of its columns."""
    return A_B_TIE if A_B_TIE.logits[TIE] in columns else A_B


def ids_in(column: pyarrow.ChunkedArray) -> list[Id]:
    """As the rows had them: a table writes all as texts where one is."""
    return list(map(id_in, column.to_pylist()))


def _logits(columns: dict[str, NDArray[np.generic]], names: tuple[str, ...]) -> Floats:
    return np.stack([columns[name] for name in names], axis=1).astype(np.float64)
