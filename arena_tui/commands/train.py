"""`arena-tui train`: starts a run, and follows it."""

import argparse
import sys
from typing import TYPE_CHECKING

from arena_tui.commands.common import (
    Refused,
    add_command,
    add_json,
    add_profile,
    add_runs_dir,
    leave_running,
)
from arena_tui.commands.foreground import Foreground
from arena_tui.streams import print_json

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    parser = add_command(commands, "train", "train a profile and follow the run; Ctrl-C saves and stops it")
    add_profile(parser)
    add_runs_dir(parser)
    parser.add_argument("--detach", action="store_true", help="print the run's folder and leave it running")
    add_json(parser, "end with one line on stdout that holds metrics.json")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from core.profile.files import find_profile, read_profile
    from core.profile.load import ProfileError, parse_profile
    from core.runs.folder import create_run, runs_folder
    from core.runs.process import TRAIN, LaunchError

    try:
        file = read_profile(find_profile(options.profile))
        profile = parse_profile(file.text, source=str(file.path), overrides=options.overrides)
        folder = create_run(runs_folder(options.runs_dir), profile, text=file.text, name=file.name)
        foreground = Foreground(folder)
        foreground.start(TRAIN)
    except ProfileError as error:
        raise Refused(error, 2) from None
    except (LaunchError, OSError) as error:
        raise Refused(error, 1) from None
    if options.detach and not foreground.is_to_stop:
        foreground.say_folder()
        return leave_running()

    out = sys.stderr if options.json else sys.stdout
    foreground.say(f"run {folder.path}", out)
    code = foreground.follow(out)
    if options.json and code == 0:
        import msgspec

        print_json(msgspec.json.format(folder.metrics.read_bytes(), indent=0))
    return code
