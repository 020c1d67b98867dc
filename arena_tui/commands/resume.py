"""`arena-tui resume` and `retry`: go on with a run that ended early, or try it with other settings."""

import argparse
import sys
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_run, add_runs_dir, add_set, chosen_run, leave_running
from arena_tui.commands.train import Foreground

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


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
    from arena_tui.monitor.text import PrintedSoFar
    from core.profile.errors import ProfileError
    from core.runs.process import LaunchError
    from core.runs.repair import add_due_end
    from core.runs.resume import RESUME, CannotResume, prepare

    folder = chosen_run(options)
    printed = PrintedSoFar.of_run_to_go_on(folder)
    try:
        if add_due_end(folder):
            print(f"{folder.id} had completed: its last event, which was missing, is written; nothing is left to train")
            return 0
        prepare(folder, tuple(options.overrides))
        foreground = Foreground(folder)
        foreground.start(RESUME)
    except (ProfileError, CannotResume) as error:
        raise Refused(error, 2) from None
    except (LaunchError, OSError) as error:
        raise Refused(error, 1) from None
    foreground.say(f"run {folder.path}", sys.stdout)
    if options.detach and not foreground.is_to_stop:
        return leave_running()
    return foreground.follow(sys.stdout, printed)


def _add_retry(commands: "Commands") -> None:
    parser = add_command(commands, "retry", "try a failed run again with the settings proposed for it")
    add_run(parser)
    add_runs_dir(parser)
    add_set(parser)
    parser.add_argument("--detach", action="store_true", help="leave it running")
    parser.set_defaults(command=_run_retry)


def _run_retry(options: argparse.Namespace) -> int:
    from arena_tui.format.sanitize import printable
    from arena_tui.monitor.text import PrintedSoFar
    from core.profile.errors import ProfileError
    from core.runs.folder import create_run, runs_folder
    from core.runs.process import TRAIN, LaunchError
    from core.runs.resume import RESUME, CannotResume, CannotRetry, prepare, prepare_retry

    folder = chosen_run(options)
    try:
        retry = prepare_retry(folder, options.overrides)
        for change in retry.changes:
            print(printable(str(change)))
        if retry.goes_on:
            printed = PrintedSoFar.of_run_to_go_on(folder)
            prepare(folder, tuple(change.override for change in retry.changes))
        else:
            folder = create_run(runs_folder(options.runs_dir), retry.profile, text=retry.text, name=folder.name)
            printed = PrintedSoFar(folder)
        foreground = Foreground(folder)
        foreground.start(RESUME if retry.goes_on else TRAIN)
    except (CannotRetry, CannotResume, ProfileError) as error:
        raise Refused(error, 2) from None
    except (LaunchError, OSError) as error:
        raise Refused(error, 1) from None
    foreground.say(f"run {folder.path}", sys.stdout)
    if options.detach and not foreground.is_to_stop:
        return leave_running()
    return foreground.follow(sys.stdout, printed)
