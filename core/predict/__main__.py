"""A prediction, read straight down: `python -P -m core.predict PREDICTION_DIR` answers what its request.json asks.

It reads and tokenizes the rows, hands batches to its workers, keeps their logits, and averages at the end; it loads
no model itself. Started anew in the same folder it goes on with what is missing.
"""

import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from core.data.example import UNLABELLED
from core.files import written
from core.predict.errors import last_event, unchecked
from core.predict.folder import PredictionFolder, save_summary
from core.predict.request import DEMO, Request
from core.runs.access import open_for_reading, remove_tree
from core.runs.ending import to_its_end
from core.runs.events import Predicted, Predicting, Resumed, Warning
from core.runs.folder import RunFolder
from core.runs.lock import locked
from core.runs.log import begin_log
from core.runs.notify import notify
from core.runs.process import describe_this_process
from core.runs.protocol import OTHER_AT_WORK
from core.runs.record import Record, Tail
from core.runs.seal import has_checksums
from core.runs.stop_request import StopRequest
from core.runs.trash import kept_in_place

if TYPE_CHECKING:
    from core.data.example import Example
    from core.predict.passes import Pass
    from core.predict.protocol import Ready
    from core.predict.store import Progress


def main(arguments: Sequence[str]) -> int:
    """Predict, and return the exit code: 0, 1, 2, 75 where another process is at work on it, or 128 + a signal."""
    folder = PredictionFolder(Path(arguments[-1]))
    with locked(folder.lock) as is_ours:
        if not is_ours:
            return OTHER_AT_WORK
        exit_code = run(folder)
    notify(folder)
    return exit_code


def run(folder: PredictionFolder) -> int:
    """Write the record from this process's first event to its last, and return the exit code."""
    begin_log()
    was_begun = bool(Tail(folder.events).read())
    with Record(folder.events) as record:
        if was_begun:
            record.write(Resumed(step=0, checkpoint=folder.scores.name))
        record.takes_request()  # one that the process before has not lived to hear
        stop = StopRequest(record, last_act=partial(notify, folder))

        def begin() -> None:
            folder.write_info(describe_this_process([sys.executable, *sys.orig_argv[1:]]))

        def work() -> int:
            request = folder.read_request()
            if was_begun and (end := folder.due_end()):  # killed before its last event alone was written
                stop.close()
                if request.output:
                    with open_for_reading(folder.submission) as answer, written(Path(request.output)) as output:
                        shutil.copyfileobj(answer, output)
                record.write(replace(end, submission=request.output or str(folder.submission)))
                return 0
            with ExitStack() as runs:
                for member in request.members:
                    runs.enter_context(kept_in_place(RunFolder(Path(member.run))))
                predict(folder, request, record, stop)
            return 0

        return to_its_end(record, stop, begin, work, last_event)


def predict(folder: PredictionFolder, request: Request, record: Record, stop: StopRequest) -> None:
    """From rows to a submission. Raises what went wrong, or Stopped after a signal."""
    began = time.monotonic()

    from core.data.rows import read_comparisons
    from core.demo import assets
    from core.predict.passes import make_passes
    from core.predict.results import answer, save_answers, summarize
    from core.predict.submission import form_of

    stop.heed()  # libraries drop what a signal raises while they are loaded
    if request.test == DEMO and not assets.is_made():
        record.begin("loading", assets.MAKING)
        assets.demo_folder(lambda done, total: record.write(assets.making(done, total)))
    record.begin("loading", "reading the rows")
    source = str(assets.demo_folder() / "test.csv") if request.test == DEMO else request.test
    outcomes = request.read_outcomes()
    form = form_of(request.sample, outcomes)
    examples = read_comparisons(source, request.read_data(), outcomes.name)
    if note := figures_leave_out(examples):
        record.write(Warning(message=note))
    for member in request.members:
        if not has_checksums(Path(member.adapter)):
            record.write(Warning(message=unchecked(Path(member.adapter))))
    by_member = make_passes(folder, request, examples, record)
    passes = [one for of_member in by_member for one in of_member]
    stop.checkpoint = folder.scores.name
    progress = predict_missing(folder, request, by_member, record, stop)

    stop.close()  # what remains is done in seconds
    record.begin("saving", "saving the predictions")
    answers = answer(request, examples, by_member)
    save_answers(folder, request, form, examples, passes, answers)
    # Told by an earlier process where all logits were there already.
    told = next((event for event in reversed(Tail(folder.events).read()) if isinstance(event, Predicting)), None)
    seconds = time.monotonic() - began
    summary = summarize(
        folder, request, examples, by_member, answers, told, seconds=seconds, memory_peak=progress.memory[2]
    )
    save_summary(folder, summary)
    remove_tree(folder.scores)  # the table holds them all
    record.write(
        Predicted(
            submission=summary.submission, rows=summary.rows, log_loss=summary.log_loss, accuracy=summary.accuracy
        )
    )


def figures_leave_out(examples: "Sequence[Example]") -> str:
    """What is to be said where some rows have a winner and others have none; else ""."""
    without = sum(example.label == UNLABELLED for example in examples)
    if without in (0, len(examples)):
        return ""
    return (
        f"{without:,} of {len(examples):,} rows have no winner that counts (a tie where there are two outcomes, or one "
        "of data.winners.drop): all are answered, and log loss and accuracy leave these out"
    )


def predict_missing(
    folder: PredictionFolder, request: Request, by_member: "list[list[Pass]]", record: Record, stop: StopRequest
) -> "Progress":
    """All logits that are not there yet, one run after the other. Returns how far it came. Raises PredictionError."""
    from core.predict.passes import rows_cut, run_passes
    from core.predict.store import Progress

    passes = [one for of_member in by_member for one in of_member]
    kept = [(one, set(range(len(one.rows))) - set(one.kept.missing)) for one in passes]
    rows_kept = sum(len(rows) for _, rows in kept)
    progress = Progress(
        record,
        rows_total=sum(len(one.rows) for one in passes),
        rows=rows_kept,
        tokens=sum(one.lengths[row] for one, rows in kept for row in rows),
    )
    has_told = False
    notes: set[str] = set()

    def begin(ready: "Ready") -> None:
        """Say what is predicted, once it is known on what."""
        nonlocal has_told
        if not has_told:
            has_told = True
            record.write(
                Predicting(
                    runs=[Path(member.run).name for member in request.members],
                    rows=len(passes[0].rows),
                    rows_total=sum(len(one.rows) for one in passes),
                    rows_kept=rows_kept,
                    rows_cut=rows_cut(request, by_member),
                    tokens_total=sum(one.tokens for one in passes),
                    swapped=request.swap,
                    workers=len(request.gpus) or request.workers,
                    precision=ready.precision,
                    engine=ready.engine,
                    device=ready.device,
                    outcomes=request.read_outcomes().name,
                )
            )
        if ready.note and ready.note not in notes:  # each worker of a run says the same
            notes.add(ready.note)
            record.write(Warning(message=ready.note))
        progress.begin()

    for number, of_member in enumerate(by_member):
        stop.heed()
        if any(one.kept.missing for one in of_member):
            of_runs = f"run {number + 1} of {len(by_member)}: " if len(by_member) > 1 else ""
            name = Path(request.members[number].run).name
            record.begin("loading", f"{of_runs}loading the model of {name}")
            run_passes(folder, request, number, of_member, record, progress, begin)
            progress.pause()
    return progress


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
