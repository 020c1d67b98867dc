"""Standard input, output and error, made fit to use: closed ones, encodings that lack characters, full disks."""

import codecs
import os
import sys
from contextlib import suppress

from arena_tui.alike import alike

READABLE = "arena-tui.readable"
"""The name by which codecs know how we write what an encoding lacks."""


def settle_streams() -> None:
    """Let nothing fail for want of a stream or of a character.

    In place of a closed stdout there is one that cannot be written to: the command fails as with a full disk. And no
    file that is opened later takes the number of a stream that was closed.
    """
    for number, name, mode, flags in (
        (0, "stdin", "r", os.O_RDONLY),
        (1, "stdout", "w", os.O_RDONLY),
        (2, "stderr", "w", os.O_WRONLY),
    ):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115  (open as long as we are)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
    # What children print is read by us, or lies in a log that is read as UTF-8, whatever the terminal's encoding.
    os.environ |= {"PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8:surrogateescape"}
    codecs.register_error(READABLE, _readable)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a test's need not have it
            stream.reconfigure(errors=READABLE)


def print_utf8(text: str | bytes) -> None:
    """Print what is UTF-8 by definition, as JSON and TOML are, whatever the locale's encoding."""
    sys.stdout.flush()
    sys.stdout.buffer.write((text if isinstance(text, bytes) else text.encode(errors="surrogateescape")) + b"\n")
    sys.stdout.flush()


def unwritable(error: OSError) -> str:
    """What is to be told of a file or a stream that could not be read or written; "" if its reader has just left."""
    give_up(sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return ""
    why = error.strerror or str(error)
    return f"{error.filename}: {why}" if error.filename else f"the output cannot be written: {why}"


def give_up(number: int) -> None:
    """Let what is left in a stream's buffer go nowhere: at exit Python would try to write it once more."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


def _readable(error: UnicodeError) -> tuple[str | bytes, int]:
    """A byte of a file's name as that byte, other characters as something like them in ASCII, else as an escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    if all("\udc80" <= character <= "\udcff" for character in lacking):
        return lacking.encode("ascii", "surrogateescape"), error.end
    return "".join(map(_likeness, lacking)), error.end


def _likeness(character: str) -> str:
    return alike(character) or character.encode("ascii", "backslashreplace").decode()
