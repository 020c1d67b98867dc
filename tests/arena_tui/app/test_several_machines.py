"""The console starts one machine: of a profile of several it says what starts those, and makes no run."""

from pathlib import Path

import pytest
from screen import child, choose, planner, until_shown

from arena_tui.app.app import ArenaApp
from core.runs.folder import list_runs


@pytest.mark.parametrize(("key", "title"), [("enter", "the run did not start"), ("a", "the run was not queued")])
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_profile_of_several_machines_is_refused_with_the_command_that_starts_it(
    key: str, title: str, size: tuple[int, int], runs: Path
) -> None:
    (Path("profiles") / "mine.toml").write_text("[run]\nnodes = 2\n")
    app = ArenaApp(runs, child("ok"), planner("ok"))
    async with app.run_test(size=size) as pilot:
        await choose(pilot, "mine")
        await pilot.press("r")
        await until_shown(pilot, "start mine?")
        await pilot.press(key)
        await until_shown(pilot, title, "run.nodes = 2", "--slurm")
        assert list_runs(runs) == []
