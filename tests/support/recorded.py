"""Writes run folders as the engine would have left them, with fixed figures and times."""

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Literal

import pyarrow
from msgspec.structs import replace
from pyarrow import parquet
from scripted_child import started, step_event

from core.data.example import Id, id_column
from core.outcomes import A_B_TIE, Outcomes
from core.predict.folder import PredictionFolder
from core.predict.request import Member, Request
from core.profile.load import to_toml
from core.profile.settings import Profile, Split
from core.runs import events
from core.runs.figures import RankReading
from core.runs.folder import RunFolder
from core.runs.process import describe_this_process
from core.runs.record import Record

BEGAN = 1_769_860_800.0
STEPS = 5_748
SECONDS_A_STEP = 0.25
ROWS = 25_000
GIB = 2**30


_played: list[IO[bytes]] = []


def play(folder: RunFolder) -> None:
    """Let this process be at work in the folder from now on, as a run's own would be: it has the lock open."""
    _played.append(folder.lock.open("a+b"))


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
    evaluates: bool = True,
    ranks: int = 1,
) -> RunFolder:
    """A run of `steps` steps, recorded up to step `until`. With a `pid` it is a process of this machine."""
    folder = RunFolder(runs / run_id)
    folder.path.mkdir(parents=True)
    folder.profile.write_text("[train]\nlearning_rate = 1e-4\n")
    folder.resolved.write_text(to_toml(Profile() if evaluates else Profile(split=Split(by="none"))))
    me = describe_this_process(["arena"])
    folder.write_info(me if pid else replace(me, pid=2**22 + 1))
    if pid:
        play(folder)
    last = until or steps
    now = began + 20 + last * SECONDS_A_STEP
    with Record(folder.events) as record, folder.console_log.open("w") as log:
        record.write(events.Phase(time=began, phase="loading"))
        of_eval = {} if evaluates else {"rows_eval": 0, "prior_log_loss": None}
        devices = [started().device] * ranks if ranks > 1 else []
        record.write(replace(started(steps), time=began + 20, ranks=devices, **of_eval))
        record.write(events.Phase(time=began + 20, phase="training", done=0, total=steps, unit="steps"))
        for step in range(10, last + 1, 10):
            at = began + 20 + step * SECONDS_A_STEP
            loss = None if end is None and 1_000 <= step <= 1_040 else 0.0
            record.write(replace(step_event(step, steps, at=at, loss=loss), ranks=readings(ranks)))
            log.write(f"12:00:00 step {step} of {steps}: loss {0.95:.4f}, {15_480:,} tokens/s\n")
            if step % 1_000 == 0:
                record.write(events.Checkpoint(time=at, step=step, folder=f"checkpoints/checkpoint-{step}"))
        record.write(events.Phase(time=now, phase="training", done=last, total=steps, unit="steps"))
        if evaluates and (end == "finished" or last > steps // 2):
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
                figures = (0.9402, 0.551) if evaluates else (None, None)
                record.write(events.Finished(time=now + 90, log_loss=figures[0], accuracy=figures[1]))
            case "cancelled":
                kept = "checkpoints/checkpoint-5748"
                record.write(events.Cancelled(time=now, signal="SIGTERM", step=last, kept=kept))
            case "failed":
                record.write(events.Warning(time=now, message=words))
                record.write(events.Failed(time=now, cause=words, advice=f"Halve it: {words}", exit_code=1))
    return folder


def readings(ranks: int) -> list[RankReading]:
    """What each of several ranks did: the second has the most to do, and the others wait for it."""
    return [
        RankReading(
            tokens_per_second=15_480 / ranks + (180 if rank == 1 else -20 * (rank % 5)),
            waited=0.012 if rank == 1 else 0.034 + 0.004 * (rank % 7),
            memory_allocated=int((31.2 + 0.1 * (rank % 3)) * GIB),
            memory_reserved=int((34.0 + 0.1 * (rank % 3)) * GIB),
            memory_peak=int((33.0 + 0.2 * (rank % 4)) * GIB),
        )
        for rank in range(ranks if ranks > 1 else 0)
    ]


def write_answers(
    folder: PredictionFolder, ids: Sequence[Id], rows: Sequence[Sequence[float]], outcomes: Outcomes = A_B_TIE
) -> None:
    """The table of a prediction, as far as it holds what was answered."""
    given = dict(zip(outcomes.winners, zip(*rows, strict=True), strict=True))
    parquet.write_table(pyarrow.table({"id": id_column(ids), **given}), folder.table)


def record_prediction(
    run: RunFolder, *, end: Literal["predicted"] | None, began: float = BEGAN, pid: int | None = None
) -> PredictionFolder:
    """A prediction of labelled rows with `run` in both orders, whose memory ran out once: complete, or at 60 %."""
    folder = PredictionFolder(run.predictions / "20260131-140000-test")
    folder.path.mkdir(parents=True)
    folder.write_request(Request(members=[Member(str(run.path), str(run.adapter), 1.0)], test="/data/test.csv"))
    me = describe_this_process(["arena"])
    folder.write_info(me if pid else replace(me, pid=2**22 + 1))
    if pid:
        play(folder)
    total = 2 * ROWS
    last = total if end else total * 6 // 10
    card = events.Device(kind="cuda", name="NVIDIA H200", memory=140 * GIB)
    with Record(folder.events) as record, folder.console_log.open("w") as log:
        record.write(events.Phase(time=began, phase="loading"))
        record.write(
            events.Predicting(
                time=began + 20, runs=[run.id], rows=ROWS, rows_total=total, rows_kept=0, rows_cut=4_250,
                tokens_total=total * 600, swapped=True, workers=1, precision="bf16", engine="packed", device=card,
            )
        )  # fmt: skip
        words = (
            f"memory ran out with 8,192 tokens at once: {run.id} continues with 4,096 at a time; "
            "--batch-tokens 4096 does so from the start"
        )
        record.write(events.Warning(time=began + 21, message=words))
        for rows in range(5_000, last + 1, 5_000):
            at = began + 20 + rows / 41.3
            record.write(events.Phase(time=at, phase="scoring", done=rows, total=total, unit="rows"))
            record.write(
                events.PredictionProgress(
                    time=at, rows=rows, tokens=rows * 600, rows_per_second=41.3, tokens_per_second=24_780.0,
                    memory_allocated=8 * GIB, memory_reserved=9 * GIB, memory_peak=9 * GIB,
                )
            )  # fmt: skip
            log.write(f"12:00:00 {rows:,} rows\n")
        if end:
            # As many rows as are said to be answered, the tie the less likely the later.
            rows = [(0.2 + 0.6 * n / ROWS, 0.3 - 0.2 * n / ROWS, 0.5 - 0.4 * n / ROWS) for n in range(ROWS)]
            write_answers(folder, [136060 + 37 * n for n in range(ROWS)], rows)
            done = events.Predicted(
                time=at + 9, submission=str(folder.submission), rows=ROWS, log_loss=0.9391, accuracy=0.552
            )
            record.write(done)
    return folder
