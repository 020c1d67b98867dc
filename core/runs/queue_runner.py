"""Starts queued runs, each on cards of its own: `python -P -m core.runs.queue_runner RUNS_DIR PROGRAM…`.

They are those that this user has queued: a runs folder has one runner at a time for each user. It runs in a session of
its own, started by whoever sees that runs of theirs wait and nobody starts them, and ends when nothing waits. The runs
are no more its own than a console's: killing it ends none of them.
"""

import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from core.files import in_words
from core.runs.allotment import SEPARATOR, seen
from core.runs.entry import Entry
from core.runs.folder import RunFolder
from core.runs.liveness import is_run_alive
from core.runs.lock import locked
from core.runs.process import LaunchError, launch
from core.runs.queue import Queue, QueueError
from core.runs.state import read_run

POLL_SECONDS = 1.0


def is_wanted(queue: Queue) -> bool:
    """Whether something waits that may be started."""
    return not queue.is_paused and bool(queue.ours())


def occupant(runs: Iterable[RunFolder], gpu: str) -> RunFolder | None:
    """The one of these runs that has the card, maybe with others, whoever started it; None where none has."""
    return next((run for run in runs if occupies(run, gpu)), None)


def occupies(run: RunFolder, gpu: str) -> bool:
    """Whether the run lives on this card. One that is just starting, or does not tell its cards, may be on any."""
    try:
        alive = is_run_alive(run)
    except FileNotFoundError:
        return False  # the folder was deleted
    info = run.read_info()
    if info is None:
        return alive is None and not read_run(run)[1].is_over
    return alive is True and (info.cards is None or gpu in info.cards)


def main(arguments: Sequence[str]) -> int:
    """Start runs until none waits, and return the exit code."""
    runs, *program = arguments
    queue = Queue(Path(runs))
    # Looked at again after the lock is let go: whoever queued a run just before that has seen a runner at work.
    while is_wanted(queue):
        with locked(queue.runner_lock) as is_ours:
            if not is_ours:
                return 0
            serve(queue, program)
    return 0


def serve(queue: Queue, program: Sequence[str]) -> None:
    """Start what fits on the cards that are free, and look again, until nothing waits.

    A lock that somebody else holds, a full disk, a file server that does not answer: what waits is started after these.
    """
    children: list[subprocess.Popen[bytes]] = []
    occupants: dict[str, RunFolder] = {}
    trouble = ""
    while True:
        try:
            if not is_wanted(queue):
                return
            free = []
            for gpu in dict.fromkeys(gpu for _, entry in queue.ours() for gpu in entry.gpus):
                known = occupants.pop(gpu, None)
                found = known if known and occupies(known, gpu) else occupant(queue.others(), gpu)
                if found:
                    occupants[gpu] = found
                else:
                    free.append(gpu)
            while taken := queue.take(free):
                run, entry, cards = taken
                free = [gpu for gpu in free if gpu not in cards]
                if child := start(run, entry, cards, program):
                    children.append(child)
                queue.drop(run)
            trouble = ""
        except (QueueError, OSError) as error:
            if trouble != (trouble := in_words(error)):
                _say(f"nothing is started for now: {trouble}")
        time.sleep(POLL_SECONDS)
        children = [child for child in children if child.poll() is None]  # those that have ended are not left zombies


def start(
    run: RunFolder, entry: Entry, cards: Sequence[str], program: Sequence[str]
) -> "subprocess.Popen[bytes] | None":
    """Start a run on its cards; None if it cannot be started, which it says itself."""
    try:
        child = launch(run, program, gpus=seen(entry, cards), working_directory=Path(entry.working_directory))
        _say(f"started {run.id} on {SEPARATOR.join(cards)}")
    except (LaunchError, OSError) as error:
        _say(f"{run.id} did not start: {in_words(error)}")
        return None
    return child


def _say(words: str) -> None:
    with suppress(OSError):  # no room for the log is no reason to start nothing
        print(words, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
