"""How a process that answers a question hears that nobody waits any more."""

import signal
import sys
from types import FrameType


def end_once() -> None:
    """From here on the first SIGINT or SIGTERM ends this process in good order: what is half done is cleared away.

    A second one must not interrupt that: both the terminal and whoever has asked may send one. One that is ignored,
    as in the background of a shell, stays so.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)
