"""Has workers score what is missing of one run, and keeps what they answer. Knows no file of rows and no average."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from core.runs.events import Warning
from core.runs.record import Record
from core.score.batches import Batch
from core.score.crew import Crew, Worker
from core.score.deal import Deal
from core.score.errors import ScoringError
from core.score.folder import PredictionFolder
from core.score.messages import Answer, NoRoom, Ready
from core.score.passes import Pass
from core.score.progress import Progress
from core.score.request import Request

POLL_SECONDS = 0.2

Task = tuple[Pass, Batch]


def score(
    folder: PredictionFolder,
    request: Request,
    member: int,
    passes: Sequence[Pass],
    record: Record,
    progress: Progress,
    begin: Callable[[Ready], None],
) -> None:
    """All that is missing of the passes of one member; `begin` is called as each worker is ready.

    A worker that ends is told in the record, and its batch is done by the others; so is it that memory ran out, and
    that less is computed at once. Raises ScoringError where no worker is left, where a row does not fit in memory, and
    where a logit is no finite number.
    """
    tasks = [(one, batch) for one in passes for batch in one.batches(request.batch_tokens)]
    tasks.sort(key=lambda task: task[1].tokens, reverse=True)

    run = Path(request.members[member].run).name
    at_once, smaller = request.batch_tokens, SimpleQueue[int]()

    def keep(task: Task, answer: Answer | NoRoom) -> None:
        one, batch = task
        if isinstance(answer, NoRoom):
            raise _no_room(one, batch.rows[answer.row], answer.why)
        if answer.most_tokens < request.batch_tokens:
            smaller.put(answer.most_tokens)
        logits = np.array(answer.logits, dtype=np.float32)  # None becomes NaN
        _demand_finite(one, batch, logits, run)
        one.kept.add(batch.rows, logits)
        progress.add(len(batch.rows), batch.tokens, answer.memory)

    workers = _start(folder, request, member)
    lost: list[ScoringError] = []
    with Crew(workers, Deal(tasks), lambda task: task[0].ids(task[1]), begin, keep) as crew:
        is_at_work = True
        while is_at_work:
            is_at_work = crew.wait(POLL_SECONDS)
            while not crew.lost.empty():
                lost.append(crew.lost.get())
                if left := len(workers) - len(lost):
                    others = "the others" if left > 1 else "the other one"
                    record.write(Warning(message=f"{lost[-1].cause.rstrip('.')}; its rows are done by {others}"))
            while not smaller.empty():
                if (now := smaller.get()) < at_once:
                    record.write(Warning(message=_less_at_once(run, at_once, now)))
                    at_once = now
            if not crew.failed.empty():
                raise crew.failed.get()
            progress.tell(at_once=not is_at_work)
    if any(one.kept.missing for one in passes):
        raise lost[-1]


def _start(folder: PredictionFolder, request: Request, member: int) -> list[Worker]:
    """A worker for each card that is named, or so many as are asked for, which share the processor's cores."""
    if request.gpus:
        return [Worker(folder.path, member, card, f"the worker on GPU {card}") for card in request.gpus]
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // request.workers)))
    return [Worker(folder.path, member, None, f"worker {number + 1}") for number in range(request.workers)]


def _less_at_once(run: str, before: int, now: int) -> str:
    return (
        f"memory ran out with {before:,} tokens at once: {run} is scored {now:,} at a time from here on, "
        f"as --batch-tokens {now} does from the start"
    )


def _no_room(one: Pass, row: int, why: str) -> ScoringError:
    return ScoringError(
        f"the row with id {one.rows[row].example.id}, {one.lengths[row]:,} tokens, does not fit in memory even by "
        f"itself: {why.rstrip('.')}",
        "A lower --max-length cuts it. Or free memory: what is scored already is kept, and the same command goes on.",
    )


def _demand_finite(
    one: Pass, batch: Batch, logits: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]", run: str
) -> None:
    broken = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if len(broken):
        id = one.rows[batch.rows[broken[0]]].example.id
        raise ScoringError(
            f"{run} gives the row with id {id} logits that are no finite numbers, {len(broken)} of the "
            f"{len(batch.rows)} rows of its batch",
            "Its adapter or its base is broken, or its precision too small: fp16 overflows where bf16 does not.",
        )
