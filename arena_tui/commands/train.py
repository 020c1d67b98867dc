"""`arena-tui train`: starts a run, and follows it in the foreground of a terminal."""

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from subprocess import Popen
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from arena_tui.commands.common import (
    Refused,
    add_command,
    add_json,
    add_profile,
    add_runs_dir,
    described,
    leave_running,
    tell_json,
)
from arena_tui.terminal.streams import print_json, print_path

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands
    from core.runs.actions import Job
    from core.runs.folder import RunFolder


class Foreground:
    """Passes what this process is told to a run. Make it before the run's process is started: what comes while that
    has not said yet who it is, is passed on as soon as it has."""

    def __init__(self, job: "Job[RunFolder]") -> None:
        from arena_tui.monitor.text import PrintedSoFar

        self.job = job
        self.folder = job.folder
        self.child: Popen[bytes] | None = None
        self._printed = PrintedSoFar(job.folder) if job.is_at_work else PrintedSoFar.of_run_to_go_on(job.folder)
        self._heard: list[signal.Signals] = []
        self._has_begun = False
        from core.runs.stopping import SAVE_THEN_NOW, SAVES

        for number in (*SAVES, SAVE_THEN_NOW):
            signal.signal(number, self._hear)

    @property
    def is_to_stop(self) -> bool:
        """Whether a signal has come before the run could hear it."""
        return bool(self._heard)

    def start(self) -> None:
        """Start the run's process. From here on there is one that can hear; where it was at work already, that which
        another command has started. Raises LaunchError, and OSError."""
        self.child = self.job.start()
        self._has_begun = True
        for number in self._heard:
            self._pass_on(number)

    def say(self, line: str, out: TextIO) -> None:
        """Print a line of the run's. Raises Refused where that cannot be written."""
        with self._goes_on_unheard():
            print(line, file=out, flush=True)

    def say_folder(self, *, as_json: bool) -> None:
        """Print the run's folder for other programs. Raises Refused where that cannot be written."""
        with self._goes_on_unheard():
            say_folder(self.folder, as_json=as_json)

    def follow(self, out: TextIO) -> int:
        """Tell the run to its end, but for what had happened before it was started here, and return its exit code.
        Raises Refused where its lines cannot be written."""
        from arena_tui.monitor.text import exit_code, follow

        with self._goes_on_unheard():
            state, _ = follow(self.folder, out, self._printed)
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
            ways_out = f"{self.folder.id} is still running: arena-tui stop {self.folder.id} stops it"
            raise Refused(f"the output cannot be written: {error.strerror}; {ways_out}", 1) from None

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        if self._has_begun:
            self._pass_on(signal.Signals(number))
        else:
            self._heard.append(signal.Signals(number))

    def _pass_on(self, number: signal.Signals) -> None:
        """Raises Refused where the run goes on and cannot be told: it belongs to someone else, or another container."""
        from core.runs.liveness import is_run_alive
        from core.runs.stopping import pass_on

        if self.folder.read_info() is None:  # another command is just starting it
            return
        try:
            is_out_of_reach = not pass_on(self.folder, number) and is_run_alive(self.folder) is None
        except PermissionError:
            is_out_of_reach = True
        if is_out_of_reach:
            raise Refused(
                f"{self.folder.id} is still running: it can only be stopped where it was started", 128 + number
            )


def add(commands: "Commands") -> None:
    parser = add_command(commands, "train", "train a profile and follow the run; Ctrl-C saves and stops it")
    add_profile(parser)
    add_runs_dir(parser)
    ending = parser.add_mutually_exclusive_group()
    ending.add_argument("--detach", action="store_true", help="print the run's folder and leave it running")
    ending.add_argument("--prepare", action="store_true", help="make and print the run's folder, for a launch script")
    add_json(parser, "print metrics.json on one line at the end")
    parser.set_defaults(command=run_train)


def run_train(options: argparse.Namespace) -> int:
    from core.profile.errors import ProfileError, SettingError
    from core.profile.files import find_profile, read_profile
    from core.profile.load import parse_profile
    from core.runs.actions import begun_by_this_job, new_folder, new_run
    from core.runs.folder import runs_folder

    runs = runs_folder(options.runs_dir)
    try:
        file = read_profile(find_profile(options.profile))
        profile = parse_profile(file.text, source=str(file.path), overrides=options.overrides)
        earlier = begun_by_this_job(runs, profile)
        if options.prepare:
            return prepare(earlier or new_folder(runs, profile, text=file.text, name=file.name), options)
        if earlier and earlier.metrics.exists():
            print(f"{earlier.id} has finished", file=sys.stderr if options.json else sys.stdout)
            if options.json:
                tell_metrics(earlier)
            return 0
        if earlier:
            return go_on(earlier, options)
        job = new_run(runs, profile, text=file.text, name=file.name)
    except (ProfileError, SettingError) as error:
        raise Refused(error, 2) from None
    except OSError as error:
        raise Refused(error, 1) from None
    return begin(job, options)


def prepare(folder: "RunFolder", options: argparse.Namespace) -> int:
    """Print the folder of a run that a script is to start or to go on with, once it may; returns the exit code."""
    from core.runs import resume

    if folder.info.exists() and not folder.metrics.exists():
        try:
            resume.prepare(folder)
        except resume.CannotResume as error:
            raise Refused(error, 2) from None
    say_folder(folder, as_json=options.json)
    return 0


def go_on(folder: "RunFolder", options: argparse.Namespace, overrides: "Sequence[str]" = ()) -> int:
    """Go on with a run that ended early, and tell it to its end, or leave it. Returns the exit code."""
    from core.profile.errors import ProfileError, SettingError
    from core.runs.actions import HadCompleted, resume
    from core.runs.resume import CannotResume

    try:
        job = resume(folder, overrides)
    except HadCompleted as completed:
        print(completed, file=sys.stderr if options.json else sys.stdout)
        if options.json:
            tell_metrics(folder)
        return 0
    except (ProfileError, SettingError, CannotResume) as error:
        raise Refused(error, 2) from None
    except OSError as error:
        raise Refused(error, 1) from None
    return begin(job, options)


def begin(job: "Job[RunFolder]", options: argparse.Namespace) -> int:
    """Start the run's process, and tell it to its end, or leave it. Returns the exit code."""
    from core.runs.process import LaunchError

    foreground = Foreground(job)
    try:
        foreground.start()
    except (LaunchError, OSError) as error:
        raise Refused(error, 1) from None
    return leave_or_follow(foreground, options)


def say_folder(folder: "RunFolder", *, as_json: bool) -> None:
    """Print the run's folder for other programs."""
    if as_json:
        tell_json(described(folder))
    else:
        print_path(str(folder.path))


def leave_or_follow(foreground: Foreground, options: argparse.Namespace) -> int:
    """Tell a run that was started to its end, and with --json what it came to; or leave it, with --detach. Returns the
    exit code."""
    if options.detach and not foreground.is_to_stop:
        foreground.say_folder(as_json=options.json)
        return leave_running()
    out = sys.stderr if options.json else sys.stdout
    foreground.say(f"run {foreground.folder.path}", out)
    code = foreground.follow(out)
    if options.json and code == 0:
        tell_metrics(foreground.folder)
    return code


def tell_metrics(folder: "RunFolder") -> None:
    """Print metrics.json on one line."""
    import msgspec

    from core.runs.access import read_whole

    print_json(msgspec.json.format(read_whole(folder.metrics), indent=0))
