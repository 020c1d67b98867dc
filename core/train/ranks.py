"""What the ranks of a run do together: they divide each step, sum what they found, and see that they stay equal."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Self, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from core.engine import device
from core.engine.shares import cost, shares
from core.runs.events import Device
from core.runs.figures import RankReading
from core.runs.stop_request import StopRequest
from core.runs.stopping import SAVE
from core.train.exchange import Drifted, Exchange
from core.train.pulse import Pulse

Row = TypeVar("Row")
Value = TypeVar("Value")


class Ranks:
    """Which of a run's ranks this process is, by `number` from 0 of `count`. A single one exchanges nothing.

    All of them have to come to each method that exchanges something, in the same order.
    """

    def __init__(
        self, number: int = 0, count: int = 1, pulse: Pulse | None = None, stop: StopRequest | None = None
    ) -> None:
        """`pulse` and `stop` are of no use to a single one."""
        self.number, self.count = number, count
        self._pulse, self._stop = pulse, stop
        self._is_first_here = os.environ.get("LOCAL_RANK", "0") == "0"
        self._is_stopping = False
        self._exchange: Exchange | None = None
        self._own_tokens = self._all_tokens = 0
        self._read_at = time.monotonic()

    @classmethod
    def joined(cls, number: int, count: int, pulse: Pulse, stop: StopRequest) -> Self:
        """As one of those that torchrun's agent has started; returns once all are there."""
        # Kernels are compiled, models loaded and checkpoints saved between two exchanges.
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=timedelta(hours=2))
        return cls(number, count, pulse, stop)

    @contextmanager
    def first_here_goes_first(self) -> Iterator[None]:
        """Within it are the others of this machine only once its first rank is through: for what is made once, and
        found there then."""
        if self.count > 1 and not self._is_first_here:
            dist.barrier()
        yield
        if self.count > 1 and self._is_first_here:
            dist.barrier()

    def leave(self) -> None:
        """At the end of all work, when nothing is exchanged any more."""
        if self._pulse:
            self._pulse.ends()

    @property
    def is_first(self) -> bool:
        """Whether this is the rank that writes: record, checkpoints and adapter are its affair alone."""
        return self.number == 0

    @property
    def all_stop(self) -> bool:
        """Whether all ranks have seen that the run is to stop."""
        return self._is_stopping

    def beat(self) -> None:
        """Say that this rank gets on."""
        if self._pulse and self._exchange:  # the first step has kernels to compile, and may take as long as it likes
            self._pulse.computes()

    def rest(self) -> None:
        """Say that what comes now may take as long as it likes."""
        if self._pulse:
            self._pulse.rests()

    def part(self, rows: Sequence[Row], tokens: Sequence[Sequence[int]]) -> list[Row]:
        """This rank's part of a step, so that all have as much to compute; none where there are fewer rows than ranks.

        Every rank is given the whole step. `tokens` of a row are those of each sequence that it is computed as.
        """
        if self.count == 1:
            return list(rows)
        chosen = shares([sum(map(cost, lengths)) for lengths in tokens], self.count)[self.number]
        self._own_tokens += sum(sum(tokens[index]) for index in chosen)
        self._all_tokens += sum(map(sum, tokens))
        return [rows[index] for index in chosen]

    def part_of_batches(self, batches: Sequence[list[int]], lengths: Sequence[int]) -> list[list[int]]:
        """This rank's part of the batches of an evaluation, each of indices into `lengths`, which are in tokens."""
        if self.count == 1:
            return list(batches)
        costs = [sum(cost(lengths[row]) for row in batch) for batch in batches]
        return [batches[index] for index in shares(costs, self.count)[self.number]]

    def sum_gradients(self, parameters: Sequence[torch.nn.Parameter], loss: Tensor) -> Tensor:
        """Sums the gradients of `parameters` over all ranks, in place, and `loss`, (), which it returns.

        Raises Drifted where the parameters are not equal on all ranks.
        """
        if self.count == 1:
            return loss
        if self._exchange is None:
            self._exchange = Exchange(parameters, self.number, self.count)
        if self._pulse:
            self._pulse.waits()
        loss, self._is_stopping = self._exchange(
            loss, told_to_stop=self._stop is not None and self._stop.signal is not None
        )
        return loss

    def is_stopping(self, stop: StopRequest) -> bool:
        """Whether the run is to stop at the end of this step, which all ranks have to see alike."""
        if self.count == 1:
            return stop.signal is not None
        if self._is_stopping and stop.signal is None:  # heard by the first rank
            stop.signal = SAVE
        return self._is_stopping

    def whole(self, part: Tensor | None, places: Sequence[int], shape: tuple[int, int]) -> Tensor:
        """What all ranks have of a table of `shape`, float32 on the processor: `part` is this rank's rows at `places`,
        None where it has none."""
        whole = torch.zeros(shape, device=device.place())
        if part is not None:
            whole[list(places)] = part.to(whole)
        if self.count > 1:
            self.rest()
            dist.all_reduce(whole)  # where others have a row, this rank has zeros
        return whole.cpu()

    def least(self, value: int | None) -> int | None:
        """The smallest `value` of all ranks; None where there is none."""
        if self.count == 1 or value is None:
            return value
        least = torch.tensor(value, dtype=torch.int64, device=device.place())
        dist.all_reduce(least, dist.ReduceOp.MIN)
        return int(least.item())

    def each(self, value: Value) -> list[Value]:
        """The `value` of each rank."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        dist.all_gather_object(values, value)
        return values

    def demand_same(self, what: str, value: object) -> None:
        """Raises Drifted where the ranks have found other values of `what`."""
        values = self.each(value)
        if others := [rank for rank, other in enumerate(values) if other != values[0]]:
            raise Drifted(f"rank {others[0]} has found other {what} than rank 0")

    def readings(self, tokens_per_second: float) -> list[RankReading]:
        """What each rank did since the last call; none of a single one. `tokens_per_second` are those of the run."""
        if self._exchange is None:
            return []
        now = time.monotonic()
        waited = self._exchange.waited() / max(now - self._read_at, 1e-9)
        share = self._own_tokens / max(self._all_tokens, 1)
        self._read_at, self._own_tokens, self._all_tokens = now, 0, 0
        allocated, reserved, peak = device.memory()
        return self.each(
            RankReading(
                tokens_per_second=tokens_per_second * share,
                waited=min(waited, 1.0),
                memory_allocated=allocated,
                memory_reserved=reserved,
                memory_peak=peak,
            )
        )

    def devices(self, own: Device) -> list[Device]:
        """What each rank computes on; none of a single one."""
        return [] if self.count == 1 else self.each(own)
