"""`arena-tui resume`: goes on with a run that was stopped, failed or lost, from its newest intact checkpoint."""

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
    parser = add_command(commands, "resume", "go on with a run that ended early, from its newest intact checkpoint")
    add_run(parser)
    add_runs_dir(parser)
    add_set(parser)
    parser.add_argument("--detach", action="store_true", help="leave it running")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from arena_tui.lines import Told
    from core.profile.load import ProfileError
    from core.runs.process import LaunchError
    from core.runs.repair import add_due_end
    from core.runs.resume import RESUME, CannotResume, prepare

    folder = chosen_run(options)
    told = Told.but_its_end(folder)
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
    return foreground.follow(sys.stdout, told)
