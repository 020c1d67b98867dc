"""Predicts the evaluation rows of a run with A and B swapped, where the run itself did not: as a prediction of its own.

The rows go out as a file, and the logits come back into eval.parquet, their columns changed back. Two short processes
do that, before and after the prediction:

    python -P -m core.report.swap RUN_DIR [--data FILE]...
    python -P -m core.report.swap RUN_DIR --add TABLE

Each answers with a Swap: the first names the file.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow
from pyarrow import parquet

from core.data.bounds import read_numbers
from core.data.example import DataError, Example, swapped
from core.data.files import files_of
from core.data.rows import Comparisons
from core.data.sources import Sources
from core.files import as_parquet, in_words
from core.imports import keep_pandas_out
from core.outcomes import A_B_TIE
from core.predict.folder import pass_name
from core.profile.data_settings import Data
from core.profile.errors import ProfileError
from core.protocol import answer, as_problem, end_once
from core.report import evaluation
from core.report.protocol import Swap
from core.report.source_rows import sources_of
from core.runs.access import open_for_reading, write_whole
from core.runs.folder import RunFolder

FILE = "evaluation-exchanged.jsonl"


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code, 0, 1 or 2."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", action="append", default=[])
    parser.add_argument("--add", type=Path)
    options = parser.parse_args(arguments)
    folder = RunFolder(options.run)
    keep_pandas_out()
    found, exit_code = Swap(), 0
    try:
        if options.add:
            add_swapped(folder, options.add)
        elif evaluation.read_evaluation(folder).swapped is None:
            profile = folder.read_profile()
            if profile.reads_apart:
                raise DataError(f"{folder.id} reads each answer apart: the order of A and B cannot matter")
            found = Swap(rows=str(write_swapped(folder, profile.data, options.data)))
    except (DataError, ProfileError) as error:
        found, exit_code = Swap(problem=str(error)), 2
    except OSError as error:
        found, exit_code = Swap(problem=in_words(error)), 1
    except Exception as error:  # noqa: BLE001  (whatever it is, the reader is waiting for it)
        from core.failures.explain import explain

        why = explain(error, has_log=False)
        found, exit_code = Swap(problem=as_problem(why.cause, why.advice)), why.exit_code
    answer(found)
    return exit_code


def write_swapped(folder: RunFolder, data: Data, given: Sequence[str]) -> Path:
    """A file in the run's folder with its evaluation rows, A and B swapped; `given` are where these lie now.

    Raises DataError where a row is missing there, OSError where nothing can be written.
    """
    train, own = sources_of(data, given)
    try:
        for source in [own] if own else train:
            files_of(source)
    except DataError as error:
        raise DataError(f"{error}; --data names the rows where they have moved") from None
    known = evaluation.read_evaluation(folder)
    wanted, outcomes = {*known.id, *known.not_finite}, known.outcomes.name
    data = data.unweighted
    examples = Comparisons(own, data, outcomes) if own else Sources(train, data, outcomes)
    lines = [_line(swapped(row)) for row, _ in examples if row.id in wanted]
    if missing := len(wanted) - len(lines):
        source = own or " and ".join(train)
        raise DataError(f"{source} has changed: {missing:,} of the evaluation rows are not in it")
    path = folder.path / FILE
    write_whole(path, b"\n".join(lines) + b"\n")
    return path


def add_swapped(folder: RunFolder, predictions: Path) -> None:
    """Put the logits of `predictions`, a table made with this run alone, into eval.parquet."""
    with open_for_reading(predictions) as file:
        predicted = parquet.read_table(file)
    place = {id: number for number, id in enumerate(evaluation.ids_in(predicted["id"]))}
    with open_for_reading(folder.evaluation) as file:
        table = read_numbers(file, texts="id")
    order = [place[id] for id in evaluation.ids_in(table["id"])]
    name = pass_name(0, is_swapped=False)  # the rows are swapped themselves
    outcomes = evaluation.outcomes_in(table.column_names)
    logits = np.column_stack([predicted[f"{name}_{column}"].to_numpy() for column in outcomes.logits])[order]
    unswapped = outcomes.unswapped(logits.astype(np.float32))
    for title, column in zip(outcomes.swapped_logits, unswapped.T, strict=True):
        table = table.append_column(title, pyarrow.array(column))
    write_whole(folder.evaluation, as_parquet(table))


def _line(row: Example) -> bytes:
    winners = {winner: int(label == row.label) for label, winner in enumerate(A_B_TIE.winners)}
    texts = {"prompt": row.prompt, "response_a": row.response_a, "response_b": row.response_b}
    return msgspec.json.encode({"id": row.id, **texts, **winners})


if __name__ == "__main__":
    end_once()
    sys.exit(main(sys.argv[1:]))
