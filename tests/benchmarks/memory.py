"""Compares the predicted peak of GPU memory with that of short real runs, setting by setting.

Each row is a run of its own through the engine: three optimizer steps and an evaluation over generated rows, all of
full length. Usage, with checkpoints made by random_gemma2.py:

    python tests/benchmarks/memory.py --nine FOLDER --two FOLDER --json memory.json [--only NAME,NAME] [--set KEY=VALUE]
"""

import argparse
import contextlib
import csv
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from core.engine.memory import Memory, predict
from core.model.shape import read_shape
from core.profile.load import parse_profile, to_toml
from core.profile.settings import Profile
from core.runs import events
from core.runs.folder import RunFolder, create_run
from core.runs.process import LaunchError, launch
from core.runs.record import Tail

GIB = 2**30
ROWS, FOLDS = 32, 4  # 24 rows to train on, in 3 steps of 8, and 8 to evaluate


class Case(Struct, frozen=True):
    """What one row of the table runs: a batch and its accumulation, tokens a row, and what departs from the recipe."""

    name: str
    batch: int
    accumulation: int
    length: int
    checkpointing: bool
    settings: tuple[str, ...] = ()


TWO = ("lora.freeze_layers=10",)
EVERYWHERE = ("lora.target_modules=all-linear", "lora.freeze_layers=0", "lora.r=64")
CASES = (
    Case("2b", 4, 2, 1024, True, TWO),
    Case("2b-fp16", 4, 2, 1024, True, (*TWO, "train.precision=fp16")),
    Case("2b-int8", 4, 2, 1024, True, (*TWO, "model.quantization=int8")),
    Case("2b-none", 4, 2, 1024, False, (*TWO, "model.quantization=none")),
    Case("2b-whole", 4, 2, 2048, False, TWO),
    Case("2b-long", 2, 4, 4096, True, TWO),
    Case("2b-everywhere", 8, 1, 512, False, EVERYWHERE),
    Case("9b", 2, 4, 1024, True),
    Case("9b-long", 4, 2, 2048, True),
    Case("9b-whole", 8, 1, 1024, False),
    Case("9b-whole-long", 1, 8, 2048, False),
    Case("9b-everywhere", 2, 4, 1024, True, EVERYWHERE),
)


class Row(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the table. Memory in bytes; what a failed run does not have is absent."""

    case: Case
    seconds: float
    predicted: Memory | None = None
    predicted_peak: int | None = None
    measured_peak: int | None = None
    ratio: float | None = None
    tokens_per_second: float | None = None
    device: str | None = None
    failure: str | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nine", metavar="FOLDER", help="checkpoint for the rows named 9b")
    parser.add_argument("--two", metavar="FOLDER", help="checkpoint for the rows named 2b")
    parser.add_argument("--only", metavar="NAMES", help=f"of {','.join(case.name for case in CASES)}")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], dest="overrides")
    parser.add_argument("--json", metavar="FILE", type=Path, required=True)
    options = parser.parse_args()

    checkpoints = {"9b": options.nine, "2b": options.two}
    wanted = options.only.split(",") if options.only else [case.name for case in CASES]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            checkpoint = checkpoints[case.name[:2]]
            if case.name not in wanted or checkpoint is None:
                continue
            print(f"{time.strftime('%H:%M:%S')} {case.name} ...", flush=True)
            rows.append(measure(case, checkpoint, options.overrides, Path(folder)))
            print(line(rows[-1]), flush=True)
            options.json.write_bytes(msgspec.json.format(msgspec.json.encode(rows)))
    print("\n".join([HEAD, *map(line, rows)]))


def measure(case: Case, checkpoint: str, overrides: Sequence[str], folder: Path) -> Row:
    """Run `case` to its end in a child process, and set what it took beside what was predicted."""
    profile = parse_profile(
        "",
        source=case.name,
        overrides=[
            f"data.train={folder / 'rows.csv'}",
            f"model.checkpoint={checkpoint}",
            f"split.n_splits={FOLDS}",
            f"tokens.max_length={case.length}",
            f"train.per_device_batch_size={case.batch}",
            f"train.gradient_accumulation={case.accumulation}",
            f"train.gradient_checkpointing={str(case.checkpointing).lower()}",
            "train.log_steps=1",
            *case.settings,
            *overrides,
        ],
    )
    write_rows(folder / "rows.csv", profile.tokens.max_length)
    began = time.monotonic()
    run = create_run(folder / "runs", profile, text=to_toml(profile), name=case.name)
    with contextlib.suppress(LaunchError):  # the record holds the cause
        child = launch(run)
        try:
            child.wait()
        finally:
            child.kill()  # an interrupted benchmark leaves no run behind
    return outcome(case, run, profile, seconds=round(time.monotonic() - began, 1))


def outcome(case: Case, run: RunFolder, profile: Profile, *, seconds: float) -> Row:
    """What the run's record says, and the prediction for the precision it ran in."""
    record = Tail(run.events).read()
    if failed := [event for event in record if isinstance(event, events.Failed)]:
        return Row(case=case, seconds=seconds, failure=failed[-1].cause)
    if not run.metrics.is_file():
        return Row(case=case, seconds=seconds, failure="the run ended without a word")
    metrics = json.loads(run.metrics.read_bytes())
    shape = read_shape(json.loads((Path(profile.model.checkpoint) / "config.json").read_bytes()), profile.model)
    predicted = predict(profile, shape, precision=metrics["precision"], length=profile.tokens.max_length)
    steps = [event.tokens_per_second for event in record if isinstance(event, events.Step)]
    return Row(
        case=case,
        seconds=seconds,
        predicted=predicted,
        predicted_peak=predicted.total,
        measured_peak=metrics["memory_peak"],
        ratio=round(predicted.total / metrics["memory_peak"], 4),
        tokens_per_second=round(statistics.median(steps[1:])),  # the first step warms up
        device=metrics["device"],
    )


def write_rows(path: Path, tokens: int) -> None:
    """Labelled rows whose prompt alone is longer than `tokens`."""
    winners = ("winner_model_a", "winner_model_b", "winner_tie")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "prompt", "response_a", "response_b", *winners])
        for number in range(ROWS):
            texts = [json.dumps([" ".join(["rain"] * tokens)]), json.dumps(["yes"]), json.dumps(["no"])]
            writer.writerow([number, *texts, *(int(number % 3 == label) for label in range(3))])


HEAD = "run                batch  tokens  checkpointing   predicted    measured   ratio   tokens/s"


def line(row: Row) -> str:
    case = row.case
    checkpointing = "yes" if case.checkpointing else "no"
    shape = f"{case.name:<17} {case.batch} x {case.accumulation}  {case.length:>6}  {checkpointing:<13}"
    if row.predicted_peak is None or row.measured_peak is None:
        return f"{shape}  failed: {row.failure}"
    figures = f"{row.predicted_peak / GIB:>7.2f} GiB {row.measured_peak / GIB:>7.2f} GiB"
    return f"{shape} {figures} {row.ratio:>7.3f} {row.tokens_per_second:>10,}"


if __name__ == "__main__":
    main()
