"""Which rank of a run failed first, and of what: the others fail because of it. Ranks of several machines tell one
another by small files in the run's folder, which all of them share."""

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from core.runs.access import delete, read_whole, write_whole
from core.runs.events import Failed
from core.runs.folder import RunFolder
from core.runs.process import killed_for_memory
from core.train.rank import log_of

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure


def first_failure(failures: "Mapping[int, ProcessFailure]", hung: Mapping[int, float], folder: RunFolder) -> Failed:
    """What the record says, of the `failures` of this machine's ranks as torchrun's agent tells them, and of those that
    were ended since they made no progress for so many seconds."""
    for rank, seconds in hung.items():
        where = f"The end of {log_of(rank)} may say where it was."
        return _failed(f"rank {rank} made no progress for {seconds:.0f} s, and was ended", where)
    killed = {rank: failure.exitcode for rank, failure in failures.items() if failure.exitcode < 0}
    for rank, code in killed.items():
        because = " because memory ran out" if killed_for_memory(folder) else ""
        why = f"The end of {log_of(rank)} may say why."
        return _failed(f"rank {rank} was killed by {signal.Signals(-code).name}{because}", why)
    told = {rank: failure.error_file_data for rank, failure in failures.items() if "failed" in failure.error_file_data}
    for rank, data in sorted(told.items(), key=lambda item: float(item[1]["at"])):
        failed = msgspec.convert(data["failed"], Failed)
        return replace(failed, time=float(data["at"]), cause=f"rank {rank}: {failed.cause}")
    rank, failure = next(iter(failures.items()))
    return _failed(f"rank {rank} ended with exit code {failure.exitcode}", f"The end of {log_of(rank)} may say why.")


def _failed(cause: str, advice: str) -> Failed:
    return Failed(cause=cause, advice=f"{advice} Resume to go on from the last checkpoint.", exit_code=1)


def tell(folder: RunFolder, node: int, failed: Failed) -> None:
    """For the other machines: what the ranks of machine `node` failed of."""
    write_whole(_file(folder, node), msgspec.json.encode(failed))


def told(folder: RunFolder, nodes: int) -> Failed | None:
    """What a machine failed of first, by when it was; None where none has."""
    found = []
    for node in range(nodes):
        try:
            found.append(msgspec.json.decode(read_whole(_file(folder, node)), type=Failed))
        except (OSError, msgspec.DecodeError):
            continue
    return min(found, key=lambda failed: failed.time, default=None)


def forget(folder: RunFolder, nodes: int) -> None:
    """Before the ranks are started: what was told before."""
    for node in range(nodes):
        delete(_file(folder, node))


def _file(folder: RunFolder, node: int) -> Path:
    return folder.path / f".failed-on-{node}.json"
