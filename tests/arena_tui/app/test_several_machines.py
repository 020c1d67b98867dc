"""The console starts one machine: of a profile or a run of several it says what starts those, and starts nothing."""

import re
from pathlib import Path

import pytest
from command_line import arena_tui
from recorded import record_run
from screen import child, choose, planner, shown, until_shown

from arena_tui.app.app import ArenaApp
from arena_tui.runs.follow import RunList
from arena_tui.runs.reasons import why_not
from core.profile.load import to_toml
from core.profile.settings import Profile, Run
from core.runs.folder import RunFolder, list_runs


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


def stopped(runs: Path) -> RunFolder:
    run = record_run(runs, "20260131-120000-x", end="cancelled", steps=20)
    run.resolved.write_text(to_toml(Profile(run=Run(nodes=2))))
    return run


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_stopped_run_of_several_machines_names_the_script_where_its_key_is_pressed(
    size: tuple[int, int], runs: Path
) -> None:
    app = ArenaApp(runs, watch=stopped(runs))
    async with app.run_test(size=size) as pilot:
        await until_shown(pilot, "■ cancelled", "stopped by you at step 20")
        assert not re.search("resumes it|R Resume", shown(app))
        await pilot.press("R")
        await until_shown(pilot, "of several machines: sbatch SCRIPT RUN_FOLDER resumes it, or --resume on each")


def test_so_does_the_command_with_the_folder_and_a_list_that_is_read_again(runs: Path) -> None:
    run = stopped(runs)
    told = arena_tui("resume", "last", "--runs-dir", str(runs), cwd=runs.parent)
    assert told.returncode == 2
    assert f"sbatch SCRIPT {run.path}; without Slurm, --resume behind the folder" in told.stderr
    for _ in range(2):  # from the records, and from what is kept of them
        [view] = RunList(runs).read()
        assert "sbatch" in why_not("resume", view)


def test_a_wrong_place_to_meet_is_told_before_a_script_is_written(tmp_path: Path) -> None:
    arguments = ("launch-script", "demo", "--set", "run.nodes=2", "--torchrun", "-o", "run.sh", "--rendezvous")
    told = arena_tui(*arguments, "::1", cwd=tmp_path)
    assert told.returncode == 2
    assert "an IPv6 address as [::1]:29400, not '::1'" in told.stderr
    assert arena_tui(*arguments, "[::1]", cwd=tmp_path).returncode == 0
    assert "--rendezvous '[::1]:29400'" in (tmp_path / "run.sh").read_text()
