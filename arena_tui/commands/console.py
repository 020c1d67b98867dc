"""`arena-tui` without a command: the console; and `arena-tui demo`: the embedded demo, in the console or here."""

import argparse
import locale
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from arena_tui.commands import train
from arena_tui.commands.common import Refused, add_command, add_runs_dir

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands
    from core.runs.folder import RunFolder


def in_a_terminal() -> bool:
    """Textual reads stdin and draws on stderr."""
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def open_console(options: argparse.Namespace, start: Path | None = None, watch: "RunFolder | None" = None) -> int:
    """Open the console in this terminal; `start` is a profile to run at once, `watch` a run to show at once."""
    if not in_a_terminal():
        raise Refused(
            "the console needs a terminal, on stdin, stdout and stderr; see arena-tui --help for commands that do not",
            2,
        )
    from msgspec.structs import replace

    from arena_tui.terminal.capabilities import suited
    from core.config import read_config
    from core.imports import keep_pandas_out
    from core.runs.folder import runs_folder

    file = read_config()
    console = suited(file.config.console, os.environ, locale.getencoding())
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
    parser = add_command(commands, "demo", "train the embedded demo, in the console or, without a terminal, here")
    add_runs_dir(parser)
    parser.set_defaults(command=_run_demo, profile="demo", overrides=[], detach=False, json=False)


def _run_demo(options: argparse.Namespace) -> int:
    if in_a_terminal():
        from core.profile.files import find_profile

        return open_console(options, start=find_profile("demo"))
    return train.run_train(options)
