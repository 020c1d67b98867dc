"""`arena-tui retry`: tries a failed run again with the settings that its record proposes."""

import argparse
import sys
from typing import TYPE_CHECKING

from arena_tui.commands.common import (
    Refused,
    add_command,
    add_run,
    add_runs_dir,
    add_set,
    chosen_run,
    leave_running,
)
from arena_tui.commands.foreground import Foreground

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    parser = add_command(commands, "retry", "try a failed run again with the settings proposed for it")
    add_run(parser)
    add_runs_dir(parser)
    add_set(parser)
    parser.add_argument("--detach", action="store_true", help="leave it running")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from arena_tui.lines import Told
    from arena_tui.plain import printable
    from core.profile.load import ProfileError
    from core.runs.folder import create_run, runs_folder
    from core.runs.process import TRAIN, LaunchError
    from core.runs.resume import RESUME, CannotResume, prepare
    from core.runs.retry import CannotRetry, prepare_retry

    folder = chosen_run(options)
    try:
        retry = prepare_retry(folder, options.overrides)
        for change in retry.changes:
            print(printable(str(change)))
        if retry.goes_on:
            told = Told.but_its_end(folder)
            prepare(folder, tuple(change.override for change in retry.changes))
        else:
            folder = create_run(runs_folder(options.runs_dir), retry.profile, text=retry.text, name=folder.name)
            told = Told(folder)
        foreground = Foreground(folder)
        foreground.start(RESUME if retry.goes_on else TRAIN)
    except (CannotRetry, CannotResume, ProfileError) as error:
        raise Refused(error, 2) from None
    except (LaunchError, OSError) as error:
        raise Refused(error, 1) from None
    foreground.say(f"run {folder.path}", sys.stdout)
    if options.detach and not foreground.is_to_stop:
        return leave_running()
    return foreground.follow(sys.stdout, told)
