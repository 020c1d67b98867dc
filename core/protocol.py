"""How a process of the engine is asked, by a command line, and answers, in JSON objects, one a line; and how it hears
that nobody waits any more. Imports nothing heavy."""

import signal
import sys
from types import FrameType
from typing import BinaryIO, TypeVar

import msgspec

Answer = TypeVar("Answer")


def command(module: str) -> tuple[str, ...]:
    """What starts a module of ours in a process of its own. What it is asked follows."""
    # -P keeps a folder called core in the working directory from standing in for ours.
    return (sys.executable, "-P", "-m", module)


def as_line(message: object) -> bytes:
    """What is asked or answered, as a line of JSON."""
    return msgspec.json.encode(message) + b"\n"


def answer(message: object, out: BinaryIO | None = None) -> None:
    """Write it on a line of its own, at once: to stdout, or to `out`. How far a process is, is told so too."""
    out = out or sys.stdout.buffer
    out.write(as_line(message))
    out.flush()


def read_answer(line: bytes, kind: type[Answer]) -> Answer | None:
    """The answer that a line holds; None for any other line, as libraries print them."""
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def as_problem(cause: str, advice: str) -> str:
    """What an answer says where there is none: what is wrong, and the way out."""
    return f"{cause.rstrip('.')}. {advice}"


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
