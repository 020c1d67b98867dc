"""One rank of a run on several: `python -P -m core.train --rank [--resume] RUN_DIR`, as torchrun's agent starts it."""

import ctypes
import json
import logging
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import msgspec

from core.libraries import importing_libraries
from core.machine.gpus import only
from core.machine.visible import GPU_VARIABLE
from core.runs.folder import RunFolder
from core.runs.log import begin_log
from core.runs.notify import notify
from core.runs.record import Record
from core.runs.stop_request import Home, Stopped, StopRequest
from core.train.attempt import Attempt
from core.train.failed import explained
from core.train.pulse import Pulse
from core.train.recipe import train

NOTES_VARIABLE = "ARENA_TUI_RANKS"
"""Names a folder of this machine, of the process that has started the ranks: their pulses lie there."""
ERROR_VARIABLE = "TORCHELASTIC_ERROR_FILE"
"""Names the file in which torchrun's agent looks for what a rank failed of."""
_TORCHRUNS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "ROLE_RANK")
"""What accelerate, too, knows ranks by. It would divide batches by itself, and repeat rows to make them even."""
_END_WITH_PARENT = 1
"""prctl(2), PR_SET_PDEATHSIG."""


def log_of(rank: int) -> str:
    """The name of what a rank's output goes to, in the run folder."""
    return f"rank-{rank}.log" if rank else "console.log"


def pulse_file(notes: Path, rank: int) -> Path:
    return notes / f"pulse-{rank}"


def main(folder: RunFolder, is_resumed: bool) -> int:
    """Run this rank, and return its exit code: 0 also where all ranks stop alike. Rank 0 alone writes the run's record;
    what any of them fails of goes to torchrun's agent."""
    number, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    notes = Path(os.environ[NOTES_VARIABLE])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_END_WITH_PARENT, signal.SIGKILL)
    if number:
        _log_to(folder.path / log_of(number))
    begin_log()
    cards = os.environ.get(GPU_VARIABLE, "")
    if cards:
        os.environ.update(only(cards.split(",")[int(os.environ["LOCAL_RANK"])]))
    pulse = Pulse(pulse_file(notes, number))
    ranks = None
    with Record(folder.events if number == 0 else notes / f"rank-{number}.jsonl") as record:
        stop = StopRequest(record, last_act=partial(notify, folder), is_heard=number == 0)
        try:
            attempt = Attempt.resumed(folder, record) if is_resumed else Attempt()
            stop.step, stop.checkpoint = attempt.step, attempt.kept
            with stop.deferred(), importing_libraries():
                from core.train.ranks import Ranks
            ranks = Ranks.joined(number, count, pulse, stop)
            for name in _TORCHRUNS:
                os.environ.pop(name, None)
            with Home(folder, is_watched=number == 0) as home, home.watched():
                train(folder, record, stop, attempt, home, ranks)
            ranks.leave()
        except Stopped:
            record.write(stop.cancelled())
            # Where others have not heard of it they fail, and the agent waits minutes for theirs after a success.
            return 0 if ranks and ranks.all_stop else stop.exit_code
        except Exception as error:
            at = time.time()
            logging.exception("rank %d failed", number)
            failed = explained(folder, error)
            told = {
                "message": failed.cause,
                "timestamp": int(at),
                "at": at,
                "talks": isinstance(error, RuntimeError),
                "failed": msgspec.to_builtins(failed),
            }
            Path(os.environ[ERROR_VARIABLE]).write_text(json.dumps(told))
            return failed.exit_code
        finally:
            stop.close()
    return 0


def _log_to(path: Path) -> None:
    """From here on, what this process prints goes to `path`."""
    sys.stdout.flush()
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
