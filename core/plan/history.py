"""What this machine's past runs took, or a few real steps take: the measured side of memory and time."""

import math
import platform
import socket
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow
from msgspec import Struct
from msgspec.structs import replace

from core.cache import cache_folder
from core.data.bounds import read_numbers
from core.engine.memory import predict
from core.model.shape import ModelShape
from core.profile.errors import ProfileError
from core.profile.load import to_toml
from core.profile.settings import Profile
from core.runs.access import open_for_reading
from core.runs.average import is_average
from core.runs.events import Evaluated, Failed, Started, Step
from core.runs.folder import RunFolder, create_run, list_runs
from core.runs.metrics import Metrics, read_metrics
from core.runs.process import launch
from core.runs.record import Tail

MOST = 50
"""Runs looked at, the newest ones."""


class PastRun(Struct, frozen=True):
    """A run that completed on this machine and card."""

    folder: RunFolder
    profile: Profile
    metrics: Metrics


class Speed(Struct, frozen=True):
    run: str
    tokens_per_second: float
    """Effective tokens: padding left out."""
    seconds_per_eval_token: float
    ranks: int = 1
    """That computed the run together, at this speed."""


def past_runs(folders: Sequence[Path], device: str) -> list[PastRun]:
    """The completed runs in `folders` that ran here on `device`, the newest first."""
    found = []
    runs = sorted((run for folder in folders for run in list_runs(folder)), key=lambda run: run.id, reverse=True)
    for run in runs[:MOST]:
        if is_average(run.path):
            continue  # nothing was trained
        info, metrics = run.read_info(), read_metrics(run.metrics)
        if info and metrics and info.host == socket.gethostname() and metrics.device == device:
            try:
                profile = run.read_profile()
            except ProfileError:
                continue  # of another version
            found.append(PastRun(run, profile, metrics))
    return found


ALONE: dict[str, int] = {"gpus": 1, "nodes": 1}
"""What a short run of a profile for several machines is computed on: the others would have to be started too."""


def memory_factor(past: Sequence[PastRun], profile: Profile, shape: ModelShape) -> tuple[float, int]:
    """The median of measured over predicted peak among padded runs of the same base, and how many runs that is.

    1 where there is none. Runs on a processor have no such peak.
    """
    ratios = []
    for run in past:
        same = (run.profile.model.checkpoint, run.profile.model.quantization, run.metrics.engine)
        if same == (profile.model.checkpoint, profile.model.quantization, "padded") and run.metrics.longest:
            predicted = predict(run.profile, shape, precision=run.metrics.precision, length=run.metrics.longest)
            ratios.append(run.metrics.memory_peak / predicted.total)
    return (statistics.median(ratios), len(ratios)) if ratios else (1.0, 0)


def speed(past: Sequence[PastRun], profile: Profile, precision: str, engine: str, ranks: int = 1) -> Speed | None:
    """The throughput of the newest run of so many ranks that computed the same way, whatever its rows, schedule and
    length; else that of the newest of a single one."""
    of_one = None
    for run in past:
        if _computes(run.profile, run.metrics.precision, run.metrics.engine) != _computes(profile, precision, engine):
            continue
        found = _speed_of(run, evaluates=profile.evaluates)
        if found and found.ranks == ranks:
            return found
        if found and found.ranks == 1 and of_one is None:
            of_one = found
    return of_one


def _speed_of(run: PastRun, *, evaluates: bool) -> Speed | None:
    """None where the run's record does not tell; what its evaluations took need be known only where it `evaluates`."""
    try:
        events = Tail(run.folder.events).read()
    except OSError:
        return None  # not ours to read, or damaged
    started = next((event for event in reversed(events) if isinstance(event, Started)), None)
    steps = [event.tokens_per_second for event in events if isinstance(event, Step)][1:]  # the first warms up
    if started is None or not steps or not (pace := statistics.median(steps)):
        return None
    ranks = max(1, len(started.ranks))
    seconds = [event.seconds for event in events if isinstance(event, Evaluated)]
    if seconds and (tokens := _evaluated_tokens(run.folder)):
        return Speed(run.folder.id, pace, statistics.median(seconds) / tokens, ranks)
    return None if evaluates else Speed(run.folder.id, pace, 0.0, ranks)


def _evaluated_tokens(folder: RunFolder) -> int:
    """Tokens of a run's evaluation rows as it was shown them; 0 where that is not known any more."""
    try:
        with open_for_reading(folder.evaluation) as file:
            return sum(read_numbers(file, ["tokens"])["tokens"].to_pylist())
    except (OSError, pyarrow.ArrowException, KeyError):
        return 0


def _computes(profile: Profile, precision: str, engine: str) -> tuple[Any, ...]:
    """All that decides how much is computed for a token, and how."""
    return (
        replace(profile.model, outcomes="auto"),
        profile.lora,
        profile.train.per_device_batch_size,
        profile.train.gradient_checkpointing,
        profile.train.memory,
        profile.train.optimizer,
        precision,
        engine,
        platform.python_implementation(),
    )


STEPS = 6
"""The first warms up; the median of the others is taken."""


class MeasurementError(Exception):
    """The short run did not come to its end."""


def measurements() -> Path:
    """Where the short runs lie: they tell as much of this machine as any other."""
    return cache_folder() / "measurements"


def measure(profile: Profile) -> PastRun:
    """Run a few steps of `profile` on the first rows of data.train, some of which are evaluated in any case. Raises
    MeasurementError with what went wrong.

    The run ends with the caller.
    """
    n_splits = Profile().split.n_splits
    rows = math.ceil(STEPS * profile.global_batch * n_splits / (n_splits - 1)) + n_splits
    short = replace(
        profile,
        data=replace(
            profile.data,
            eval=None,
            drop_leaks=False,
            limit=min(rows, profile.data.limit or rows),
            limit_by="first",
        ),
        split=Profile().split,
        train=replace(profile.train, epochs=1.0, log_steps=1, save_steps=10**6, warmup_steps=0),
        eval=replace(profile.eval, every="epoch"),
        run=replace(profile.run, name="measure", report_to=[], **(ALONE if profile.run.nodes > 1 else {})),
    )
    folder = create_run(measurements(), short, text=to_toml(short), name="measure")
    child = launch(folder)
    try:
        child.wait()
    finally:
        child.kill()
        child.wait()
    metrics = read_metrics(folder.metrics)
    if metrics is None:
        causes = [event.cause for event in Tail(folder.events).read() if isinstance(event, Failed)]
        raise MeasurementError(f"the measured steps failed: {causes[-1] if causes else f'see {folder.console_log}'}")
    return PastRun(folder, short, metrics)


def measured_speed(profile: Profile, precision: str, engine: str, ranks: int = 1) -> Speed:
    """That of a short run. Raises MeasurementError where it failed, or computed otherwise than is asked here."""
    known = speed([measure(profile)], profile, precision, engine, ranks)
    if known is None:
        raise MeasurementError(f"the measured steps were not computed by the {engine} engine in {precision}")
    return known
