"""One pass over all rows: workers predict what is missing of one run in one order, and their answers are kept."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from core.data.chat import template_of
from core.data.example import Example, swapped
from core.data.split import id_key
from core.data.tokenizer import PromptTokenizer, fingerprint
from core.data.tokens import Encoded, encode_all
from core.outcomes import Outcomes
from core.predict.errors import PredictionError
from core.predict.folder import PredictionFolder, pass_name
from core.predict.protocol import Answer, NoRoom, Ready
from core.predict.request import ADAPTER_WEIGHTS, Request
from core.predict.store import LogitStore, Progress
from core.predict.workers import TaskQueue, Worker, WorkerPool
from core.profile.settings import Profile
from core.runs.access import open_for_reading
from core.runs.events import Warning
from core.runs.record import Record


class Batch(Struct, frozen=True):
    """Rows to be computed at once, by their numbers in the file; `tokens` are counted without padding."""

    rows: list[int]
    tokens: int


def batches(lengths: Sequence[int], rows: Sequence[int], most_tokens: int) -> list[Batch]:
    """`rows` in batches of at most `most_tokens` with their padding, the longest first, so that memory fails early.

    A row that is longer than that is a batch of its own.
    """
    longest_first = sorted(rows, key=lambda row: (-lengths[row], row))
    made = []
    while longest_first:
        count = max(1, most_tokens // lengths[longest_first[0]])
        taken, longest_first = longest_first[:count], longest_first[count:]
        made.append(Batch(taken, sum(lengths[row] for row in taken)))
    return made


class Pass:
    """`rows` are in the order of the file, in tokens; the logits kept are those of the order they were shown in."""

    def __init__(
        self, name: str, rows: Sequence[Encoded], outcomes: Outcomes, is_swapped: bool, scores: Path, digest: str
    ) -> None:
        self.name = name
        self.rows = rows
        self.outcomes = outcomes
        self.is_swapped = is_swapped
        self.lengths = [len(row.ids) for row in rows]
        # What was kept is found again by all that it depends on: other rows or another adapter begin anew.
        self.kept = LogitStore(scores / f"{name}-{digest}", len(rows), len(outcomes))

    def batches(self, most_tokens: int) -> list[Batch]:
        """What is still to be predicted."""
        return batches(self.lengths, self.kept.missing, most_tokens)

    def ids(self, batch: Batch) -> list[list[int]]:
        return [self.rows[row].ids.tolist() for row in batch.rows]

    @property
    def tokens(self) -> int:
        return sum(self.lengths)

    @property
    def logits(self) -> NDArray[np.float32]:
        """All that is kept, (rows, outcomes), in the columns of their own outcomes whatever the order."""
        return self.outcomes.unswapped(self.kept.logits) if self.is_swapped else self.kept.logits


def make_passes(
    folder: PredictionFolder, request: Request, examples: Sequence[Example], record: Record
) -> list[list[Pass]]:
    """The passes of each member: the rows as they are, and with A and B swapped if that is asked for or the answers are
    read apart: the first pass reads A then, and the second B.

    The two orders share no keys and values of the prompt: in the first 100 rows of the Kaggle file what they begin
    with alike, BOS and tags counted, is 8.5 % of all their tokens at a limit of 1,024 and 8.0 % at 2,048, and no more
    than that could be saved.
    """
    encoded: dict[object, list[Encoded]] = {}  # runs with the same tokenizer, limit and strategy read the same
    made, outcomes = [], request.read_outcomes()
    for number, member in enumerate(request.members):
        profile, adapter = request.profile_of(member), Path(member.adapter)
        of_member = []
        for is_swapped in (False, True) if request.swap or profile.reads_apart else (False,):
            key = (fingerprint(adapter), profile.tokens, profile.model.head, is_swapped)
            if key not in encoded:
                shown = [swapped(example) for example in examples] if is_swapped else examples
                unit = "rows, A and B swapped" if is_swapped else "rows"
                tokenizer = PromptTokenizer(adapter)
                template = template_of(profile, tokenizer)
                encoded[key] = encode_all(shown, tokenizer, template, profile, record, unit)
            rows = encoded[key]
            name = pass_name(number, is_swapped=is_swapped)
            known_by = digest(rows, profile, adapter, request.merge)
            of_member.append(Pass(name, rows, outcomes, is_swapped, folder.scores, known_by))
        made.append(of_member)
    return made


def rows_cut(request: Request, by_member: Sequence[Sequence[Pass]]) -> int:
    """Rows of which the first run is not shown everything, as they are written or, read apart, in either sequence."""
    shown = by_member[0] if request.profile_of(request.members[0]).reads_apart else by_member[0][:1]
    return sum(any(row.is_cut for row in of_row) for of_row in zip(*(one.rows for one in shown), strict=True))


def digest(rows: Sequence[Encoded], profile: Profile, adapter: Path, merge: bool) -> str:
    """Of all that the logits of a pass depend on: ids and tokens of its rows, the model's settings, the adapter."""
    found = hashlib.blake2b(digest_size=12)
    with open_for_reading(adapter / ADAPTER_WEIGHTS) as weights:
        while chunk := weights.read(1 << 20):
            found.update(chunk)
    found.update(msgspec.json.encode((profile.model, profile.lora, profile.train.precision, merge)))
    for row in rows:
        found.update(id_key(row.example.id).to_bytes(8, signed=True))
        found.update(len(row.ids).to_bytes(4))
        found.update(row.ids.tobytes())
    return found.hexdigest()


POLL_SECONDS = 0.2

Task = tuple[Pass, Batch]


def run_passes(
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
    that less is computed at once. Raises PredictionError where no worker is left, where a row does not fit in memory,
    and where a logit is no finite number.
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
    lost: list[PredictionError] = []
    with WorkerPool(workers, TaskQueue(tasks), lambda task: task[0].ids(task[1]), begin, keep) as pool:
        is_at_work = True
        while is_at_work:
            is_at_work = pool.wait(POLL_SECONDS)
            while not pool.lost.empty():
                lost.append(pool.lost.get())
                if left := len(workers) - len(lost):
                    others = "the others" if left > 1 else "the other one"
                    record.write(Warning(message=f"{lost[-1].cause.rstrip('.')}; its rows are done by {others}"))
            while not smaller.empty():
                if (now := smaller.get()) < at_once:
                    record.write(Warning(message=_less_at_once(run, at_once, now)))
                    at_once = now
            if not pool.failed.empty():
                raise pool.failed.get()
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
        f"memory ran out with {before:,} tokens at once: {run} continues with {now:,} at a time; --batch-tokens {now} "
        "does so from the start"
    )


def _no_room(one: Pass, row: int, why: str) -> PredictionError:
    return PredictionError(
        f"the row with id {one.rows[row].example.id}, {one.lengths[row]:,} tokens, does not fit in memory even by "
        f"itself: {why.rstrip('.')}",
        "A lower --max-length cuts it. Or free memory: scored rows are kept, and the same command resumes.",
    )


def _demand_finite(one: Pass, batch: Batch, logits: NDArray[np.float32], run: str) -> None:
    broken = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if len(broken):
        id = one.rows[batch.rows[broken[0]]].example.id
        raise PredictionError(
            f"{run} gives the row with id {id} non-finite logits, {len(broken)} of the {len(batch.rows)} rows of its "
            "batch",
            "Its adapter or its base is broken, or its precision too small: fp16 overflows where bf16 does not.",
        )
