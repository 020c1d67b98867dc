"""A run in a Slurm job: which job it is, and what has stopped it, wherever the run is shown."""

from pathlib import Path

from command_line import arena_tui
from msgspec.structs import replace
from recorded import record_run
from screen import until_shown

from arena_tui.app.app import ArenaApp
from core.runs.events import Cancelled, Started
from core.runs.folder import RunFolder
from core.runs.record import Record, Tail

JOB = {
    "SLURM_JOB_ID": "4711",
    "SLURM_JOB_PARTITION": "[b]gpu[/b]",
    "SLURM_JOB_NODELIST": "node[1-2]",
    "SLURM_RESTART_COUNT": "2",
}


def stopped(runs: Path) -> RunFolder:
    run = record_run(runs, "20260101-120000-x", end=None, until=100)
    known = Tail(run.events).read()
    with Record(run.events) as record:
        for event in known:
            if isinstance(event, Started):
                record.write(replace(event, slurm=JOB))
        record.write(Cancelled(time=known[-1].time, signal="SIGUSR1", step=100, kept=None, is_asked=False, job="4711"))
    return run


async def test_the_monitor_shows_the_job_and_that_its_signal_stopped_the_run(tmp_path: Path) -> None:
    app = ArenaApp(tmp_path, watch=stopped(tmp_path))
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "stopped by a signal: SIGUSR1", "scheduler: Slurm job 4711)")
        await until_shown(pilot, "Slurm job  4711  [b]gpu[/b], node[1-2],", "requeued 2 times")


def test_lines_tell_it_too(tmp_path: Path) -> None:
    told = arena_tui("watch", "last", "--runs-dir", str(stopped(tmp_path).path.parent), cwd=tmp_path)
    assert told.returncode == 138
    last = told.stdout.splitlines()[-1]
    assert last.endswith("; stopped by a signal: SIGUSR1 (from the scheduler: Slurm job 4711)")
