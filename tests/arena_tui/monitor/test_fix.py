"""A failed run tells which settings would mend it, and one key tries again with them."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from recorded import record_run
from screen import child, planner, shown, start, until, until_shown
from scripted_child import HOSTILE, OUT_OF_MEMORY

from arena_tui.app.app import ArenaApp
from arena_tui.home.screen import HomeScreen
from arena_tui.plan.dialog import ConfirmScreen
from core.profile.load import Change, parse_profile
from core.runs.folder import RunFolder, list_runs
from core.runs.record import Record
from core.runs.state import Status, read_run

pytestmark = pytest.mark.slow

SIZES = [(80, 24), (120, 40)]
TEXT = """\
# out of memory, with these
[train]
per_device_batch_size = 2 # as much as there was room for
gradient_checkpointing = false
"""


@pytest.fixture
def too_large(workplace: Path) -> Path:
    path = workplace / "profiles" / "large.toml"
    path.write_text(TEXT)
    return path


def failed_run(runs: Path, *changes: Change) -> RunFolder:
    """A run that ended with a proposal."""
    folder = record_run(runs, "20260131-120000-large", end=None, steps=400, until=200)
    folder.profile.write_text(TEXT)
    folder.resolved.write_text(TEXT)
    with Record(folder.events) as record:
        record.write(replace(OUT_OF_MEMORY, changes=list(changes) or OUT_OF_MEMORY.changes))
    return folder


@pytest.mark.parametrize("size", SIZES)
async def test_fixing_on_a_failed_run_asks_with_the_changes_and_starts_a_new_one_with_its_comments(
    runs: Path, too_large: Path, size: tuple[int, int]
) -> None:
    app = ArenaApp(runs, child("out of memory"), planner("ok"))
    async with app.run_test(size=size) as pilot:
        await start(pilot, "large")
        await until_shown(pilot, "✗ failed", "GPU memory ran out", "Compute fewer rows at once")
        await until_shown(pilot, "train.per_device_batch_size   2 → 1", "train.gradient_accumulation   4 → 8")
        await until_shown(pilot, "train.gradient_checkpointing  false → true", "A tries again", "A Fix")
        too_large.write_text("# the user has gone on writing\n")
        (old,) = list_runs(runs)
        old.profile.write_text(TEXT.replace("out of memory", "it fits now"))  # else the scripted child fails again
        await pilot.press("A")
        await until_shown(pilot, "start large?", "changed", "2 → 1", "4 → 8", "enter  start")
        await pilot.press("enter")
        await until_shown(pilot, "✓ finished", "evaluation log loss")
        new = list_runs(runs)[0] if list_runs(runs)[0].path != old.path else list_runs(runs)[1]
        text = new.profile.read_text()
        assert text.startswith("# it fits now, with these\n")
        assert "per_device_batch_size = 1 # as much as there was room for" in text
        assert "gradient_checkpointing = true" in text
        settings = parse_profile(text, source="new")
        assert settings.global_batch == parse_profile(TEXT, source="old").global_batch
        assert too_large.read_text() == "# the user has gone on writing\n"


async def test_a_run_whose_name_is_no_file_name_is_tried_again_all_the_same(runs: Path) -> None:
    folder = failed_run(runs)
    for file in (folder.profile, folder.resolved):
        file.write_text(TEXT + '[run]\nname = "../a/b [red]"\n')
    app = ArenaApp(runs, child("ok"), planner("ok"), watch=folder)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "A tries again")
        await pilot.press("A")
        await until_shown(pilot, "start large?", "changed")
        await pilot.press("enter")
        await until_shown(pilot, "✓ finished", "evaluation log loss")
    assert len(list_runs(runs)) == 2


async def test_the_question_can_be_left_and_nothing_is_started(runs: Path) -> None:
    folder = failed_run(runs)
    app = ArenaApp(runs, child("ok"), planner("ok"), watch=folder)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "A tries again")
        await pilot.press("A")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("escape")
        await until_shown(pilot, "A tries again")
        assert [run.path for run in list_runs(runs)] == [folder.path]


async def test_fixing_on_home_tells_and_tries_the_chosen_run(runs: Path) -> None:
    failed_run(runs)
    app = ArenaApp(runs, child("ok"), planner("ok"))
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "✗ failed")
        await pilot.press("A")
        assert isinstance(app.screen, HomeScreen), "the profiles are chosen, not the runs"
        await pilot.press("tab")
        await until_shown(pilot, "train.per_device_batch_size   2 → 1", "A tries again with these settings")
        await pilot.press("A")
        await until_shown(pilot, "start large?", "changed")
        await pilot.press("enter")
        await until_shown(pilot, "✓ finished", "evaluation log loss")


async def test_where_the_run_itself_can_go_on_f_resumes_it_with_the_change(runs: Path) -> None:
    folder = failed_run(runs, Change("eval.per_device_batch_size", 4, 2))
    kept = folder.checkpoints / "checkpoint-200"
    kept.mkdir(parents=True)
    (kept / "manifest.json").write_text("{}")
    app = ArenaApp(runs, child("ok"), planner("ok"), watch=folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "eval.per_device_batch_size  4 → 2")
        await pilot.press("A")
        await until_shown(pilot, "✓ finished")
    assert [run.path for run in list_runs(runs)] == [folder.path]
    assert parse_profile(folder.resolved.read_text(), source="resolved").eval.per_device_batch_size == 2
    assert read_run(folder)[1] is Status.FINISHED


async def test_a_hostile_proposal_is_shown_and_not_obeyed(runs: Path) -> None:
    folder = failed_run(runs, Change("[red]train[/red].\x1b[2J", HOSTILE, HOSTILE), Change("data.train", "a", HOSTILE))
    app = ArenaApp(runs, child("ok"), planner("ok"), watch=folder)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "[red]train[/red].␛[2J", "A tries again")
        assert "\x1b" not in shown(app)
        await pilot.press("A")
        await until_shown(pilot, "the run was not retried", "unknown section")


async def test_fixing_does_nothing_where_nothing_is_proposed(runs: Path) -> None:
    record_run(runs, "20260131-120000-x", end="failed", steps=20)
    app = ArenaApp(runs, child("ok"), planner("ok"), watch=list_runs(runs)[0])
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "✗ failed")
        assert "A Fix" not in shown(app)
        await pilot.press("A", "escape")
        await until_shown(pilot, "✗ failed    x")
        await pilot.press("tab")
        await until_shown(pilot, "Halve it", "enter opens it")
        await pilot.press("A")
        await until_shown(pilot, "no other settings are proposed for this run")
