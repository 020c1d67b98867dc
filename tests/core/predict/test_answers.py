"""What a submission says, in figures; and that nothing in the file is taken for more than numbers."""

from pathlib import Path

import pytest

from core.predict import answers
from core.predict.answers import BINS, FIRST_ROWS, read_answers
from core.predict.folder import PredictionFolder
from core.runs.access import Damaged

HEAD = "id,winner_model_a,winner_model_b,winner_tie\n"


@pytest.fixture
def folder(tmp_path: Path) -> PredictionFolder:
    path = tmp_path / "runs" / "20260131-120000-done" / "predictions" / "20260131-140000-test"
    path.mkdir(parents=True)
    return PredictionFolder(path)


def test_means_histograms_and_first_rows_are_those_of_the_file(folder: PredictionFolder) -> None:
    rows = ["7,0.5,0.25,0.25", '"a ""text"", of\ntwo lines",0.0,0.95,0.05', "9223372036854775807,1.0,0.0,0.0"]
    folder.submission.write_text(HEAD + "\n".join(rows))
    found = read_answers(folder)
    assert found.rows == 3
    assert found.means == pytest.approx((0.5, 0.4, 0.1))
    assert found.histograms[0] == (1, 0, 0, 0, 0, 1, 0, 0, 0, 1)
    assert found.histograms[1] == (1, 0, 1, 0, 0, 0, 0, 0, 0, 1)
    assert found.histograms[2] == (2, 0, 1, 0, 0, 0, 0, 0, 0, 0)
    assert [row.id for row in found.first] == ["7", 'a "text", of\ntwo lines', str(2**63 - 1)]
    assert found.first[1].probabilities == (0.0, 0.95, 0.05)


def test_of_many_rows_the_first_are_kept(folder: PredictionFolder) -> None:
    folder.submission.write_text(HEAD + "".join(f"{n},0.2,0.3,0.5\r\n" for n in range(FIRST_ROWS + 50)))
    found = read_answers(folder)
    assert [row.id for row in found.first] == [str(n) for n in range(FIRST_ROWS)]
    assert [sum(counts) for counts in found.histograms] == [FIRST_ROWS + 50] * 3
    assert len(found.histograms[0]) == BINS


@pytest.mark.parametrize(
    "row",
    [
        "7,0.2,0.3",
        "7,0.2,0.3,0.4,0.1",
        "7,0.2,0.3,\x1b[2J",
        "7,nan,0.3,0.5",
        "7,inf,0.3,0.5",
        "7,1.1,0.3,0.5",
        "7,-0.1,0.6,0.5",
        '"' + "x\n" * 100_000,
        "9" * 5000 + ",0.2,0.3,0.5",
        "\0" * 100_000,
        "",
    ],
)
def test_a_row_that_is_none_is_named_and_not_repeated(folder: PredictionFolder, row: str) -> None:
    folder.submission.write_text(f"{HEAD}1,0.2,0.3,0.5\n{row}\n")
    with pytest.raises(Damaged, match="row 2 holds no id and three probabilities") as refused:
        read_answers(folder)
    assert "\x1b" not in str(refused.value)


def test_a_file_without_rows_a_link_a_missing_one_and_one_without_end_are_refused(
    folder: PredictionFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FileNotFoundError):
        read_answers(folder)
    folder.submission.write_text(HEAD)
    with pytest.raises(Damaged, match="no rows"):
        read_answers(folder)
    folder.submission.write_text(f"{HEAD}1,0.2,0.3,0.5\n")
    monkeypatch.setattr(answers, "MOST_BYTES", 40)
    with pytest.raises(OSError, match="larger than 40 bytes"):
        read_answers(folder)
    folder.submission.rename(folder.path / "elsewhere.csv")
    folder.submission.symlink_to("elsewhere.csv")
    with pytest.raises(OSError, match="a link"):
        read_answers(folder)
