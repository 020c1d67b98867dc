"""The command line's commands and their arguments. Knows nothing of what they do."""

import argparse
from collections.abc import Sequence

from arena_tui.commands import (
    bench,
    check,
    compare,
    config,
    console,
    curves,
    delete,
    demo,
    doctor,
    export,
    inspect,
    note,
    plan,
    predict,
    prune,
    queue,
    rename,
    report,
    resume,
    retry,
    runs,
    schema,
    stop,
    submission,
    train,
    trash,
    watch,
)
from arena_tui.commands.common import EXIT_CODES, add_runs_dir


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command that was chosen, as `command`, and its options. Exits with 2 where they make no sense."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.readonly and options.command is not console.open_console:
        parser.error("--readonly is for the console, which is opened without a command")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="arena-tui",
        description="Fine-tune human-preference models over SSH. Without a command, opens the console.",
        epilog=EXIT_CODES,
    )
    add_runs_dir(parser)
    parser.add_argument("--readonly", action="store_true", help="open the console to watch, and touch nothing")
    parser.set_defaults(command=console.open_console, runs_dir=None)
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    of_runs = (runs, report, compare, curves, watch, stop, resume, retry, note, rename, delete, trash, prune)
    of_models = (predict, submission, export)
    for command in (demo, check, schema, inspect, plan, bench, train, queue, *of_runs, *of_models, config, doctor):
        command.add(commands)
    return parser
