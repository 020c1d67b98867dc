"""`arena-tui queue`, as a script sees it: what is printed where, exit codes, and that nothing is half queued."""

import json
import os
import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from recorded import record_run

from arena_tui.__main__ import main
from arena_tui.app.dialogs import ask_to_stop
from arena_tui.runs.follow import Follower
from core.profile.settings import Profile
from core.runs.actions import CannotStop, stop
from core.runs.folder import RunFolder, list_runs
from core.runs.queue import Queue
from core.runs.stopping import Rung

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def paused(runs: Path) -> None:
    """So that nothing is started: the engine itself would be."""
    Queue(runs).pause()


def order(runs: Path) -> list[str]:
    return [run.name for run, _ in Queue(runs).waiting()]


def test_profiles_and_sweeps_are_queued_in_order_and_listed(runs: Path, capsys: Captured) -> None:
    assert main(["queue", "add", "profiles/mine.toml", "demo", "--set", "train.seed=[1,2]"]) == 0
    added = capsys.readouterr()
    assert [line.split()[0] for line in added.out.splitlines()] == ["1st", "2nd", "3rd", "4th"]
    assert "train.seed = 2" in added.out
    assert "4 runs queued" in added.err
    assert "paused" in added.err
    assert order(runs) == ["mine-seed-1", "mine-seed-2", "demo-seed-1", "demo-seed-2"]
    assert main(["queue"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.rpartition("  ")[2] for line in lines] == ["seed 1", "seed 2"] * 2, "of each profile what differs"
    assert "seed = 2" in list_runs(runs)[0].resolved.read_text()

    assert main(["queue", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["paused"], told["runner"]) == (True, False)
    assert [run["place"] for run in told["waiting"]] == [1, 2, 3, 4]
    assert main(["runs", "--json"]) == 0
    assert [run["place"] for run in json.loads(capsys.readouterr().out)].count(None) == 0


def test_one_bad_profile_and_nothing_is_queued(runs: Path, capsys: Captured) -> None:
    Path("profiles/bad.toml").write_text("[train]\nepochs = 0\n")
    assert (
        main(["queue", "add", "profiles/mine.toml", "profiles/bad.toml", "nowhere", "--set", "train.seed=[1,-1]"]) == 2
    )
    told = capsys.readouterr()
    assert told.out == ""
    assert "bad.toml: line 2: train.epochs = 0" in told.err
    assert "mine.toml: --set: train.seed = -1" in told.err
    assert "nowhere: " in told.err
    assert list_runs(runs) == []


def test_runs_are_moved_and_removed_by_a_part_of_their_id(runs: Path, capsys: Captured) -> None:
    main(["queue", "add", "demo", "--set", "train.seed=[10,20,30]"])
    assert main(["queue", "move", "last", "first"]) == 0
    assert order(runs) == ["demo-seed-30", "demo-seed-10", "demo-seed-20"]
    assert main(["queue", "move", "seed-30", "down"]) == 0
    assert main(["queue", "remove", "seed-10"]) == 0
    assert order(runs) == ["demo-seed-30", "demo-seed-20"]
    capsys.readouterr()
    for wanted in ("seed", "nothing"):  # several that might be meant; none
        assert main(["queue", "remove", wanted]) == 2
    assert "several waiting runs" in capsys.readouterr().err
    assert order(runs) == ["demo-seed-30", "demo-seed-20"]


def test_only_waiting_runs_are_removed(runs: Path) -> None:
    old = record_run(runs, "20260131-120000-old", end="finished")
    assert main(["queue", "remove", old.id]) == 2
    assert old.metrics.parent.exists()


def test_stop_says_how_a_waiting_run_is_taken_out(runs: Path, capsys: Captured) -> None:
    main(["queue", "add", "demo"])
    assert main(["stop", "last"]) == 1
    assert "arena-tui queue remove" in capsys.readouterr().err
    assert order(runs) == ["demo"]


def test_what_runs_now_stands_before_what_waits_and_that_it_is_paused_before_both(runs: Path, capsys: Captured) -> None:
    run = record_run(
        runs, "20260131-120000-now", end=None, steps=400, until=200, began=time.time() - 900, pid=os.getpid()
    )
    run.write_info(replace(run.read_info(), gpu="GPU-5"))
    record_run(runs, "20260131-120001-lost", end=None, steps=400, until=200)
    main(["queue", "add", "demo"])
    capsys.readouterr()
    assert main(["queue"]) == 0
    [paused, running, waiting] = capsys.readouterr().out.splitlines()
    assert "the queue is paused" in paused
    assert running.split(maxsplit=1)[1] == f"{run.id}  on GPU GPU-5  step 200 of 400"
    assert waiting.startswith("      1st  ")
    assert main(["queue", "list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    [now] = told["running"]
    assert (now["id"], now["gpu"], now["step"], now["steps"]) == (run.id, "GPU-5", 200, 400)
    assert len(told["waiting"]) == 1
    Queue(runs).unpause()
    Queue(runs).remove(Queue(runs).waiting()[0][0])
    assert main(["queue"]) == 0
    assert "paused" not in capsys.readouterr().out


def test_an_empty_queue_says_what_to_do(capsys: Captured) -> None:
    assert main(["queue"]) == 0
    assert "arena-tui queue add PROFILE" in capsys.readouterr().out


def test_a_file_that_is_no_entry_is_told(runs: Path, capsys: Captured) -> None:
    main(["queue", "add", "demo"])
    [(run, _)] = Queue(runs).waiting()
    (Queue(runs).folder / f"{run.id}.json").write_text('{"place": 1, "gp')
    assert main(["queue"]) == 0
    assert f"{run.id}.json cannot be read" in capsys.readouterr().err


def test_a_runs_folder_that_cannot_be_made_is_an_error_not_a_traceback(capsys: Captured) -> None:
    Path("a-file").write_text("")
    assert main(["queue", "add", "demo", "--runs-dir", "a-file"]) == 1
    assert capsys.readouterr().err


def test_a_run_that_cannot_be_asked_to_stop_is_told_alike_by_command_and_console(runs: Path, capsys: Captured) -> None:
    run = Queue(runs).add(Profile(), text="", name="waits")
    assert main(["stop", run.id]) == 1
    told = capsys.readouterr().err.strip()
    assert told == f"{run.id} is not running here: it waits in the queue; arena-tui queue remove takes it out"
    assert ask_to_stop(Follower(run).read()) == f"not stopped: {told}"


def test_a_run_whose_folder_was_deleted_meanwhile_cannot_be_asked_to_stop(runs: Path) -> None:
    with pytest.raises(CannotStop, match=r"gone is not running here: .*gone: No such file"):
        stop(RunFolder(runs / "gone"), Rung.SAVE)
