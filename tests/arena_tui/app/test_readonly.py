"""A read-only console watches and touches nothing, whatever is pressed."""

import string
from pathlib import Path

import pytest
from recorded import record_run
from screen import child, planner, shown, until, until_shown

from arena_tui.__main__ import main
from arena_tui.app.app import ArenaApp
from core.profile.settings import Profile
from core.runs.folder import RunFolder, create_run
from core.runs.liveness import is_run_alive
from core.runs.process import launch
from core.runs.state import Status, read_run

LEAVING = {"q", "?"}
KEYS = [
    *(key for key in string.ascii_letters + string.digits if key not in LEAVING),
    *("space", "delete", "backspace", "enter", "shift+up", "shift+down", "ctrl+s", "f2", "f3", "f4", "f5", "slash"),
]


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of everything in `folder`."""
    found = {path: path.lstat() for path in folder.rglob("*")}
    return {str(path): (stat.st_size, stat.st_mtime_ns) for path, stat in found.items()}


def has_come_half_way(run: RunFolder) -> bool:
    """The last that a hanging run writes is its second checkpoint."""
    checkpoint = read_run(run)[0].checkpoint
    return checkpoint is not None and checkpoint.step == 200


@pytest.fixture
def night(runs: Path) -> Path:
    """Runs that ended in every way, and one that has hung half-way."""
    record_run(runs, "20260131-120000-done", end="finished", steps=200)
    record_run(runs, "20260131-120001-stopped", end="cancelled", steps=200)
    record_run(runs, "20260131-120002-broken", end="failed", steps=200)
    record_run(runs, "20260131-120003-gone", end=None, steps=200)
    hanging = create_run(runs, Profile(), text="", name="hanging")
    launch(hanging, child("hang"))
    return runs


@pytest.mark.slow
async def test_no_key_changes_anything_on_any_screen(night: Path) -> None:
    hanging = next(path for path in night.iterdir() if path.name.endswith("hanging"))
    app = ArenaApp(night, child("ok"), planner("ok"), readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "read-only", "● running", "✓ finished")
        run = next(view.folder for view in app.screen.runs if view.folder.path == hanging)
        await until(pilot, lambda: has_come_half_way(run), "the run's half-way")
        before = files(night.parent)
        for opening in ([], ["tab"], ["tab", "enter"], ["H"]):
            opened = None
            for key in KEYS:
                if app.screen is not opened:
                    while len(app.screen_stack) > 1:
                        app.pop_screen()
                        await pilot.pause()
                    app.screen.query_one("#profiles").focus()
                    await pilot.press(*opening)
                    opened = app.screen
                await pilot.press(key)
                assert app.is_running
        await pilot.pause()
        assert files(night.parent) == before
        assert is_run_alive(run)
        assert read_run(run)[1] is Status.RUNNING
        await pilot.press("escape", "q")
        await until(pilot, lambda: not app.is_running, "the end, without a question")


@pytest.mark.slow
async def test_keys_that_would_change_something_are_not_on_the_screen(night: Path) -> None:
    app = ArenaApp(night, child("ok"), planner("ok"), readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "● running", "q Quit")
        assert not any(f" {key} " in shown(app).splitlines()[-1] for key in ("r Run", "e Edit"))
        await pilot.press("tab", "enter")
        await until_shown(pilot, "200 / 400", "esc Back")
        assert "s Stop" not in shown(app)


def test_it_is_no_flag_for_commands_that_change_something(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--readonly", "train", "demo"])
    assert "--readonly applies to the console" in capsys.readouterr().err
