"""Measures the speed of a profile by a few real steps: a short run through the same engine."""

import math
from pathlib import Path

from msgspec.structs import replace

from core.cache import cache_folder
from core.plan.history import Past
from core.profile.load import to_toml
from core.profile.settings import Profile
from core.runs.events import Failed
from core.runs.folder import create_run
from core.runs.metrics import read_metrics
from core.runs.process import launch
from core.runs.record import Tail

STEPS = 6
"""The first warms up; the median of the others is taken."""


class MeasurementError(Exception):
    """The short run did not come to its end."""


def measurements() -> Path:
    """Where the short runs lie: they tell as much of this machine as any other."""
    return cache_folder() / "measurements"


def measure(profile: Profile) -> Past:
    """Run a few steps of `profile`, on its own first rows. Raises MeasurementError with what went wrong.

    The run ends with the caller.
    """
    n_splits = profile.split.n_splits
    rows = math.ceil(STEPS * profile.global_batch * n_splits / (n_splits - 1)) + n_splits
    short = replace(
        profile,
        data=replace(profile.data, limit=min(rows, profile.data.limit or rows)),
        train=replace(profile.train, epochs=1.0, log_steps=1, save_steps=10**6, warmup_steps=0),
        eval=replace(profile.eval, every="epoch"),
        run=replace(profile.run, name="measure", report_to=[]),
    )
    folder = create_run(measurements(), short, text=to_toml(short), name="measure")
    child = launch(folder)
    try:
        child.wait()
    finally:
        child.kill()
        child.wait()
    metrics = read_metrics(folder)
    if metrics is None:
        causes = [event.cause for event in Tail(folder.events).read() if isinstance(event, Failed)]
        raise MeasurementError(f"the measured steps failed: {causes[-1] if causes else f'see {folder.console_log}'}")
    return Past(folder, short, metrics)
