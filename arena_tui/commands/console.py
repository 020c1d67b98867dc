"""`arena-tui` without a command: the console."""

import argparse
import sys
from pathlib import Path

from arena_tui.commands.common import Refused


def open_console(options: argparse.Namespace, start: Path | None = None) -> int:
    """Open the console in this terminal; `start` is a profile to run at once."""
    from arena_tui.app import ArenaApp
    from core.light import keep_pandas_out
    from core.runs.folder import runs_folder

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refused("the console needs a terminal; see arena-tui --help for commands that do not", 2)
    keep_pandas_out()
    ArenaApp(runs_folder(options.runs_dir), start=start).run()
    return 0
