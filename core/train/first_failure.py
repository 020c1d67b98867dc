"""Which rank of a run failed first, and of what: the others fail because of it. Ranks of several machines tell one
another by small files in the run's folder, which all of them share."""

import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from core.runs.access import delete, read_whole, write_whole
from core.runs.events import Failed
from core.runs.folder import RunFolder
from core.runs.process import killed_for_memory
from core.train.rank import log_of
from core.train.watch import RanksWatch

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure


HEAR_SECONDS = 10.0
"""So long a machine waits for the word of the one whose rank has failed, where its own only lost the connection."""
LOST = ("gloo", "nccl", "store", "connection")
"""What torch names in the error of a rank that another does not answer any more."""


class First(Struct, frozen=True):
    """Of the ranks of one machine. `follows` tells that another machine's must have failed before."""

    failed: Failed
    follows: bool


def first_failure(failures: "Mapping[int, ProcessFailure]", watch: RanksWatch, folder: RunFolder) -> First:
    """Of the `failures` of this machine's ranks as torchrun's agent tells them, and of those that `watch` has ended."""
    for rank, seconds in watch.hung.items():
        cause = f"rank {rank} made no progress for {seconds:.0f} s, and was ended"
        return First(_failed(cause, f"The end of {log_of(rank)} may say where it was."), follows=False)
    found = []
    for rank, failure in failures.items():
        if "failed" in (data := failure.error_file_data):
            failed = msgspec.convert(data["failed"], Failed)
            failed = replace(failed, time=float(data["at"]), cause=f"rank {rank}: {failed.cause}")
            found.append(First(failed, _follows(data)))
            continue
        how = f"ended with exit code {failure.exitcode}"
        if failure.exitcode < 0:
            because = " because memory ran out" if killed_for_memory(folder) else ""
            how = f"was killed by {signal.Signals(-failure.exitcode).name}{because}"
        failed = _failed(f"rank {rank} {how}", f"The end of {log_of(rank)} may say why.")
        # Nobody has told when: before those that it kept waiting.
        found.append(First(replace(failed, time=0.0), rank in watch.ended))
    first = earliest(found)
    return replace(first, failed=replace(first.failed, time=first.failed.time or time.time()))


def earliest(found: Sequence[First]) -> First:
    """The one that was first, if it is none that followed from another."""
    return min(found, key=lambda first: (first.follows, first.failed.time))


def _follows(data: Mapping[str, Any]) -> bool:
    """Whether a rank failed because another did not answer."""
    cause = str(data["failed"]["cause"]).lower()
    return bool(data["talks"]) and any(word in cause for word in LOST)


def _failed(cause: str, advice: str) -> Failed:
    return Failed(cause=cause, advice=f"{advice} Resume to go on from the last checkpoint.", exit_code=1)


def tell(folder: RunFolder, node: int, first: First) -> None:
    """For the other machines: what the ranks of machine `node` failed of."""
    write_whole(_file(folder, node), msgspec.json.encode(first))


def heard(folder: RunFolder, nodes: int, own: First) -> First:
    """What the run fails of: `own`, or what another machine tells that has failed before."""
    deadline = time.monotonic() + HEAR_SECONDS
    while True:
        first = told(folder, nodes) or own
        if not first.follows or time.monotonic() > deadline:
            return first
        time.sleep(0.2)


def told(folder: RunFolder, nodes: int) -> First | None:
    """What a machine failed of first; None where none has."""
    found = []
    for node in range(nodes):
        try:
            found.append(msgspec.json.decode(read_whole(_file(folder, node)), type=First))
        except (OSError, msgspec.DecodeError):
            continue
    return earliest(found) if found else None


def forget(folder: RunFolder, nodes: int) -> None:
    """Before the ranks are started: what was told before."""
    for node in range(nodes):
        delete(_file(folder, node))


def _file(folder: RunFolder, node: int) -> Path:
    return folder.path / f".failed-on-{node}.json"
