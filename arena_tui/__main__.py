"""The command line. Textual and the engine are imported by the command that needs them, so --help is quick."""

import argparse
import os
import sys
from collections.abc import Sequence

EXIT_CODES = "exit codes: 0 success, 1 failure, 2 bad profile, data or usage, 130 and 143 on signals"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; without a command, open the console."""
    options = _parser().parse_args(arguments)
    from arena_tui import commands

    command: commands.Command = getattr(commands, options.command or "console")
    try:
        return command(options)
    except commands.Refused as refused:
        print(refused, file=sys.stderr)
        return refused.exit_code
    except BrokenPipeError:  # the reader of our output has left, as head does; what was followed goes on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="arena-tui",
        description="Fine-tune human-preference models over SSH. Without a command, opens the console.",
        epilog=EXIT_CODES,
    )
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--runs-dir", metavar="DIR", help="where runs lie (default: $ARENA_TUI_RUNS, else ./runs)")
    parser.add_argument("--runs-dir", metavar="DIR", help="where runs lie (default: $ARENA_TUI_RUNS, else ./runs)")
    profile = argparse.ArgumentParser(add_help=False)
    profile.add_argument("profile", metavar="PROFILE", help="a TOML file, or the name of a shipped profile")
    profile.add_argument(
        "--set", metavar="SECTION.KEY=VALUE", action="append", default=[], dest="overrides", help="change a setting"
    )
    one_run = argparse.ArgumentParser(add_help=False)
    one_run.add_argument("run", metavar="RUN", help='a run\'s id, a part of it, its folder, or "last"')

    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def add(name: str, summary: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=summary, description=summary, parents=parents, epilog=EXIT_CODES)

    demo = add("demo", "train the embedded demo, in the console or, without a terminal, here", where)
    demo.set_defaults(profile="demo", overrides=[], detach=False, json=False)
    add("check", "list everything wrong with a profile", profile)
    add("schema", "print the JSON schema of profiles, for other editors")
    inspect = add("inspect", "tell what the model would be shown of the rows, and what is cut", profile)
    inspect.add_argument("--max-length", metavar="N,N,...", type=_lengths, help="limits to put beside the profile's")
    inspect.add_argument("--json", action="store_true", help="one JSON object on stdout")
    inspect.add_argument("--export", metavar="FILE.parquet", help="write the rows as token ids")
    plan = add("plan", "tell what a run would do, need and take, before it is started", profile, where)
    plan.add_argument("--json", action="store_true", help="one JSON object on stdout")
    plan.add_argument("--measure", action="store_true", help="run a few real steps where the speed is not known")
    train = add("train", "train a profile and follow the run; Ctrl-C saves and stops it", profile, where)
    train.add_argument("--detach", action="store_true", help="print the run's folder and leave it running")
    train.add_argument("--json", action="store_true", help="end with one line on stdout that holds metrics.json")
    runs = add("runs", "list runs, newest first", where)
    runs.add_argument("--json", action="store_true", help="one JSON list on stdout")
    add("watch", "follow a run until it ends; Ctrl-C leaves it running", one_run, where)
    add("stop", "let a run finish its step, save and end; once more: end at once", one_run, where)
    return parser


def _lengths(text: str) -> tuple[int, ...]:
    lengths = text.split(",")
    if not all(length.strip().isdecimal() and int(length) >= 16 for length in lengths):
        raise argparse.ArgumentTypeError(f"whole numbers of at least 16, separated by commas, not {text!r}")
    return tuple(map(int, lengths))


if __name__ == "__main__":
    sys.exit(main())
