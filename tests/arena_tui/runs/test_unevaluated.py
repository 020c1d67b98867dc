"""A run that evaluates nothing (split.by = none) says so wherever others show a log loss, and has no report."""

import json
from pathlib import Path

import pytest
from recorded import record_run
from screen import shown, until, until_shown

from arena_tui.__main__ import main
from arena_tui.app.app import ArenaApp
from arena_tui.monitor.screen import MonitorScreen

FALSE = ("not finite", "nan", "0.9402", "evaluation log loss")


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("end", ["finished", None])
async def test_the_monitor_says_that_nothing_is_evaluated(runs: Path, size: tuple[int, int], end: str | None) -> None:
    record_run(runs, "20260131-120000-all", end=end, evaluates=False, steps=200, until=200 if end else 100)
    app = ArenaApp(runs)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until_shown(pilot, "all")
        await pilot.press("tab", "enter")
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen), "the monitor")
        await pilot.press("2")
        await until_shown(pilot, "nothing is evaluated")
        if end:
            await until_shown(pilot, "adapter", "predict")
            await pilot.press("v")
            await until_shown(pilot, "this run evaluates nothing")
        assert not [word for word in FALSE if word in shown(app)]


def test_tables_and_scripts_have_no_figure_for_it(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record_run(runs, "20260131-120000-all", end="finished", evaluates=False, steps=200)
    for command in (["runs"], ["watch", "20260131-120000-all"]):
        assert main(["--runs-dir", str(runs), *command]) == 0
        told = capsys.readouterr().out
        assert not [word for word in FALSE if word in told]
    assert "finished: nothing was evaluated" in told
    assert "no evaluation rows" in told
    assert main(["--runs-dir", str(runs), "runs", "--json"]) == 0
    [run] = json.loads(capsys.readouterr().out)
    assert (run["log_loss"], run["accuracy"], run["prior_log_loss"]) == (None, None, None)


def test_beside_another_run_it_is_neither_better_nor_worse(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record_run(runs, "20260131-120000-all", end="finished", evaluates=False, steps=200)
    record_run(runs, "20260131-130000-split", end="finished", steps=200)
    names = ["20260131-120000-all", "20260131-130000-split"]
    assert main(["--runs-dir", str(runs), "compare", *names]) == 0
    told = capsys.readouterr().out
    assert "! 1 evaluates nothing (split.by = none)" in told
    assert "evaluated on different rows" not in told
    assert main(["--runs-dir", str(runs), "compare", *names, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["runs"][0]["figures"]["log_loss"] is None
    assert "log_loss" not in found["best"]
    assert "accuracy" not in found["best"]
