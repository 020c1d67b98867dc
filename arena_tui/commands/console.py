"""`arena-tui` without a command: the console; and `arena-tui demo`: the embedded demo, in the console or here."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from arena_tui.commands import train
from arena_tui.commands.common import Refused, add_command, add_json, add_runs_dir
from arena_tui.terminal.streams import can_draw

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands
    from core.runs.folder import RunFolder


def in_a_terminal() -> bool:
    """Whether the console can be drawn. Textual reads stdin and draws on stderr."""
    return all(map(can_draw, (sys.stdin, sys.stdout, sys.stderr)))


def open_console(options: argparse.Namespace, start: Path | None = None, watch: "RunFolder | None" = None) -> int:
    """Open the console in this terminal; `start` is a profile to run at once, `watch` a run to show at once."""
    if not in_a_terminal():
        raise Refused(
            "the console needs a terminal on stdin, stdout and stderr, and TERM set to its type; arena-tui --help "
            "lists the commands that do not",
            2,
        )
    from msgspec.structs import replace

    from arena_tui.terminal.capabilities import suited
    from core.config import read_config
    from core.imports import keep_pandas_out
    from core.runs.folder import runs_folder

    file = read_config()
    console = suited(file.config.console, os.environ, sys.stdout.encoding)
    if console.frame_rate:
        os.environ["TEXTUAL_FPS"] = str(console.frame_rate)  # read when Textual is imported
    from arena_tui.app.app import ArenaApp
    from arena_tui.terminal.pastes import keep_pastes_whole

    keep_pandas_out()
    keep_pastes_whole()
    config = replace(file, config=replace(file.config, console=console))
    app = ArenaApp(runs_folder(options.runs_dir), start=start, watch=watch, config=config, readonly=options.readonly)
    app.run()
    return app.return_code or 0


def add(commands: "Commands") -> None:
    parser = add_command(
        commands, "demo", "train the built-in demo, in the console or, without a terminal, line by line"
    )
    add_runs_dir(parser)
    parser.set_defaults(command=_run_demo, overrides=[], detach=False, prepare=False)
    add_json(parser, "train here, and print metrics.json on one line at the end")


def _run_demo(options: argparse.Namespace) -> int:
    from core.profile.files import SHIPPED

    profile = SHIPPED / "demo.toml"  # not a profile of the user's of that name
    if in_a_terminal() and not options.json:
        return open_console(options, start=profile)
    options.profile = str(profile)
    return train.run_train(options)
