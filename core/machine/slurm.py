"""What Slurm tells a process of the job that it belongs to, in its environment (sbatch(1), output variables)."""

import os
import time
from collections.abc import Mapping

JOB, CLUSTER, RESTARTS, END = "SLURM_JOB_ID", "SLURM_CLUSTER_NAME", "SLURM_RESTART_COUNT", "SLURM_JOB_END_TIME"
NAMES = (
    *(CLUSTER, JOB, "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_JOB_NAME", "SLURM_JOB_PARTITION"),
    *("SLURM_JOB_ACCOUNT", "SLURM_JOB_QOS", "SLURM_JOB_NUM_NODES", "SLURM_JOB_NODELIST"),
    *(RESTARTS, "SLURM_JOB_START_TIME", END),
)
"""What a run's record keeps. Others hold addresses, or a token (SLURM_JWT)."""


def job_variables() -> dict[str, str]:
    """Those of NAMES that are set, by name; none outside of a job."""
    return {name: os.environ[name] for name in NAMES if os.environ.get(name)} if os.environ.get(JOB) else {}


def restarts(job: Mapping[str, str]) -> int:
    """How often the job was queued again; Slurm leaves the variable out in its first start."""
    counted = job.get(RESTARTS, "")
    return int(counted) if counted.isdecimal() else 0


def is_same_job(job: Mapping[str, str]) -> bool:
    """Whether these are the variables of the job that this process belongs to, in this start of it or another."""
    here = job_variables()
    return bool(here) and [job.get(name) for name in (CLUSTER, JOB)] == [here.get(name) for name in (CLUSTER, JOB)]


def has_been_requeued(job: Mapping[str, str]) -> bool:
    """Whether this process belongs to a later start of the job. Then nothing lives of the earlier one: Slurm has ended
    it on all its machines before."""
    return is_same_job(job) and restarts(job) < restarts(job_variables())


def seconds_left() -> float | None:
    """Until the job's time limit; None outside of a job, without a limit, and with a Slurm that does not tell."""
    end = job_variables().get(END, "")
    return int(end) - time.time() if end.isdecimal() and int(end) else None
