"""Tells a program of the user's choice how a run has ended. `python -P -m core.runs.notify RUN_DIR` is the notifier.

The run's own process starts it as its last act, in a session of its own, so that neither the run nor the memory it
holds waits for it, and no console need be open. It reads the outcome off the record, as everybody does.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from core.config import read_config
from core.files import in_words
from core.runs import events, stopping
from core.runs.access import open_for_append
from core.runs.folder import RunFolder
from core.runs.protocol import NOTIFIER
from core.runs.state import RunState, Status, read_run

SECONDS = 15
"""A command that takes longer is killed, with all that it has started."""
POLL_SECONDS = 0.1
PR_SET_CHILD_SUBREAPER = 36
"""See prctl(2)."""
LONGEST = 4_000
"""Characters of a value: the system bounds the environment of a program."""


def notify(folder: RunFolder) -> None:
    """Start the notifier, if the configuration names a command. A run that has ended does not fail by it."""
    if not read_config().config.notify.command:
        return
    with suppress(OSError), open_for_append(folder.console_log) as log:
        subprocess.Popen(
            [*NOTIFIER, str(folder.path)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def outcome(folder: RunFolder, state: RunState, status: Status) -> dict[str, str]:
    """What the command finds in its environment. What is not known is empty; the duration is in seconds."""
    evaluated = state.reached
    values = {
        "RUN": folder.id,
        "STATUS": status.value,
        "FOLDER": str(folder.path),
        "DURATION": f"{state.elapsed:.0f}",
        "STEP": str(state.step),
        "LOG_LOSS": f"{evaluated.log_loss:.4f}" if evaluated and evaluated.log_loss is not None else "",
        "ACCURACY": f"{evaluated.accuracy:.4f}" if evaluated else "",
        "CAUSE": _cause(state.last),
        "ADVICE": state.last.advice if isinstance(state.last, events.Failed) else "",
    }
    return {f"ARENA_TUI_{name}": _harmless(value) for name, value in values.items()}


def _cause(last: events.Last | None) -> str:
    match last:
        case events.Failed(cause=cause):
            return cause
        case events.Cancelled():
            return f"stopped by {stopping.stopped_by(last)}"
    return ""


def main(arguments: Sequence[str]) -> int:
    """Run the command, and say in the run's log what came of it if it was nothing good."""
    folder = RunFolder(Path(arguments[0]))
    command = read_config().config.notify.command
    for number in (*stopping.HEARD, stopping.IGNORED):
        signal.signal(number, signal.SIG_DFL)  # a run at its end ignores them, and so would the command
    _adopt_orphans()
    try:
        child = subprocess.Popen(
            command,
            env=os.environ | outcome(folder, *read_run(folder)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a log must not grow by what the run did not say
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        print(f"warning: the notification {command[0]!r} cannot be started: {in_words(error)}", flush=True)
        return 1
    code = _ended_with_all_it_started(child)
    if code is None:
        print(f"warning: the notification {command[0]!r} was killed after {SECONDS} s", flush=True)
        return 1
    if code:
        print(f"warning: the notification {command[0]!r} ended with exit code {code}", flush=True)
    return code


def _adopt_orphans() -> None:
    """What the command's processes leave behind becomes a child of this one, also in a session of its own."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _ended_with_all_it_started(child: "subprocess.Popen[bytes]") -> int | None:
    """The exit code of the command, once all that it has started has ended; None where that had to be killed."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        code = child.poll()
        if code is not None and not _descendants():
            return code
        time.sleep(POLL_SECONDS)
    while left := _descendants():  # again, since one may have started another meanwhile
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(POLL_SECONDS)
    child.wait()
    return None


def _descendants() -> list[psutil.Process]:
    """The processes below this one; no zombie, which nobody may ever wait for."""
    alive = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                alive.append(process)
    return alive


def _harmless(text: str) -> str:
    """On one line, without what a terminal would obey or the system refuses."""
    return "".join(character if character.isprintable() else " " for character in text[:LONGEST])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
