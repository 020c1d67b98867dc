"""A run that was only prepared waits for its launch script: nothing has happened to it yet."""

import io
import os
import re
from pathlib import Path

import pytest
from screen import shown, until_shown

from arena_tui.app.app import ArenaApp
from arena_tui.monitor.text import follow
from arena_tui.runs.follow import Follower, RunList
from arena_tui.runs.reasons import why_not
from core.predict.folder import PredictionFolder
from core.predict.request import Member, Request
from core.profile.settings import Profile, Run
from core.runs.average import ORDER
from core.runs.events import Finished
from core.runs.folder import RunFolder, create_run
from core.runs.record import Record
from core.runs.state import Status, read_run
from core.runs.trash import discard

LONG_AGO = 1_000_000_000


def prepared(runs: Path) -> RunFolder:
    folder = create_run(runs, Profile(run=Run(nodes=2)), text="", name="prepared")
    os.utime(folder.resolved, (LONG_AGO, LONG_AGO))
    return folder


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_prepared_run_was_not_killed_and_what_starts_it_is_said(runs: Path, size: tuple[int, int]) -> None:
    folder = prepared(runs)
    app = ArenaApp(runs, watch=folder)
    async with app.run_test(size=size) as pilot:
        await until_shown(pilot, "◇ prepared", "Prepared: a launch script starts it.")
        assert not re.search("ended unexpectedly|killed|lost|R resumes", shown(app))
        await pilot.press("x")
        await until_shown(pilot, "no curves yet")
        await pilot.press("R")
        await until_shown(pilot, "a launch script starts it")


class Reader(io.StringIO):
    """Lets the run end once it has read that it waits."""

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self._folder = folder

    def write(self, text: str) -> int:
        if text.startswith("prepared"):
            with Record(self._folder.events) as record:
                record.write(Finished(log_loss=None, accuracy=None))
        return super().write(text)


def test_a_prepared_run_is_listed_as_such_watched_until_it_is_over_and_can_be_deleted(runs: Path) -> None:
    folder, other = prepared(runs), prepared(runs)
    assert [view.status for view in RunList(runs).read()] == [Status.PREPARED] * 2
    assert why_not("delete", Follower(folder).read()) == ""
    told = Reader(folder)
    assert follow(folder, told)[1] is Status.FINISHED
    assert told.getvalue().startswith("prepared: a launch script starts it\n")
    discard(other)
    assert [view.folder.id for view in RunList(runs).read()] == [folder.id]


def test_a_prediction_or_an_average_without_a_process_waits_for_no_script_and_was_lost(runs: Path) -> None:
    average = prepared(runs)
    (average.path / ORDER).write_text("{}")
    prediction = PredictionFolder(average.predictions / "20260131-140000-test")
    prediction.path.mkdir(parents=True)
    prediction.write_request(Request(members=[Member(str(average.path), str(average.adapter), 1.0)], test="test.csv"))
    os.utime(prediction.order, (LONG_AGO, LONG_AGO))
    assert [read_run(folder)[1] for folder in (average, prediction)] == [Status.LOST] * 2


def test_a_run_whose_process_left_no_more_than_a_log_was_lost(runs: Path) -> None:
    folder = prepared(runs)
    folder.console_log.touch()
    assert read_run(folder)[1] is Status.LOST
