"""Launch scripts, run by a real shell: stand-ins take the place of Slurm's commands, and of nothing else."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import ARENA_TUI, arena_tui
from tiny_runs import SECONDS, SETTINGS, wait_for

from core.runs import events
from core.runs.folder import RunFolder, list_runs
from core.runs.record import Tail
from core.runs.state import Status, read_run

SRUN = """#!{python}
import os, signal, subprocess, sys
command = sys.argv[next(place for place, word in enumerate(sys.argv) if place and not word.startswith("-")):]
nodes = next(word.partition("=")[2] for word in sys.argv if word.startswith("--nodes="))
tasks = [subprocess.Popen(command, env={{**os.environ, "SLURM_NODEID": str(node)}}, start_new_session=True)
         for node in range(int(nodes))]
# As slurmstepd does: every process of the step is told.
signal.signal(signal.SIGUSR1, lambda *_: [os.killpg(task.pid, signal.SIGUSR1) for task in tasks])
open(os.environ["SRUN_PID"], "w").write(str(os.getpid()))
codes = [task.wait() for task in tasks]
sys.exit(max(code if code >= 0 else 128 - code for code in codes))
"""
SCONTROL = """#!/bin/sh
case "$1" in
show) echo localhost; echo localhost ;;
requeue) echo "$2" >> "$REQUEUED" ;;
esac
"""
HOSTILE = "my 'run' $(touch sprung) \"x\" `touch sprung`"

Sbatch = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def place(tmp_path: Path, checkpoint: Path, train_csv: Path) -> Path:
    """A folder with spaces in its name and a profile of two machines in it; the stand-ins are in bin/."""
    folder = tmp_path / "a place"
    (folder / "bin").mkdir(parents=True)
    for name, text in (("srun", SRUN.format(python=sys.executable)), ("scontrol", SCONTROL)):
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    of_data = f'[data]\ntrain = "{train_csv}"\n[model]\ncheckpoint = "{checkpoint}"\n'
    settings = SETTINGS.replace("[model]\n", of_data).replace("[train]\n", "[train]\nepochs = 2\n")
    (folder / "tiny.toml").write_text(f"{settings}[run]\nnodes = 2\n")
    return folder


@pytest.fixture
def sbatch(place: Path) -> Iterator[Sbatch]:
    """Starts a script as Slurm would, in the job 4711 which was requeued so many times; those left over are killed."""
    jobs = []

    def start(script: Path, *arguments: str, restarts: int = 0) -> "subprocess.Popen[str]":
        of_job = {"SLURM_JOB_ID": "4711", "SLURM_JOB_NODELIST": "node[1-2]", "SLURM_JOB_PARTITION": "gpu"}
        again = {"SLURM_RESTART_COUNT": str(restarts)} if restarts else {}
        stand_ins = {
            "PATH": f"{place / 'bin'}:{os.environ['PATH']}",
            "SRUN_PID": str(place / "srun.pid"),
            "REQUEUED": str(place / "requeued"),
        }
        job = subprocess.Popen(
            ["bash", str(script), *arguments], env={**os.environ, **of_job, **again, **stand_ins}, cwd=place.parent,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        jobs.append(job)
        return job

    yield start
    for job in jobs:
        if job.poll() is None:
            os.killpg(job.pid, signal.SIGTERM)
            job.communicate()


def written(place: Path, *arguments: str) -> Path:
    script = place / "start it.sh"
    told = arena_tui("launch-script", *arguments, "-o", str(script), cwd=place)
    assert (told.returncode, told.stderr) == (0, "")
    return script


def only_run(place: Path, job: "subprocess.Popen[str]") -> RunFolder:
    """The run that the job makes."""
    deadline = time.monotonic() + SECONDS
    while not (runs := list_runs(place / "runs")):
        assert job.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    return runs[0]


def test_a_job_of_two_machines_saves_ahead_of_its_limit_and_goes_on_once_it_is_requeued(
    place: Path, sbatch: Sbatch
) -> None:
    script = written(place, "tiny.toml", "--slurm", "--set", "train.epochs=500")
    first = sbatch(script)
    run = only_run(place, first)
    wait_for(run, events.Step, step=3)
    os.kill(int((place / "srun.pid").read_text()), signal.SIGUSR1)
    told, _ = first.communicate(timeout=60)
    assert first.returncode == 128 + signal.SIGUSR1, told + run.console_log.read_text()
    assert (place / "requeued").read_text() == "4711\n"
    stopped = Tail(run.events).read()[-1]
    assert isinstance(stopped, events.Cancelled)
    assert stopped.kept == f"checkpoints/checkpoint-{stopped.step}"
    info = run.read_info()
    assert info is not None
    job = {"SLURM_JOB_ID": "4711", "SLURM_JOB_NODELIST": "node[1-2]", "SLURM_JOB_PARTITION": "gpu"}
    assert info.slurm == job
    started = wait_for(run, events.Started)
    assert isinstance(started, events.Started)
    assert started.slurm == job

    again = sbatch(script, restarts=1)
    resumed = wait_for(run, events.Resumed)
    assert isinstance(resumed, events.Resumed)
    assert resumed.step == stopped.step
    wait_for(run, events.Step, step=stopped.step + 2)
    os.kill(int((place / "srun.pid").read_text()), signal.SIGUSR1)
    again.communicate(timeout=60)
    assert read_run(run)[1] is Status.CANCELLED
    assert [one.path for one in list_runs(place / "runs")] == [run.path]


def test_a_run_to_go_on_with_that_is_not_there_begins_no_other(place: Path, sbatch: Sbatch) -> None:
    job = sbatch(written(place, "tiny.toml", "--slurm"), "a place/runs/20260101-none")
    told, _ = job.communicate(timeout=60)
    assert job.returncode == 1
    assert "20260101-none" in told
    assert list_runs(place / "runs") == []


def test_machines_without_a_scheduler_train_one_run_which_nobody_begins_twice(place: Path) -> None:
    script = written(place, "tiny.toml", "--torchrun", "--rendezvous", "localhost:29417")
    made = subprocess.run(["bash", script, "prepare"], capture_output=True, text=True, check=True, cwd="/")
    run = RunFolder(Path(made.stdout.strip()))
    machines = [subprocess.Popen(["bash", script, str(node), run.path]) for node in (1, 0)]
    assert [machine.wait(SECONDS) for machine in machines] == [0, 0], run.console_log.read_text()
    assert read_run(run)[1] is Status.FINISHED
    told = subprocess.run(["bash", script, "0", run.path], check=False)
    assert told.returncode == 75
    assert read_run(run)[1] is Status.FINISHED


@pytest.mark.parametrize("form", ["--slurm", "--torchrun"])
def test_no_name_ends_its_quotes_or_its_line(form: str, place: Path) -> None:
    (place / HOSTILE).mkdir()
    (place / HOSTILE / f"{HOSTILE}.toml").write_text((place / "tiny.toml").read_text())
    name = '"a\\n#SBATCH --wrap=x\\n$(touch sprung)"'
    script = written(place / HOSTILE, f"{HOSTILE}.toml", form, "--set", f"run.name={name}")
    subprocess.run(["bash", "-n", script], check=True)
    lines = [line for line in script.read_text().splitlines() if line.startswith("#SBATCH --job-name")]
    assert lines in ([], ["#SBATCH --job-name=a-SBATCH---wrap-x-touch-sprung"])
    assert "#SBATCH --wrap=x" not in script.read_text().splitlines()[: 12 if form == "--slurm" else 8]
    if form == "--torchrun":
        made = subprocess.run(["bash", script, "prepare"], capture_output=True, text=True, check=True)
        assert Path(made.stdout.strip()).parent == place / HOSTILE / "runs"
    assert not list(place.rglob("sprung"))


def test_what_starts_one_machine_refuses_several_and_names_the_way_out(place: Path) -> None:
    for command in (("train", "tiny.toml"), ("queue", "add", "tiny.toml")):
        told = arena_tui(*command, cwd=place)
        assert told.returncode == 2
        assert "arena-tui launch-script PROFILE --slurm" in told.stderr
    assert list_runs(place / "runs") == []
    told = arena_tui("launch-script", "tiny.toml", "--slurm", "--set", 'run.gpus="all"', cwd=place)
    assert (told.returncode, told.stdout) == (2, "")
    assert "--set run.gpus=8" in told.stderr


def test_a_requeued_job_knows_the_run_that_it_began_with_the_same_settings(place: Path) -> None:
    """Also where its script calls `arena-tui train` itself."""

    def trained(*arguments: str, **job: str) -> str:
        command = [*ARENA_TUI, "train", "tiny.toml", "--set", "run.nodes=1", *arguments]
        told = subprocess.run(command, cwd=place, env={**os.environ, **job}, check=True, capture_output=True, text=True)
        return told.stdout.strip()

    job, again = {"SLURM_JOB_ID": "4711"}, {"SLURM_RESTART_COUNT": "1"}
    trained(**job)
    run = list_runs(place / "runs")[0]
    assert read_run(run)[1] is Status.FINISHED
    assert trained(**job, **again) == f"{run.id} has finished"
    assert trained("--prepare", **job, **again) == str(run.path)
    others = [
        trained("--prepare", **job),
        trained("--prepare", "--set", "lora.r=4", **job, **again),
        trained("--prepare", SLURM_JOB_ID="4712", **again),
    ]
    assert len({str(run.path), *others}) == 4
