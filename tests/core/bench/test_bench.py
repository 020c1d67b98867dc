"""The benchmark command: it runs both engines on a tiny model and says that its weights are random."""

import json
from pathlib import Path

import numpy as np
import pytest

from arena_tui.__main__ import main

TINY = ["bench", "--model", "tiny", "--steps", "2", "--warmup", "1", "--batch", "4"]


@pytest.mark.slow
@pytest.mark.parametrize("more", [["--engine", "packed"], ["--engine", "padded"], ["--engine", "packed", "--scoring"]])
def test_it_counts_the_rows_own_tokens_and_says_what_ran(
    more: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lengths = np.array([9, 30, 17, 40, 8, 25], dtype=np.int32)
    np.save(tmp_path / "lengths.npy", lengths)
    assert main([*TINY, *more, "--lengths", str(tmp_path / "lengths.npy")]) == 0
    answer = json.loads(capfd.readouterr().out)
    assert answer["weights"] == "random"
    assert answer["engine"] == more[1]
    assert answer["task"] == ("scoring" if "--scoring" in more else "training")
    ratio = answer["tokens_per_second"] / answer["examples_per_second"]
    assert ratio == pytest.approx(answer["tokens_per_example"], rel=0.01)
    if "--scoring" in more:
        assert answer["tokens_per_example"] == pytest.approx(lengths.mean(), abs=0.06)
    assert 0 < answer["share_of_ceiling"] < 1
    assert answer["first_step_seconds"] > 0


def test_a_question_that_makes_no_sense_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--steps", "0"]) == 2
    assert "`int` >= 1" in capsys.readouterr().err
