"""An average says in the monitor and in its lines what its members and their ensemble reach."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace
from recorded import BEGAN, record_run
from screen import shown, until, until_shown
from scripted_child import started

from arena_tui.__main__ import main
from arena_tui.app.app import ArenaApp
from arena_tui.monitor.screen import MonitorScreen
from core.runs import events
from core.runs.average import ORDER, Average
from core.runs.folder import RunFolder
from core.runs.record import Record

RUNS = ["20260130-120000-one", "20260130-130000-two"]
EXACT = Average(runs=RUNS, how="exact", rank=32, kept=1.0, log_losses=[0.9421, 0.9433], ensemble_log_loss=0.9322)
UNSHARED = Average(runs=RUNS, how="svd", rank=16, kept=0.9521)


def record_average(runs: Path, average: Average) -> RunFolder:
    """A finished average, as its child records it: evaluated where its members share rows."""
    folder = record_run(runs, "20260131-120000-one-average", end=None, steps=0)
    folder.events.unlink()
    loss, rows = (0.9388, 11_496) if average.log_losses else (None, 0)
    with Record(folder.events) as record:
        prior = 1.0973 if rows else None
        record.write(
            replace(
                started(), time=BEGAN, steps=0, tokens_train=0, rows_eval=rows, prior_log_loss=prior, average=average
            )
        )
        if rows:
            record.write(
                events.Evaluated(
                    time=BEGAN + 29, step=0, epoch=0.0, log_loss=loss, accuracy=0.551, rows=rows, seconds=9
                )
            )
        record.write(events.Finished(time=BEGAN + 31, log_loss=loss, accuracy=0.551 if rows else None))
    return folder


@pytest.mark.parametrize(
    ("average", "lines"),
    [
        (
            EXACT,
            [
                "averaged: rank 32, exact",
                "  0.9421 run 1     20260130-120000-one",
                "  0.9433 run 2     20260130-130000-two",
                "  0.9322 ensemble  their predictions averaged",
            ],
        ),
        (
            UNSHARED,
            [
                "averaged: rank 16, keeps 95.2 % of the exact one",
                "       – run 1     20260130-120000-one",
                "       – run 2     20260130-130000-two",
                "       – ensemble  the runs were not evaluated on the same rows",
            ],
        ),
    ],
)
def test_its_lines_tell_how_it_was_made_of_what(
    average: Average, lines: list[str], runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record_average(runs, average)
    assert main(["--runs-dir", str(runs), "watch", folder.id]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[: len(lines)] == lines
    assert not [line for line in told if "0 steps" in line]


@pytest.mark.parametrize("size", [(60, 20), (100, 30), (120, 40)])
async def test_the_monitor_shows_it_beside_its_members(runs: Path, size: tuple[int, int]) -> None:
    record_average(runs, EXACT)
    app = ArenaApp(runs)
    async with app.run_test(size=size) as pilot:
        await until_shown(pilot, "one-average")
        await pilot.press("tab", "enter")
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen), "the monitor")
        await until_shown(pilot, "the average of 2 runs", "rank 32", "0.9421", RUNS[0], "0.9433", "0.9322")
        of_steps = "nothing done yet|after the first logged step|loss by step|learning rate"
        await until(pilot, lambda: not re.search(of_steps, shown(app)), "panes without steps")
        await pilot.press("x")
        await until_shown(pilot, "there are no curves: an average trains no step")
        await pilot.press("tab")
        await until(pilot, lambda: app.screen.in_front.id == "log", "the log")
        await pilot.press("3")
        await until_shown(pilot, "an average trains no step")
        await pilot.press("tab")
        await until(pilot, lambda: app.screen.in_front.id == "figures", "the figures")


def test_its_curves_are_empty_for_a_reason(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = record_average(runs, UNSHARED)
    (folder.path / ORDER).write_text("{}")
    assert main(["--runs-dir", str(runs), "curves", "last"]) == 0
    assert f"{folder.id} trains no step: it is an average" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (["none"], "no run called 'none'"),
        (["one"], "an average needs two runs or more"),
        (["one", "one"], "one is given twice"),
        (["one", "two", "--how", "plain", "--rank", "3"], "--rank reduces the exact mean"),
        (["one", "two"], "has no adapter: it has not finished"),
    ],
)
def test_what_cannot_be_averaged_says_why(
    wrong: list[str], found: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for run in RUNS:
        record_run(runs, run, end="finished", steps=20)
    assert main(["--runs-dir", str(runs), "average", *wrong]) == 2
    assert found in capsys.readouterr().err
    assert len(list(runs.iterdir())) == len(RUNS)


def test_a_rank_is_a_number(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--runs-dir", str(runs), "average", "one", "two", "--rank", "0"])
    assert "expected a whole number of at least 1" in capsys.readouterr().err
