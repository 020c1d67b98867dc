"""The command line, and how a command ends: its exit code, and what is told of whatever kept it from its work."""

import argparse
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from arena_tui.commands import (
    average,
    console,
    control,
    export,
    folds,
    housekeeping,
    judge,
    launch_script,
    machine,
    manual,
    predict,
    preview,
    profiles,
    queue,
    report,
    runs,
    serve,
    train,
)
from arena_tui.commands.common import EXIT_CODES, Refused, add_runs_dir
from arena_tui.commands.parser import CommandLine
from arena_tui.terminal.streams import give_up, settle_streams, unwritable

TASKS = {
    "begin": ("demo", "doctor", "help"),
    "before a run": ("check", "inspect", "plan", "bench"),
    "train": ("train", "launch-script", "queue", "folds", "watch", "stop", "resume", "retry"),
    "look at runs": ("runs", "report", "compare", "curves"),
    "use a model": ("predict", "predictions", "judge", "submission", "average", "export", "serve"),
    "tidy up": ("note", "rename", "delete", "trash", "prune"),
    "set up": ("config", "schema", "completion", "man"),
}
"""What commands are for, in the order of the help."""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command that was chosen, as `command`, and its options. Exits with 2 where they make no sense."""
    parser = _parser()
    manual.complete(parser)
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        options.parser.refuse_unknown(unknown)
    if options.readonly and options.command is not console.open_console:
        parser.error("--readonly applies to the console, which opens when no command is given")
    return options


def _parser() -> CommandLine:
    parser = CommandLine(
        TASKS,
        prog="arena-tui",
        description="Fine-tune human-preference models over SSH. Without a command, opens the console.",
        epilog=EXIT_CODES,
    )
    add_runs_dir(parser)
    parser.add_argument("--readonly", action="store_true", help="open the console read-only: watch, change nothing")
    parser.add_argument("--version", action=manual.Version, nargs=0, help="print the version")
    parser.set_defaults(command=console.open_console, parser=parser, runs_dir=None)
    of_runs = (runs, report, control, housekeeping)
    of_models = (predict, judge, average, export, serve)
    for of_a_task in (console, profiles, preview, train, launch_script, queue, folds, *of_runs, *of_models, machine):
        of_a_task.add(parser.commands)
    manual.add(parser.commands, parser)
    return parser


ANOTHER_NAME = "rename it, or set a UTF-8 locale: export LC_ALL=C.UTF-8"


def outcome(arguments: Sequence[str] | None) -> int:
    """Run the command that `arguments` name, and return its exit code. Raises KeyboardInterrupt on Ctrl-C.

    SIGTERM is heard as Ctrl-C is: what a command has started ends with it.
    """
    was_told_to_end = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal was_told_to_end
        was_told_to_end = True
        hear = signal.getsignal(signal.SIGINT)  # asyncio has its own while it runs
        if not callable(hear):
            raise KeyboardInterrupt
        hear(number, frame)

    settle_streams()
    signal.signal(signal.SIGTERM, end)
    try:
        exit_code = _carried_out(arguments)
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            print(file=sys.stderr)  # after what was being told on this line
        if not was_told_to_end:
            raise
    return 128 + signal.SIGTERM if was_told_to_end else exit_code


def _carried_out(arguments: Sequence[str] | None) -> int:
    from core.user import settle_caches

    try:
        if told := settle_caches():
            print(f"note: {told}", file=sys.stderr)
        try:
            options = parse(arguments)
            exit_code: int = options.command(options)
            return exit_code
        except Refused as refused:
            print(refused, file=sys.stderr)
            return refused.exit_code
        finally:
            sys.stdout.flush()
    except UnicodeEncodeError as error:
        print(f"{ascii(error.object)[:200]} is not valid in the locale's encoding: {ANOTHER_NAME}", file=sys.stderr)
        return 1
    except OSError as error:
        try:
            if told := unwritable(error):
                print(told, file=sys.stderr)
        except OSError:  # of stderr too
            give_up(sys.stderr.fileno())
        return 1
