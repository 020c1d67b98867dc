"""Plays a prediction: a real process that writes its record, and acts out one scenario in the folder it is given."""

import signal
import sys
import time
from pathlib import Path
from types import FrameType

import pyarrow
from pyarrow import parquet

from core.outcomes import A_B_TIE
from core.predict.folder import PredictionFolder
from core.runs import events
from core.runs.process import describe_this_process
from core.runs.record import Record

ROWS = 25_000
GIB = 2**30
HOSTILE = "[red]x[/red] [/] \x1b[2J"


class Told(BaseException):
    """A signal asked for the end."""


def predict(record: Record, folder: PredictionFolder, scenario: str) -> None:
    record.write(events.Phase(phase="tokenizing", done=ROWS, total=ROWS, unit="rows"))
    record.write(
        events.Predicting(
            runs=["a run"], rows=ROWS, rows_total=ROWS, rows_kept=0, rows_cut=4_250, tokens_total=ROWS * 600,
            swapped=False, workers=1, precision="bf16", engine="packed",
            device=events.Device(kind="cuda", name="NVIDIA H200", memory=140 * GIB),
        )
    )  # fmt: skip
    for rows in range(5_000, ROWS + 1, 5_000):
        record.write(events.Phase(phase="scoring", done=rows, total=ROWS, unit="rows"))
        record.write(
            events.PredictionProgress(
                rows=rows, tokens=rows * 600, rows_per_second=41.3, tokens_per_second=24_780.0,
                memory_allocated=8 * GIB, memory_reserved=9 * GIB, memory_peak=9 * GIB,
            )
        )  # fmt: skip
        print(f"{rows} rows", flush=True)
        while scenario == "hang" and rows == 10_000:
            time.sleep(0.05)
        if scenario == "fail":
            raise RuntimeError(HOSTILE)
    given = dict(zip(A_B_TIE.winners, [[0.5, 0.0], [0.25, 0.95], [0.25, 0.05]], strict=True))
    parquet.write_table(pyarrow.table({"id": [7, -8], **given}), folder.table)
    record.write(events.Predicted(submission=str(folder.submission), rows=ROWS, log_loss=None, accuracy=None))


def main(scenario: str, folder: PredictionFolder) -> int:
    def hear(_number: int, _frame: FrameType | None) -> None:
        raise Told

    signal.signal(signal.SIGTERM, hear)
    with Record(folder.events) as record:
        folder.write_info(describe_this_process(sys.argv))
        try:
            predict(record, folder, scenario)
        except Told:
            record.write(events.Cancelled(signal="SIGTERM", step=0, kept="scores"))
            return 143
        except RuntimeError as error:
            record.write(events.Failed(cause=str(error), advice="Do this.", exit_code=1))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], PredictionFolder(Path(sys.argv[-1]))))
