"""The home screen tells how far all folds of the chosen profile are, and leads to their runs."""

from pathlib import Path

import pytest
from recorded import record_run
from screen import PROFILE, shown, until, until_shown

from arena_tui.app.app import ArenaApp
from arena_tui.history.screen import HistoryScreen
from arena_tui.home.folds import FoldsReader
from arena_tui.runs.follow import RunList
from core.profile.load import parse_profile
from core.runs import events
from core.runs.average import ORDER
from core.runs.folder import RunFolder, create_run
from core.runs.folds import folds
from core.runs.queue import Queue
from core.runs.record import Record

MINE = f"{PROFILE}\n[split]\nn_splits = 4\n"


@pytest.fixture
def some_done(runs: Path) -> list[RunFolder]:
    """Folds 0 and 2 of four have finished, the second with three times the rows; fold 3 is queued, fold 1 is not; and
    there are a run of other settings and an average."""
    (Path("profiles") / "mine.toml").write_text(MINE)
    found, made = folds(runs, "profiles/mine.toml"), []
    Queue(runs).pause()
    for fold, loss, rows in ((0, 1.0, 100), (2, 0.9, 300)):
        run = create_run(runs, found[fold].variant.profile, text="", name="mine")
        with Record(run.events) as record:
            record.write(events.Evaluated(step=1, epoch=1.0, log_loss=loss, accuracy=0.5, rows=rows, seconds=1.0))
            record.write(events.Finished(log_loss=loss, accuracy=0.5))
        made.append(run)
    made.append(Queue(runs).add(found[3].variant.profile, text="", name="mine"))
    record_run(runs, "20260131-120000-other", end="finished", steps=20)
    average = create_run(runs, found[1].variant.profile, text="", name="mine-average")
    (average.path / ORDER).write_text("{}")
    return made


def test_a_run_counts_by_its_settings_and_losses_by_their_rows(runs: Path, some_done: list[RunFolder]) -> None:
    reader, profile = FoldsReader(), parse_profile(MINE, source="mine")
    found = reader.read(profile, RunList(runs).read())
    assert {fold: run.folder.id for fold, run in found.runs.items()} == dict(
        zip((0, 2, 3), [run.id for run in some_done], strict=True)
    )
    assert found.told() == ("folds", "2 of 4 done, 1 queued, log loss so far 0.9250", "")
    assert found.name == "mine-fold-"
    other = parse_profile(MINE, source="mine", overrides=["lora.r=4"])
    assert not reader.read(other, RunList(runs).read()).are_told
    assert not reader.read(parse_profile(MINE, source="mine", overrides=["split.by=none"]), RunList(runs).read()).runs


@pytest.mark.usefixtures("some_done")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_profile_tells_of_them_and_a_key_lists_their_runs(runs: Path, size: tuple[int, int]) -> None:
    app = ArenaApp(runs)
    async with app.run_test(size=size) as pilot:
        await until_shown(pilot, "mine")
        await pilot.press("down")
        await until_shown(pilot, "2 of 4 done", "0.9250", "V Folds")
        await pilot.press("V")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen), "the table")
        await until_shown(pilot, "mine-fold-0", "mine-fold-2", "mine-fold-3", " 3 ")
        assert "other" not in shown(app)
        await pilot.press("escape")
        await until_shown(pilot, "other")
        await pilot.press("escape", "up")
        await until(pilot, lambda: "2 of 4 done" not in shown(app), "the demo, without folds")
        await pilot.press("V")
        await until_shown(pilot, "fewer than two folds")
