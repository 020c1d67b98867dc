"""What the record of a run says: typed events. How they are written and read is told in record.py."""

import time
from typing import Literal

import msgspec
from msgspec import Struct

from core.outcomes import A_B_TIE, OutcomesName
from core.profile.load import Change
from core.profile.train_settings import EngineName, Precision
from core.runs.average import Average
from core.runs.figures import Amount, Count, ExitCode, Figure, Gain, RankReading, RowsDigest, Share, Time

VERSION = 1

PhaseName = Literal["loading", "tokenizing", "training", "evaluating", "scoring", "saving"]


class Event(Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower, gc=False):
    """What all events have: `time` in seconds since 1970, `v` the version of the format.

    They hold no cycles, so the garbage collector need not look at a hundred thousand of them again and again.

    A figure that is not a finite number is null: JSON has neither NaN nor infinity. What lies out of the bounds given
    here is no event: a line of it is passed over.
    """

    time: Time = msgspec.field(default_factory=time.time)
    v: Count = VERSION


class Device(Struct, frozen=True, kw_only=True):
    """What computes. `memory` is the card's, or the machine's where `kind` is cpu, in bytes."""

    kind: Literal["cuda", "cpu"]
    name: str
    memory: Count


class Started(Event, frozen=True, kw_only=True):
    """What will run, once all of it is known: data read, model loaded, adapters in place."""

    rows_train: Count
    rows_eval: Count
    rows_cut: Count
    tokens_train: Count
    steps: Count
    global_batch: Count
    trainable_parameters: Count
    total_parameters: Count
    adapted: list[str] = []
    """Names of the projections that have an adapter; empty in older records."""
    precision: Precision
    device: Device
    ranks: list[Device] = []
    """What each rank computes on, in their order, `device` the first; empty where there is but one."""
    longest: Count | None = None
    """Tokens of the longest row, of both sides of the split."""
    prior_log_loss: Figure | None
    """Log loss on the evaluation rows of always answering the class shares of the training rows; None without them."""
    engine: EngineName = "padded"
    engine_reason: str = ""
    """Why not the packed one; or how it spends memory."""
    format: str = ""
    """What the rows were taken for; "" in older records, as of the next two."""
    outcomes: OutcomesName = A_B_TIE.name
    outcomes_reason: str = ""
    average: Average | None = None
    """Of a run that is made of others, and has no steps."""
    digest_train: RowsDigest | None = None
    digest_eval: RowsDigest | None = None
    """Of the rows on both sides of the split; None in older records."""
    digest_base: dict[str, str] = {}
    """Of config.json and the weights of the base, by file; empty in older records."""
    commit_base: str = ""
    """Of a base of the hub, as owner/name@commit; "" for any other, and in older records."""
    slurm: dict[str, str] = {}
    """What Slurm tells of the job, by variable; empty outside of one."""


class Phase(Event, frozen=True, kw_only=True):
    """What the child is doing, and how far it is where that can be known. Also its heartbeat."""

    phase: PhaseName
    done: Count | None = None
    total: Count | None = None
    unit: str = ""
    """What `done` and `total` count."""
    detail: str = ""
    """What exactly is being done, where the phase's name does not say it."""


class Step(Event, frozen=True, kw_only=True):
    """Means and readings since the last such event. Memory is in bytes.

    On a CPU, allocated and reserved are the process's resident memory. Of several ranks, memory is the first's.
    """

    step: Count
    epoch: Amount
    loss: Figure | None
    learning_rate: Figure | None
    grad_norm: Figure | None
    tokens: Count
    """Tokens trained on so far, padding left out."""
    tokens_per_second: Amount
    memory_allocated: Count
    memory_reserved: Count
    memory_peak: Count
    ranks: list[RankReading] = []
    """Of each rank, in their order; empty where there is but one."""


class Evaluated(Event, frozen=True, kw_only=True):
    step: Count
    epoch: Amount
    log_loss: Figure | None
    accuracy: Share
    rows: Count
    seconds: Amount
    gain: Gain | None = None
    """None for the first of a run, and in older records."""


class Checkpoint(Event, frozen=True, kw_only=True):
    step: Count
    folder: str
    """Relative to the run folder."""


class Warning(Event, frozen=True, kw_only=True):
    message: str


class Stopping(Event, frozen=True, kw_only=True):
    """The child has heard a request to stop."""

    signal: str


class Resumed(Event, frozen=True, kw_only=True):
    """A new process goes on after `step`; what the record says of later steps is trained again."""

    step: Count
    checkpoint: str | None
    """Relative to the run folder; None where the run begins anew."""
    skipped: list[str] = []
    """Why newer checkpoints were passed over."""


class Predicting(Event, frozen=True, kw_only=True, tag="scoring"):
    """What a prediction will do. A row counts once for each run and each order of its answers."""

    runs: list[str]
    rows: Count
    """Rows of the file."""
    rows_total: Count
    rows_kept: Count
    """Those that were done before, by a process that was stopped."""
    rows_cut: Count
    tokens_total: Count
    swapped: bool
    workers: Count
    precision: str
    engine: EngineName
    device: Device
    outcomes: OutcomesName = A_B_TIE.name


class PredictionProgress(Event, frozen=True, kw_only=True, tag="scored"):
    """How far a prediction is, those kept included. Rates are this process's; memory in bytes, the most of a worker."""

    rows: Count
    tokens: Count
    rows_per_second: Amount
    tokens_per_second: Amount
    memory_allocated: Count
    memory_reserved: Count
    memory_peak: Count


class Predicted(Event, frozen=True, kw_only=True):
    """A prediction is complete. Both figures are None where the rows have no labels."""

    submission: str
    rows: Count
    log_loss: Figure | None
    accuracy: Share | None


class Finished(Event, frozen=True, kw_only=True):
    """Both figures are None where nothing was evaluated, the log loss alone where it was not a finite number."""

    log_loss: Figure | None
    accuracy: Share | None


class Cancelled(Event, frozen=True, kw_only=True):
    signal: str
    step: Count
    kept: str | None
    """The newest checkpoint, relative to the run folder; None if nothing was kept."""
    adapter: str | None = None
    """The folder of the adapter after the last finished step, relative to the run folder; None if not written."""
    is_asked: bool | None = None
    """Whether the user has asked for it, by the console or a command; None in older records."""
    job: str = ""
    """The Slurm job that was stopped; "" outside of one."""


class Failed(Event, frozen=True, kw_only=True):
    cause: str
    advice: str
    exit_code: ExitCode
    changes: list[Change] = []
    """The settings that may mend it, from their values in this run to those proposed."""
    kept: str | None = None
    """The newest intact checkpoint, relative to the run folder; "" if there is none, None in older records."""


AnyEvent = (
    Started
    | Phase
    | Step
    | Evaluated
    | Checkpoint
    | Warning
    | Stopping
    | Resumed
    | Predicting
    | PredictionProgress
    | Predicted
    | Finished
    | Cancelled
    | Failed
)

Last = Finished | Predicted | Cancelled | Failed
"""What ends the record of a run or a prediction, unless it is resumed."""
