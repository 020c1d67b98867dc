"""What a profile would do, as the plan child answers it: one JSON object a line, each fuller than the one before."""

from msgspec import Struct

from core.data.example import RowsRead
from core.data.template import TextMade
from core.engine.fit import Verdict
from core.engine.memory import Memory
from core.model.shape import ModelShape
from core.profile.train_settings import Precision
from core.protocol import command

PLAN = command("core.plan")


class TokensPlan(Struct, frozen=True, kw_only=True):
    """The tokens of all epochs, padding left out, and what is cut; rows of both sides of the split."""

    effective: int
    evaluated: int
    """Of one evaluation."""
    longest: int
    rows_over: int
    response_b_lost: int
    rows: int


class ProcessorPlan(Struct, frozen=True, kw_only=True):
    """The same run without a card: bytes of the machine's memory at the peak by part, and free for this process."""

    precision: Precision
    parts: Memory
    free: int
    verdict: Verdict
    processes: int = 1
    """Ranks, each of which takes as much."""


class MemoryPlan(Struct, frozen=True, kw_only=True):
    """The predicted peak of GPU memory, in bytes; without a card that of one that computes bfloat16."""

    shape: ModelShape
    precision: Precision
    is_packed: bool = False
    engine_reason: str = ""
    """Why not the packed engine, or how it spends memory."""
    parts: Memory
    factor: float
    """What past runs here took, by what was predicted for them."""
    peak: int
    """The parts' total times the factor."""
    basis: str
    card: str | None
    free: int | None
    verdict: Verdict | None
    """None without a card."""
    change: list[str] | None
    """The smallest change of settings that fits, as overrides; None where none is needed, or none is enough."""
    processor: ProcessorPlan | None = None
    """Where there is no card, which all the others are about."""


class RanksPlan(Struct, frozen=True, kw_only=True):
    """Several ranks, each on a card of its own, or all on the processor."""

    count: int
    nodes: int
    """Machines, each with as many of them."""
    device: str
    """What each computes on."""
    examples: list[int]
    """Of a step, for each rank, where all rows are as long; 0 for those that have nothing to do."""
    balance: float
    """The part of the time that they compute rather than wait for the rank that has the most to do."""
    gradients: int | None = None
    """Bytes that all of them sum up in each step; None on a processor, and where the model's shape is not known."""
    exchange: float | None = None
    """Seconds that this takes in each step, at `link` bytes a second."""
    link: float

    @property
    def idle(self) -> int:
        """Ranks without an example in any step."""
        return self.examples.count(0)


class TimePlan(Struct, frozen=True, kw_only=True):
    """Seconds, from the throughput of a run of the same kind on this machine."""

    tokens_per_second: float
    training: float
    evaluation: float
    basis: str

    @property
    def seconds(self) -> float:
        return self.training + self.evaluation


class DiskPlan(Struct, frozen=True, kw_only=True):
    """Bytes: one checkpoint, all that a run leaves behind at most, and what is free."""

    checkpoint: int
    needed: int
    free: int


class Plan(Struct, frozen=True, kw_only=True):
    """The answer so far; None means not known, or not yet. `problem` says what stands in the way of a run."""

    global_batch: int
    read: list[RowsRead] = []
    text: TextMade | None = None
    leaks: int = 0
    """Rows of data.train whose prompt a row of data.eval has too."""
    taught: int | None = None
    """Rows to train on that a teacher tells of; None without teachers."""
    rows_train: int | None = None
    rows_eval: int | None = None
    steps: int | None = None
    tokens: TokensPlan | None = None
    ranks: RanksPlan | None = None
    """None where there is but one."""
    memory: MemoryPlan | None = None
    time: TimePlan | None = None
    disk: DiskPlan | None = None
    adapters: int | None = None
    """Projections with an adapter, in all layers."""
    adapted: list[str] = []
    """Names of these projections, each once."""
    head: str = ""
    """What becomes of the head that the checkpoint may hold, in words."""
    trainable_parameters: int | None = None
    total_parameters: int | None = None
    doing: str = ""
    """What is waited for; empty once all is known."""
    problem: str | None = None
