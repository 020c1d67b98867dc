"""`arena-tui watch`, `stop`, `resume` and `retry`: follow a run, end it, go on with it."""

import argparse
import sys
import time
from typing import TYPE_CHECKING

from arena_tui.commands.common import (
    Refused,
    add_command,
    add_json,
    add_run,
    add_runs_dir,
    add_set,
    chosen_run,
    chosen_work,
    described,
    seen_work,
    tell_json,
)
from arena_tui.commands.console import in_a_terminal, open_console
from arena_tui.commands.train import begin, go_on
from arena_tui.terminal.streams import can_draw, send_codes

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    _add_watch(commands)
    _add_stop(commands)
    _add_resume(commands)
    _add_retry(commands)


def _add_watch(commands: "Commands") -> None:
    parser = add_command(
        commands,
        "watch",
        "follow a run or a prediction until it ends: full screen in a terminal, line by line in a pipe",
    )
    add_run(parser)
    add_runs_dir(parser)
    parser.add_argument("--lines", action="store_true", help="line by line in a terminal too; Ctrl-C leaves it running")
    add_json(parser, "print the events of its record, one JSON object per line")
    parser.set_defaults(command=_run_watch)


def _run_watch(options: argparse.Namespace) -> int:
    from arena_tui.monitor.text import exit_code, follow
    from arena_tui.terminal.sequences import signals
    from core.config import read_config
    from core.runs.state import read_run

    folder = seen_work(options)
    if in_a_terminal() and not (options.lines or options.json):
        options.readonly = True
        open_console(options, watch=folder)
        state, status = read_run(folder)
        return exit_code(state) if status.is_over else 0
    try:
        if options.json:
            state, status = follow(folder, sys.stderr, tell=tell_json)
        else:
            state, status = follow(folder, sys.stdout)
    except KeyboardInterrupt:
        print("left; the run continues", file=sys.stderr)
        return 130
    if can_draw(sys.stdout) and not options.json:
        send_codes(signals(read_config().config.notify, folder, status), sys.stdout)
    return exit_code(state)


POLL_SECONDS = 0.1


def _add_stop(commands: "Commands") -> None:
    parser = add_command(
        commands,
        "stop",
        "stop a run after its step, saving a checkpoint and the adapter; or a prediction, keeping its scored rows",
    )
    add_run(parser)
    add_runs_dir(parser)
    harder = parser.add_mutually_exclusive_group()
    harder.add_argument("--now", action="store_true", help="stop at once; steps after the newest checkpoint are lost")
    harder.add_argument("--kill", action="store_true", help="kill the processes of a run that no longer responds")
    add_json(parser, "print one JSON object at the end: its final state")
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
    if options.json:
        tell_json({**described(folder), "status": status, "step": state.step})
    else:
        print(f"{folder.id} {status}")
    return 0 if state.last else 1


def _add_resume(commands: "Commands") -> None:
    parser = add_command(commands, "resume", "resume a run that ended early, from its newest intact checkpoint")
    add_run(parser)
    add_runs_dir(parser)
    add_set(parser)
    _add_ending(parser)
    parser.set_defaults(command=_run_resume)


def _add_ending(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--detach", action="store_true", help="print the run's folder and leave it running")
    add_json(parser, "print metrics.json on one line at the end")


def _run_resume(options: argparse.Namespace) -> int:
    return go_on(chosen_run(options), options, options.overrides)


def _add_retry(commands: "Commands") -> None:
    parser = add_command(commands, "retry", "retry a failed run with the settings proposed for it")
    add_run(parser)
    add_runs_dir(parser)
    add_set(parser)
    _add_ending(parser)
    parser.set_defaults(command=_run_retry)


def _run_retry(options: argparse.Namespace) -> int:
    from arena_tui.format.sanitize import printable
    from core.profile.errors import ProfileError, SettingError
    from core.runs.actions import retry
    from core.runs.folder import runs_folder
    from core.runs.resume import CannotResume, CannotRetry, prepare_retry

    folder = chosen_run(options)
    try:
        proposed = prepare_retry(folder, options.overrides)
        for change in proposed.changes:
            print(printable(str(change)), file=sys.stderr if options.json or options.detach else sys.stdout)
        job = retry(folder, proposed, runs_folder(options.runs_dir))
    except (CannotRetry, CannotResume, ProfileError, SettingError) as error:
        raise Refused(error, 2) from None
    except OSError as error:
        raise Refused(error, 1) from None
    return begin(job, options)
