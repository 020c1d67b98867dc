"""`arena-tui resume` and `retry`: go on with a run that ended early, or try it with other settings."""

import argparse
import sys
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_run, add_runs_dir, add_set, chosen_run, leave_running
from arena_tui.commands.train import Foreground

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands
    from core.runs.actions import Job
    from core.runs.folder import RunFolder


def add(commands: "Commands") -> None:
    _add_resume(commands)
    _add_retry(commands)


def _add_resume(commands: "Commands") -> None:
    parser = add_command(commands, "resume", "go on with a run that ended early, from its newest intact checkpoint")
    add_run(parser)
    add_runs_dir(parser)
    add_set(parser)
    parser.add_argument("--detach", action="store_true", help="leave it running")
    parser.set_defaults(command=_run_resume)


def _run_resume(options: argparse.Namespace) -> int:
    from core.profile.errors import ProfileError
    from core.runs.actions import HadCompleted, resume
    from core.runs.resume import CannotResume

    folder = chosen_run(options)
    try:
        job = resume(folder, options.overrides)
    except HadCompleted as completed:
        print(completed)
        return 0
    except (ProfileError, CannotResume) as error:
        raise Refused(error, 2) from None
    except OSError as error:
        raise Refused(error, 1) from None
    return _follow(job, is_detached=options.detach)


def _add_retry(commands: "Commands") -> None:
    parser = add_command(commands, "retry", "try a failed run again with the settings proposed for it")
    add_run(parser)
    add_runs_dir(parser)
    add_set(parser)
    parser.add_argument("--detach", action="store_true", help="leave it running")
    parser.set_defaults(command=_run_retry)


def _run_retry(options: argparse.Namespace) -> int:
    from arena_tui.format.sanitize import printable
    from core.profile.errors import ProfileError
    from core.runs.actions import retry
    from core.runs.folder import runs_folder
    from core.runs.resume import CannotResume, CannotRetry, prepare_retry

    folder = chosen_run(options)
    try:
        proposed = prepare_retry(folder, options.overrides)
        for change in proposed.changes:
            print(printable(str(change)))
        job = retry(folder, proposed, runs_folder(options.runs_dir))
    except (CannotRetry, CannotResume, ProfileError) as error:
        raise Refused(error, 2) from None
    except OSError as error:
        raise Refused(error, 1) from None
    return _follow(job, is_detached=options.detach)


def _follow(job: "Job[RunFolder]", *, is_detached: bool) -> int:
    """Start the run's process, and tell it to its end unless it `is_detached`. Returns the exit code."""
    from core.runs.process import LaunchError

    foreground = Foreground(job)
    try:
        foreground.start()
    except (LaunchError, OSError) as error:
        raise Refused(error, 1) from None
    foreground.say(f"run {job.folder.path}", sys.stdout)
    if is_detached and not foreground.is_to_stop:
        return leave_running()
    return foreground.follow(sys.stdout)
