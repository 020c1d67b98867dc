"""Starts the ranks of a run on this machine by torchrun's agent, and tells which of them failed first, and of what."""

import os
import signal
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
from msgspec import Struct

from core.libraries import importing_libraries
from core.machine.gpus import NO_GPU, only, visible
from core.runs.events import Failed, Last
from core.runs.folder import RunFolder
from core.runs.protocol import RANK, RESUME, TRAIN
from core.runs.record import Tail
from core.runs.stop_request import StopRequest
from core.train.first_failure import first_failure, forget, heard, tell, told
from core.train.rank import NOTES_VARIABLE
from core.train.watch import HUNG_SECONDS, RanksWatch, ranks

SHUTDOWN_SECONDS = "5"
"""What the agent gives the others to end once one has failed."""
NOBODYS_SIGNAL = "SIGRTMAX"
"""The agent ends all ranks at any signal that it is told to handle. Those that a run heeds are for rank 0."""


class RankFailed(Exception):
    """A rank has failed, and `failed` is what the record is to say of it."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.cause)
        self.failed = failed


class Nodes(Struct, frozen=True):
    """The machines of a run, and which of them this is. They meet at `meeting`, host:port; "" for one alone."""

    count: int = 1
    number: int = 0
    meeting: str = ""


def run_ranks(
    folder: RunFolder, stop: StopRequest, *, is_resumed: bool, cards: Sequence[str], count: int, nodes: Nodes
) -> Last | None:
    """Run `count` ranks here, on `cards`, one each, or on the processor where there are none, until all have ended.

    Returns the last event, if rank 0 has written it. Raises RankFailed, Stopped before there are ranks.
    """
    seen = len(Tail(folder.events).read())
    with stop.deferred(), importing_libraries():
        from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
        from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
        from torch.distributed.launcher.api import LaunchConfig, elastic_launch

        from core.engine.device import demand_found
    if not cards:
        demand_found(visible())
    if nodes.number == 0:
        forget(folder, nodes.count)
    os.environ.update(only(",".join(cards) if cards else NO_GPU))
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, len(os.sched_getaffinity(0)) // count)))
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", SHUTDOWN_SECONDS)
    with tempfile.TemporaryDirectory(prefix="arena-tui-ranks-") as notes:
        os.environ[NOTES_VARIABLE] = notes
        config = LaunchConfig(
            min_nodes=nodes.count,
            max_nodes=nodes.count,
            nproc_per_node=count,
            run_id=folder.id,
            rdzv_backend="c10d",
            rdzv_endpoint=nodes.meeting or "localhost:0",
            rdzv_configs={"is_host": nodes.number == 0},
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(log_dir=notes),
            signals_to_handle=NOBODYS_SIGNAL,
        )
        arguments = [*TRAIN[1:], RANK, *([RESUME] if is_resumed else []), str(folder.path)]
        watch = RanksWatch(
            Path(notes), HUNG_SECONDS, lambda: told(folder, nodes.count) is not None, are_all=nodes.count == 1
        )
        stop.heed()
        try:
            with watch, stop.handed_on(to_rank_0):
                elastic_launch(config, TRAIN[0])(*arguments)
        except ChildFailedError as error:
            if last := _last(folder, seen):
                return last
            if 0 in error.failures:
                stop.heed_for(error.failures[0].exitcode)
            first = first_failure(error.failures, watch, folder)
            if nodes.count > 1:
                tell(folder, nodes.number, first)
                first = heard(folder, nodes.count, first)
            raise RankFailed(first.failed) from error
    return _last(folder, seen)


def to_rank_0(number: signal.Signals) -> bool:
    """Send rank 0, which this process has started, a signal; False where there is none yet."""
    with suppress(KeyError, psutil.Error):  # it has not begun, or has just ended
        ranks()[0].send_signal(number)
        return True
    return False


def _last(folder: RunFolder, seen: int) -> Last | None:
    """The last event of the run, written since its first `seen` events were."""
    new = Tail(folder.events).read()[seen:]
    return new[-1] if new and isinstance(new[-1], Last) else None
