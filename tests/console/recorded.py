"""Writes run folders as the engine would have left them, with fixed figures and times."""

from pathlib import Path
from typing import Literal

from msgspec.structs import replace
from scripted_child import started, step_event

from core.profile.load import to_toml
from core.profile.settings import Profile
from core.runs import events
from core.runs.events import Record
from core.runs.folder import RunFolder
from core.runs.process import describe_this_process

BEGAN = 1_769_860_800.0
STEPS = 5_748
SECONDS_A_STEP = 0.25


def record_run(
    runs: Path,
    run_id: str,
    *,
    end: Literal["finished", "cancelled", "failed"] | None,
    steps: int = STEPS,
    until: int | None = None,
    began: float = BEGAN,
    pid: int | None = None,
    words: str = "GPU memory ran out",
) -> RunFolder:
    """A run of `steps` steps, recorded up to step `until`. With a `pid` it is a process of this machine."""
    folder = RunFolder(runs / run_id)
    folder.path.mkdir(parents=True)
    folder.profile.write_text("[train]\nlearning_rate = 1e-4\n")
    folder.resolved.write_text(to_toml(Profile()))
    me = describe_this_process(["arena"])
    folder.write_info(me if pid else replace(me, pid=2**22 + 1))
    last = until or steps
    now = began + 20 + last * SECONDS_A_STEP
    with Record(folder.events) as record, folder.console_log.open("w") as log:
        record.write(events.Phase(time=began, phase="loading"))
        record.write(replace(started(steps), time=began + 20))
        record.write(events.Phase(time=began + 20, phase="training", done=0, total=steps, unit="steps"))
        for step in range(10, last + 1, 10):
            at = began + 20 + step * SECONDS_A_STEP
            loss = None if end is None and 1_000 <= step <= 1_040 else 0.0
            record.write(step_event(step, steps, at=at, loss=loss))
            log.write(f"step {step} of {steps}: loss {0.95:.4f}, {15_480:,} tokens/s\n")
            if step % 1_000 == 0:
                record.write(events.Checkpoint(time=at, step=step, folder=f"checkpoints/checkpoint-{step}"))
        record.write(events.Phase(time=now, phase="training", done=last, total=steps, unit="steps"))
        if end == "finished" or last > steps // 2:
            at_step = steps if end == "finished" else steps // 2
            record.write(
                events.Evaluated(
                    time=now,
                    step=at_step,
                    epoch=at_step / steps,
                    log_loss=0.9402,
                    accuracy=0.551,
                    rows=11_496,
                    seconds=9,
                )
            )
        match end:
            case "finished":
                record.write(events.Finished(time=now + 90, log_loss=0.9402, accuracy=0.551))
            case "cancelled":
                kept = "checkpoints/checkpoint-5748"
                record.write(events.Cancelled(time=now, signal="SIGTERM", step=last, kept=kept))
            case "failed":
                record.write(events.Warning(time=now, message=words))
                record.write(events.Failed(time=now, cause=words, advice=f"Halve it: {words}", exit_code=1))
    return folder
