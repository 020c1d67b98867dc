"""Joins the evaluations of all folds: `python -P -m core.report.out_of_fold RUN_DIR...` says what they come to.

`--table FILE` and `--teacher FILE` write them. Each row was evaluated by the one run that was not trained on it.
Answers with OutOfFold.
"""

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow

from core.data.example import DataError, Id, id_column
from core.files import as_parquet, in_words, write_output
from core.imports import keep_pandas_out
from core.outcomes import Outcomes, difference
from core.protocol import answer, end_once
from core.report.evaluation import Counts, Evaluation, read_evaluation
from core.report.protocol import OutOfFold
from core.report.report import Interval
from core.report.scores import interval
from core.runs.folder import RunFolder

PROBABILITIES = ("probability_a", "probability_b", "probability_tie")
"""Columns, as a table of rows has them."""


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code, 0, 1 or 2."""
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--table", type=Path)
    parser.add_argument("--teacher", type=Path)
    options = parser.parse_args(arguments)
    keep_pandas_out()
    try:
        found = joined([RunFolder(run) for run in options.runs], options.table, options.teacher)
        exit_code = 1 if found.problem else 0
    except DataError as error:
        found, exit_code = OutOfFold(problem=str(error)), 2
    except OSError as error:
        found, exit_code = OutOfFold(problem=in_words(error)), 1
    answer(found)
    return exit_code


def joined(runs: Sequence[RunFolder], table: Path | None, teacher: Path | None) -> OutOfFold:
    """`runs` are those of the folds, in their order. `table` gets a line a row as Parquet, fold by fold in the order of
    the file: id, label, fold and probabilities; `teacher` ids and probabilities as CSV. Where one cannot be written the
    answer holds the figures all the same, beside the problem.

    Raises DataError where two evaluated the same row, or with other outcomes; OSError.
    """
    evaluations = [read_evaluation(run) for run in runs]
    if unlike := difference([(run.id, one.outcomes) for run, one in zip(runs, evaluations, strict=True)]):
        raise DataError(unlike)
    ids = [id for one in evaluations for id in one.id]
    _demand_each_once(runs, evaluations)
    probabilities = np.concatenate([one.probabilities for one in evaluations])
    columns = dict(zip(PROBABILITIES, probabilities.T, strict=False))
    files: list[tuple[Path, bytes]] = []
    if table:
        labels = pyarrow.array(np.concatenate([one.label for one in evaluations]), pyarrow.int8())
        folds = np.repeat(np.arange(len(runs), dtype=np.int16), [len(one) for one in evaluations])
        made = pyarrow.table({"id": id_column(ids), "label": labels, "fold": folds, **columns})
        files.append((table, as_parquet(made)))
    if teacher:
        files.append((teacher, _as_csv(ids, probabilities.tolist(), evaluations[0].outcomes)))
    losses, prompts = np.concatenate([one.losses for one in evaluations]), _prompts(evaluations)
    written, problem = _write(files)
    return OutOfFold(
        rows=len(ids),
        log_loss=Interval(float(losses.mean()), None, None) if prompts is None else interval(losses, prompts),
        prompts=None if prompts is None else len(np.unique(prompts)),
        accuracy=float(np.concatenate([one.is_right for one in evaluations]).mean()),
        not_finite=sum(len(one.not_finite) for one in evaluations),
        written=written,
        problem=problem,
    )


def _prompts(evaluations: Sequence[Evaluation]) -> Counts | None:
    """The number of each row's prompt, the same in all runs; None where one run does not tell."""
    known = [one.prompt for one in evaluations if one.prompt is not None]
    return np.concatenate(known) if len(known) == len(evaluations) else None


def _write(files: Sequence[tuple[Path, bytes]]) -> tuple[list[str], str | None]:
    """Which were written, and why the next one was not."""
    written: list[str] = []
    for path, content in files:
        try:
            write_output(path, content)
        except OSError as error:
            return written, f"{path}: cannot be written: {error.strerror}"
        written.append(str(path))
    return written, None


def _demand_each_once(runs: Sequence[RunFolder], evaluations: Sequence[Evaluation]) -> None:
    held_out: dict[Id, RunFolder] = {}
    for run, one in zip(runs, evaluations, strict=True):
        for id in one.id:
            if (other := held_out.setdefault(id, run)) is not run:
                raise DataError(f"{other.id} and {run.id} both evaluated the row with id {id}: the rows have changed")


def _as_csv(ids: Sequence[Id], probabilities: Sequence[Sequence[float]], outcomes: Outcomes) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", *PROBABILITIES[: len(outcomes)]])
    writer.writerows([id, *row] for id, row in zip(ids, probabilities, strict=True))
    return text.getvalue().encode()


if __name__ == "__main__":
    end_once()
    sys.exit(main(sys.argv[1:]))
