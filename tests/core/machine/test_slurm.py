"""What a process knows of its Slurm job: what it keeps, whether it was queued again, how long it may go on."""

import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.doctor import machine
from core.machine.slurm import job_variables
from core.profile.settings import Profile
from core.runs.actions import CannotStop, stop
from core.runs.folder import create_run
from core.runs.identity import is_alive
from core.runs.process import describe_this_process
from core.runs.stopping import Rung


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    monkeypatch.setenv("SLURM_CLUSTER_NAME", "here")
    return monkeypatch


def test_what_is_kept_of_a_job_is_no_secret_and_outside_of_one_nothing_is(job: pytest.MonkeyPatch) -> None:
    job.setenv("SLURM_JWT", "secret")
    job.setenv("SLURM_JOB_PARTITION", "gpu")
    known = {"SLURM_CLUSTER_NAME": "here", "SLURM_JOB_ID": "4711", "SLURM_JOB_PARTITION": "gpu"}
    assert job_variables() == describe_this_process([]).slurm == known
    job.delenv("SLURM_JOB_ID")
    assert job_variables() == {}


def test_once_a_job_was_requeued_nothing_lives_of_its_earlier_start_wherever_that_was(job: pytest.MonkeyPatch) -> None:
    before = replace(describe_this_process([]), host="node7", boot_id="another")
    assert is_alive(before) is None
    job.setenv("SLURM_RESTART_COUNT", "1")
    assert is_alive(before) is False
    of_now = replace(describe_this_process([]), host="node7", boot_id="another")
    assert is_alive(of_now) is None
    job.setenv("SLURM_CLUSTER_NAME", "there")
    assert is_alive(before) is None
    job.setenv("SLURM_CLUSTER_NAME", "here")
    job.setenv("SLURM_JOB_ID", "4712")
    assert is_alive(before) is None


@pytest.mark.usefixtures("job")
def test_a_run_on_another_machine_of_a_job_is_stopped_by_slurm(tmp_path: Path) -> None:
    run = create_run(tmp_path, Profile(), text="", name="x")
    there = replace(describe_this_process([]), host="node7", boot_id="another")
    run.write_info(there)
    with pytest.raises(CannotStop, match="; scancel --signal=TERM 4711 stops it from here"):
        stop(run, Rung.SAVE)
    run.write_info(replace(there, slurm={"SLURM_JOB_ID": "1; rm -r /"}))
    with pytest.raises(CannotStop, match=r"by who started it$"):
        stop(run, Rung.SAVE)


@pytest.mark.parametrize(
    ("hours", "verdict", "told"), [(3, "ok", "4711: ends in 3.0 h"), (0.1, "note", "4711: ends in 0.1 h")]
)
def test_doctor_tells_how_long_the_job_may_go_on(
    hours: float, verdict: str, told: str, job: pytest.MonkeyPatch
) -> None:
    job.setenv("SLURM_JOB_END_TIME", str(int(time.time() + hours * 3600)))
    assert [(check.verdict, check.found) for check in machine.job()] == [(verdict, told)]


def test_doctor_says_where_the_limit_is_not_told_and_nothing_outside_of_a_job(job: pytest.MonkeyPatch) -> None:
    assert [check.verdict for check in machine.job()] == ["ok"]
    job.delenv("SLURM_JOB_ID")
    assert list(machine.job()) == []
