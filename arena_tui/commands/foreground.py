"""A run in the foreground of a terminal: its start, its lines, and the signals to stop, which are meant for the run."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from subprocess import Popen
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from arena_tui.commands.common import Refused
from arena_tui.streams import print_path

if TYPE_CHECKING:
    from arena_tui.lines import Told
    from core.runs.folder import RunFolder


class Foreground:
    """Passes what this process is told to a run. Make it before the run's process is started: what comes while that
    has not said yet who it is, is passed on as soon as it has."""

    def __init__(self, folder: "RunFolder") -> None:
        self.folder = folder
        self.child: Popen[bytes] | None = None
        self._heard: list[signal.Signals] = []
        self._has_begun = False
        from core.runs.signals import SAVE, SAVE_THEN_NOW, SAVE_TOO

        for number in (SAVE_THEN_NOW, SAVE, *SAVE_TOO):
            signal.signal(number, self._hear)

    @property
    def is_to_stop(self) -> bool:
        """Whether a signal has come before the run could hear it."""
        return bool(self._heard)

    def start(self, program: Sequence[str]) -> None:
        """Start the run's process. Raises LaunchError."""
        from core.runs.process import launch

        self.child = launch(self.folder, program)
        self.join()

    def join(self) -> None:
        """From here on there is a process that can hear; one that another command has started, perhaps."""
        self._has_begun = True
        for number in self._heard:
            self._pass_on(number)

    def say(self, line: str, out: TextIO) -> None:
        """Print a line of the run's. Raises Refused where that cannot be written."""
        with self._goes_on_unheard():
            print(line, file=out, flush=True)

    def say_folder(self) -> None:
        """Print the run's folder for other programs. Raises Refused where that cannot be written."""
        with self._goes_on_unheard():
            print_path(str(self.folder.path))

    def follow(self, out: TextIO, told: "Told | None" = None) -> int:
        """Tell the run to its end, and return its exit code. Raises Refused where its lines cannot be written."""
        from arena_tui.lines import exit_code, follow

        with self._goes_on_unheard():
            state, _ = follow(self.folder, out, told)
        if self.child:
            self.child.wait()
        return exit_code(state)

    @contextmanager
    def _goes_on_unheard(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:  # the reader has left, as head does
            raise
        except OSError as error:
            if error.filename:
                raise
            ways_out = f"{self.folder.id} goes on: arena-tui stop {self.folder.id} ends it"
            raise Refused(f"the output cannot be written: {error.strerror}; {ways_out}", 1) from None

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        if self._has_begun:
            self._pass_on(signal.Signals(number))
        else:
            self._heard.append(signal.Signals(number))

    def _pass_on(self, number: signal.Signals) -> None:
        """Raises Refused where the run goes on and cannot be told: it belongs to someone else, or another container."""
        from core.runs.alive import is_run_alive
        from core.runs.stopping import pass_on

        if self.folder.read_info() is None:  # another command is just starting it
            return
        try:
            is_out_of_reach = not pass_on(self.folder, number) and is_run_alive(self.folder) is None
        except PermissionError:
            is_out_of_reach = True
        if is_out_of_reach:
            raise Refused(f"{self.folder.id} goes on: it can only be stopped where it was started", 128 + number)
