"""A prediction, read straight down: `python -P -m core.predict PREDICTION_DIR` answers what its request.json asks.

It reads and tokenizes the rows, hands batches to its workers, keeps their logits, and averages at the end; it loads
no model itself. Started anew in the same folder it goes on with what is missing.
"""

import logging
import os
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from core.files import write_output
from core.predict.errors import in_words, unchecked
from core.predict.folder import MemberSummary, PredictionFolder, Summary, save_summary
from core.predict.request import DEMO, Request
from core.runs.events import Failed, Phase, Predicted, Resumed, Scoring, Warning
from core.runs.folder import RunFolder
from core.runs.lock import locked
from core.runs.notify import notify
from core.runs.process import OTHER_AT_WORK, describe_this_process
from core.runs.record import Record, Tail
from core.runs.seal import has_checksums
from core.runs.stop_request import Stopped, StopRequest
from core.runs.trash import read

if TYPE_CHECKING:
    from core.predict.protocol import Ready


def main(arguments: Sequence[str]) -> int:
    """Predict, and return the exit code: 0, 1, 2, 75 where another process is at work on it, or 128 + a signal."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # for the workers, as in training
    folder = PredictionFolder(Path(arguments[-1]))
    with locked(folder.lock) as is_ours:
        if not is_ours:
            return OTHER_AT_WORK
        exit_code = run(folder)
    notify(folder)
    return exit_code


def run(folder: PredictionFolder) -> int:
    """Write the record from this process's first event to its last, and return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    was_begun = bool(Tail(folder.events).read())
    with Record(folder.events) as record:
        if was_begun:
            record.write(Resumed(step=0, checkpoint=folder.scores.name))
        stop = StopRequest(record, last_act=partial(notify, folder))
        try:
            folder.write_info(describe_this_process([sys.executable, *sys.orig_argv[1:]]))
            try:
                request = folder.read_request()
                if was_begun and (end := folder.due_end()):  # killed before its last event alone was written
                    stop.close()
                    if request.output:
                        write_output(Path(request.output), folder.submission.read_bytes())
                    record.write(replace(end, submission=request.output or str(folder.submission)))
                    return 0
                with ExitStack() as runs:
                    for member in request.members:
                        runs.enter_context(read(RunFolder(Path(member.run))))
                    predict(folder, request, record, stop)
            except Exception as error:
                with stop.deferred():  # told to stop meanwhile, it still says why it failed
                    logging.exception("the prediction failed")
                    why = in_words(error)
                    stop.close()
                    record.write(Failed(cause=why.cause, advice=why.advice, exit_code=why.exit_code))
                return why.exit_code
        except Stopped:
            record.write(stop.cancelled())
            return stop.exit_code
        finally:
            stop.close()
    return 0


