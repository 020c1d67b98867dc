"""`arena-tui watch` and `stop`: follow a run, and end it."""

import argparse
import sys
import time
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_run, add_runs_dir, chosen_work, seen_work
from arena_tui.commands.console import in_a_terminal, open_console
from arena_tui.terminal.streams import send_codes

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    _add_watch(commands)
    _add_stop(commands)


def _add_watch(commands: "Commands") -> None:
    parser = add_command(
        commands,
        "watch",
        "follow a run or a prediction: in a terminal on a screen of its own, in a pipe line by line until it ends",
    )
    add_run(parser)
    add_runs_dir(parser)
    parser.add_argument("--lines", action="store_true", help="line by line in a terminal too; Ctrl-C leaves it running")
    parser.set_defaults(command=_run_watch)


def _run_watch(options: argparse.Namespace) -> int:
    from arena_tui.monitor.text import exit_code, follow
    from arena_tui.terminal.sequences import signals
    from core.config import read_config
    from core.runs.state import read_run

    folder = seen_work(options)
    if in_a_terminal() and not options.lines:
        options.readonly = True
        open_console(options, watch=folder)
        state, status = read_run(folder)
        return exit_code(state) if status.is_over else 0
    try:
        state, status = follow(folder, sys.stdout)
    except KeyboardInterrupt:
        print("left; the run goes on", file=sys.stderr)
        return 130
    if sys.stdout.isatty():
        send_codes(signals(read_config().config.notify, folder, status), sys.stdout)
    return exit_code(state)


POLL_SECONDS = 0.1


def _add_stop(commands: "Commands") -> None:
    parser = add_command(
        commands,
        "stop",
        "let a run finish its step, save a checkpoint and the adapter, and end; or end a prediction, whose scores stay",
    )
    add_run(parser)
    add_runs_dir(parser)
    harder = parser.add_mutually_exclusive_group()
    harder.add_argument("--now", action="store_true", help="end at once; steps after the newest checkpoint are lost")
    harder.add_argument("--kill", action="store_true", help="for a run that hears nothing any more: kill its processes")
    parser.set_defaults(command=_run_stop)


def _run_stop(options: argparse.Namespace) -> int:
    from arena_tui.monitor.text import PrintedSoFar, follow
    from arena_tui.runs.consequences import what_is_not_back
    from core.runs.actions import CannotStop, has_ended, stop
    from core.runs.stopping import RETURN_SECONDS, CardMemory, Rung

    folder = chosen_work(options)
    rung = Rung.KILL if options.kill else Rung.NOW if options.now else Rung.SAVE
    printed = PrintedSoFar.up_to_now(folder)
    memory = CardMemory(folder)
    try:
        stop(folder, rung)
    except CannotStop as error:
        raise Refused(error, 1) from None
    if rung is not Rung.KILL:
        follow(folder, sys.stderr, printed)
    while not has_ended(folder, was_killed=rung is Rung.KILL):
        time.sleep(POLL_SECONDS)
    state, status = follow(folder, sys.stderr, printed)
    deadline = time.monotonic() + RETURN_SECONDS
    while (held := memory.held(state)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    if held:
        print(what_is_not_back(held), file=sys.stderr)
    print(f"{folder.id} {status}")
    return 0 if state.last else 1
