"""`arena-tui delete`: moves a run to the trash."""

import argparse
from typing import TYPE_CHECKING

from arena_tui.commands.common import (
    Refused,
    add_command,
    add_run,
    add_runs_dir,
    add_yes,
    chosen_run,
    demand_yes,
)

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    parser = add_command(commands, "delete", "move an ended run to the trash")
    add_run(parser)
    add_runs_dir(parser)
    add_yes(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from arena_tui.deletion import what_is_deleted
    from arena_tui.follow import Follower
    from core.runs.disk import disk_use
    from core.runs.ended import StillInUse
    from core.runs.trash import discard

    folder = chosen_run(options)
    demand_yes(options, what_is_deleted(Follower(folder).read(), disk_use(folder)))
    try:
        print(discard(folder).path)
    except (StillInUse, OSError) as error:
        raise Refused(error, 1) from None
    return 0
