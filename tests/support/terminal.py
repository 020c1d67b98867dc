"""Runs the real console in a terminal of its own, to be typed into, and killed."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import pytest
from emulator import Emulator

SECONDS = 90.0
CONSOLE = (sys.executable, "-P", "-m", "arena_tui")


class Terminal:
    """`seen` is all that the program, the console unless told otherwise, has sent to the terminal since something was
    last typed, escape sequences and all."""

    def __init__(
        self, folder: Path, size: tuple[int, int] = (100, 30), program: Sequence[str] = CONSOLE, **environment: str
    ) -> None:
        self._fd, child_end = pty.openpty()
        fcntl.ioctl(child_end, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.process = subprocess.Popen(
            program,
            cwd=folder,
            stdin=child_end,
            stdout=child_end,
            stderr=child_end,
            start_new_session=True,
            preexec_fn=_as_a_shell_starts_it,
            env=_environment() | {"TERM": "xterm-256color", "COLORTERM": "truecolor"} | environment,
        )
        os.close(child_end)
        self.seen = b""
        self.screen = Emulator(*size)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.kill()
        self.process.wait()
        self.hang_up()

    def hang_up(self) -> None:
        """Close the terminal, as a lost connection does: who is in its session gets SIGHUP."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def resize(self, width: int, height: int) -> None:
        """Another size, and an empty screen, as a terminal that forgets."""
        self.screen = Emulator(width, height)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def type(self, keys: str) -> None:
        self.seen = b""
        os.write(self._fd, keys.encode())

    def until(self, holds: Callable[[], object], what: str) -> None:
        """Read what the console sends until `holds()`."""
        deadline = time.monotonic() + SECONDS
        while not holds():
            if time.monotonic() > deadline:
                pytest.fail(f"never came: {what}\n{self.screen.text}\n{self.seen[-1000:]!r}")
            if select.select([self._fd], [], [], 0.05)[0]:
                data = os.read(self._fd, 65536)
                self.seen += data
                self.screen.feed(data)

    def until_quiet(self) -> None:
        """Read until nothing has come for half a second: what is shown is not half a picture."""
        while select.select([self._fd], [], [], 0.5)[0]:
            data = os.read(self._fd, 65536)
            self.seen += data
            self.screen.feed(data)

    def until_seen(self, text: str) -> None:
        """Read until `text` stands on the screen, on one line."""
        self.until(lambda: text in self.screen.text, repr(text))

    def until_ended(self) -> int:
        """The program's exit code. What it sends meanwhile is read: it would wait for that."""
        with suppress(OSError):  # nothing can be read any more once it has ended
            self.until(lambda: self.process.poll() is not None, "its end")
        return self.process.wait(SECONDS)


def _as_a_shell_starts_it() -> None:
    """With the terminal, and deaf to no signal that a terminal sends: these tests may run under nohup."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def _environment() -> dict[str, str]:
    """Ours without the size of our own terminal, which programs believe before they ask theirs, and without what a
    command that was called in this process has told its children of their encoding."""
    ours = ("COLUMNS", "LINES", "PYTHONUTF8", "PYTHONIOENCODING")
    return {name: value for name, value in os.environ.items() if name not in ours}