def predict(folder: PredictionFolder, request: Request, record: Record, stop: StopRequest) -> None:
    """From rows to a submission. Raises what went wrong, or Stopped after a signal."""
    began = time.monotonic()

    from core.data.example import unswapped
    from core.data.rows import read_comparisons
    from core.demo import assets
    from core.predict import average, results
    from core.predict.average import measure
    from core.predict.progress import Progress
    from core.predict.results import write_submission
    from core.predict.scoring import make_passes, score

    stop.heed()  # libraries drop what a signal raises while they are loaded
    record.write(Phase(phase="loading", detail="reading the rows"))
    source = str(assets.demo_folder() / "test.csv") if request.test == DEMO else request.test
    examples = read_comparisons(source)
    for member in request.members:
        if not has_checksums(Path(member.adapter)):
            record.write(Warning(message=unchecked(Path(member.adapter))))
    by_member = make_passes(folder, request, examples, record)
    passes = [one for of_member in by_member for one in of_member]

    kept = [(one, set(range(len(examples))) - set(one.kept.missing)) for one in passes]
    progress = Progress(
        record,
        rows_total=len(examples) * len(passes),
        rows=sum(len(rows) for _, rows in kept),
        tokens=sum(one.lengths[row] for one, rows in kept for row in rows),
    )
    stop.checkpoint = folder.scores.name
    told: list[Scoring] = []
    notes: set[str] = set()

    def begin(ready: "Ready") -> None:
        """Say what is scored, once it is known on what."""
        if not told:
            told.append(
                Scoring(
                    runs=[Path(member.run).name for member in request.members],
                    rows=len(examples),
                    rows_total=len(examples) * len(passes),
                    rows_kept=sum(len(rows) for _, rows in kept),
                    rows_cut=sum(row.is_cut for row in passes[0].rows),
                    tokens_total=sum(one.tokens for one in passes),
                    swapped=request.swap,
                    workers=len(request.gpus) or request.workers,
                    precision=ready.precision,
                    engine=ready.engine,
                    device=ready.device,
                )
            )
            record.write(told[0])
        if ready.note and ready.note not in notes:  # each worker of a run says the same
            notes.add(ready.note)
            record.write(Warning(message=ready.note))
        progress.begin()

    for number, of_member in enumerate(by_member):
        stop.heed()
        if any(one.kept.missing for one in of_member):
            of_runs = f"run {number + 1} of {len(by_member)}: " if len(by_member) > 1 else ""
            name = Path(request.members[number].run).name
            record.write(Phase(phase="loading", detail=f"{of_runs}the model of {name}"))
            score(folder, request, number, of_member, record, progress, begin)
            progress.pause()

    stop.close()  # what remains is done in seconds
    record.write(Phase(phase="saving"))
    by_pass = [
        average.probabilities(unswapped(one.kept.logits) if one.is_swapped else one.kept.logits) for one in passes
    ]
    orders = 2 if request.swap else 1
    by_run = [average.average(by_pass[i : i + orders], [1.0] * orders) for i in range(0, len(by_pass), orders)]
    plain = average.average(by_run, [member.weight for member in request.members])
    ruled, rows_ruled = average.follow_rules(examples, plain)
    answered = ruled if request.rules else plain
    results.save_table(folder, examples, passes, answered)
    write_submission(folder.submission, [example.id for example in examples], answered.tolist())
    if request.output:
        write_submission(Path(request.output), [example.id for example in examples], answered.tolist())

    # Told by an earlier process where all was scored already.
    scoring = next((event for event in reversed(Tail(folder.events).read()) if isinstance(event, Scoring)), None)
    reached, of_runs_alone = measure(examples, answered), [measure(examples, one) for one in by_run]
    with_rules, without = measure(examples, ruled), measure(examples, plain)
    save_summary(
        folder,
        Summary(
            prediction=folder.id,
            submission=request.output or str(folder.submission),
            rows=len(examples),
            rows_cut=sum(row.is_cut for row in passes[0].rows),
            members=[
                MemberSummary(
                    run=Path(member.run).name,
                    adapter=Path(member.adapter).name,
                    weight=member.weight,
                    log_loss=alone.log_loss if alone else None,
                    accuracy=alone.accuracy if alone else None,
                )
                for member, alone in zip(request.members, of_runs_alone, strict=True)
            ],
            swap=request.swap,
            merge=request.merge,
            log_loss=reached.log_loss if reached else None,
            accuracy=reached.accuracy if reached else None,
            rows_ruled=rows_ruled,
            log_loss_with_rules=with_rules.log_loss if with_rules else None,
            log_loss_without_rules=without.log_loss if without else None,
            rules=request.rules,
            seconds=time.monotonic() - began,
            memory_peak=progress.memory[2],
            precision=scoring.precision if scoring else "",
            device=scoring.device.name if scoring else "",
        ),
    )
    shutil.rmtree(folder.scores)  # the table holds them all
    record.write(
        Predicted(
            submission=request.output or str(folder.submission),
            rows=len(examples),
            log_loss=reached.log_loss if reached else None,
            accuracy=reached.accuracy if reached else None,
        )
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
