"""What a prediction has answered, in figures; and that nothing in its table is taken for more than numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from core.outcomes import A_B, A_B_TIE
from core.predict import answers
from core.predict.answers import BINS, FIRST_ROWS, read_answers
from core.predict.folder import PredictionFolder
from core.runs.access import Damaged

COLUMNS = A_B_TIE.winners


@pytest.fixture
def folder(tmp_path: Path) -> PredictionFolder:
    path = tmp_path / "runs" / "20260131-120000-done" / "predictions" / "20260131-140000-test"
    path.mkdir(parents=True)
    return PredictionFolder(path)


def write(folder: PredictionFolder, ids: Any, rows: Any, columns: tuple[str, ...] = COLUMNS) -> None:
    labels = pyarrow.array([None] * len(ids), pyarrow.int8())
    given = {name: np.array(rows, dtype=np.float64)[:, n] for n, name in enumerate(columns)}
    columns_of_run = {"run_1_logit_a": np.zeros(len(ids), dtype=np.float32)}
    parquet.write_table(pyarrow.table({"id": ids, "label": labels} | columns_of_run | given), folder.table)


def test_means_histograms_and_first_rows_are_those_of_the_table(folder: PredictionFolder) -> None:
    ids = ["7", 'a "text", of\ntwo lines', str(2**63 - 1)]
    write(folder, ids, [(0.5, 0.25, 0.25), (0.0, 0.95, 0.05), (1.0, 0.0, 0.0)])
    found = read_answers(folder)
    assert (found.rows, found.outcomes) == (3, A_B_TIE)
    assert found.means == pytest.approx((0.5, 0.4, 0.1))
    assert found.histograms[0] == (1, 0, 0, 0, 0, 1, 0, 0, 0, 1)
    assert found.histograms[1] == (1, 0, 1, 0, 0, 0, 0, 0, 0, 1)
    assert found.histograms[2] == (2, 0, 1, 0, 0, 0, 0, 0, 0, 0)
    assert [row.id for row in found.first] == ids
    assert found.first[1].probabilities == (0.0, 0.95, 0.05)


def test_of_two_outcomes_there_are_two_of_each_figure(folder: PredictionFolder) -> None:
    write(folder, [2**40, 7], [(0.75, 0.25), (0.25, 0.75)], A_B.winners)
    found = read_answers(folder)
    assert (found.outcomes, found.means, len(found.histograms)) == (A_B, (0.5, 0.5), 2)
    assert [(row.id, row.probabilities) for row in found.first] == [(str(2**40), (0.75, 0.25)), ("7", (0.25, 0.75))]


def test_of_many_rows_the_first_are_kept(folder: PredictionFolder) -> None:
    count = FIRST_ROWS + 50
    write(folder, list(range(count)), [(0.2, 0.3, 0.5)] * count)
    found = read_answers(folder)
    assert [row.id for row in found.first] == [str(n) for n in range(FIRST_ROWS)]
    assert [sum(counts) for counts in found.histograms] == [count] * 3
    assert len(found.histograms[0]) == BINS


@pytest.mark.parametrize("row", [(np.nan, 0.3, 0.5), (np.inf, 0.3, 0.5), (1.1, 0.3, 0.5), (-0.1, 0.6, 0.5)])
def test_what_is_no_probability_is_refused(folder: PredictionFolder, row: tuple[float, ...]) -> None:
    write(folder, [1, 2], [(0.2, 0.3, 0.5), row])
    with pytest.raises(Damaged, match="it holds a probability that is none"):
        read_answers(folder)


def test_a_table_of_other_columns_of_texts_and_one_that_is_none_are_refused(folder: PredictionFolder) -> None:
    write(folder, [1], [(0.5, 0.5)], ("winner_model_a", "winner"))
    with pytest.raises(Damaged, match=r"not the answers of a prediction: .*winner_model_b"):
        read_answers(folder)
    parquet.write_table(pyarrow.table({"id": ["7"], **{column: ["\x1b[2J"] for column in COLUMNS}}), folder.table)
    with pytest.raises(Damaged, match="holds string, not numbers") as refused:
        read_answers(folder)
    assert "\x1b" not in str(refused.value)
    folder.table.write_bytes(b"PAR1 \0 no table")
    with pytest.raises(Damaged, match="not the answers"):
        read_answers(folder)


def test_a_table_without_rows_a_link_a_missing_one_and_one_without_end_are_refused(
    folder: PredictionFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FileNotFoundError):
        read_answers(folder)
    write(folder, pyarrow.array([], pyarrow.int64()), np.empty((0, 3)))
    with pytest.raises(Damaged, match="no rows"):
        read_answers(folder)
    write(folder, [1], [(0.2, 0.3, 0.5)])
    monkeypatch.setattr(answers, "MOST_BYTES", 40)
    with pytest.raises(OSError, match="larger than 40 bytes"):
        read_answers(folder)
    folder.table.rename(folder.path / "elsewhere.parquet")
    folder.table.symlink_to("elsewhere.parquet")
    with pytest.raises(OSError, match="a link"):
        read_answers(folder)
