"""`arena-tui inspect` and `plan`: what the model would be shown, and what a run would do, need and take."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from arena_tui.commands.common import (
    Refused,
    add_command,
    add_json,
    add_profile,
    add_runs_dir,
    add_set,
    chosen_profile,
)
from arena_tui.format.sanitize import printable
from arena_tui.terminal.streams import print_json, tell_progress

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands
    from core.inspect.protocol import Progress
    from core.plan.protocol import Plan
    from core.profile.settings import Profile


def add(commands: "Commands") -> None:
    _add_inspect(commands)
    _add_plan(commands)


def _add_inspect(commands: "Commands") -> None:
    parser = add_command(commands, "inspect", "show what the model would see of the rows, and what is cut")
    parser.add_argument(
        "named",
        metavar="PROFILE|FILE",
        nargs="+",
        help="a profile: a TOML file or a profile's name; or rows without one, by the recipe's settings: files called "
        ".csv, .jsonl, .parquet and the like, packed or not, folders, patterns, owner/name of the hub",
    )
    add_set(parser)
    parser.add_argument(
        "--tokenizer",
        metavar="DIR|NAME",
        help="of FILE: a folder with a tokenizer.json, a model of the hub, or demo (default: the recipe's, if here)",
    )
    parser.add_argument("--max-length", metavar="N,N,...", type=_lengths, help="limits to compare with the profile's")
    add_json(parser, "print one JSON object")
    parser.add_argument("--export", metavar="FILE.parquet", help="write the rows as token ids")
    parser.set_defaults(command=_run_inspect)


def _run_inspect(options: argparse.Namespace) -> int:
    import msgspec
    from msgspec.structs import replace

    from arena_tui.dataset.text import as_text
    from core.data.truncation import demand_room
    from core.imports import keep_pandas_out
    from core.inspect.cuts import LIMITS
    from core.inspect.export import export
    from core.inspect.figures import read_rows
    from core.inspect.report import report, sides
    from core.profile.errors import SettingError

    keep_pandas_out()
    profile, asked, by = _asked(options)
    found = _inspected(asked)
    assert found.whole is not None
    assert found.frame is not None
    assert found.read is not None
    rows = read_rows(Path(found.whole))
    try:
        for limit in options.max_length or ():
            for shape in rows.shapes:
                demand_room(shape, replace(profile.tokens, max_length=limit), found.frame)
        result = report(rows, profile, found.frame, options.max_length or LIMITS, found.read, found.text)
    except SettingError as error:
        raise Refused(error, 2) from None
    if options.export:
        try:
            export(Path(found.whole), rows, sides(rows, profile), profile.tokens, found.frame, Path(options.export))
        except OSError as error:
            raise Refused(f"{options.export}: cannot be written: {error.strerror}", 1) from None
        print(f"wrote {options.export}", file=sys.stderr)
    if options.json:
        print_json(msgspec.json.encode(result))
    else:
        print("\n".join([*by, as_text(result, profile)]))
    return 0


def _asked(options: argparse.Namespace) -> "tuple[Profile, list[str], list[str]]":
    """The settings, what the child is asked for them, and whose settings they are where there is no profile."""
    from core.inspect.protocol import RECIPE
    from core.profile.edit import literal
    from core.profile.errors import ProfileError
    from core.profile.files import is_profile, names_rows
    from core.profile.load import parse_profile

    named, overrides = options.named, list(options.overrides)
    if len(named) == 1 and (is_profile(named[0]) or not names_rows(named[0])):
        if options.tokenizer:
            raise Refused(
                "--tokenizer is for rows without a profile; --set model.checkpoint=NAME changes a profile's", 2
            )
        options.profile = named[0]
        profile, path = chosen_profile(options)
        return profile, [str(path), *overrides], []
    if strange := [word for word in named if not names_rows(word)]:
        raise Refused(f"{strange[0]}: not a file of rows; several of them are read as one, and a profile alone", 2)
    overrides.append(f"data.train={literal(named if len(named) > 1 else named[0])}")
    overrides += [f"model.checkpoint={literal(options.tokenizer)}"] if options.tokenizer else []
    try:
        profile = parse_profile("", source="the command line", overrides=overrides)
    except ProfileError as error:
        raise Refused(error, 2) from None
    by = f"by the recipe's settings and the tokenizer of {printable(profile.model.checkpoint)}"
    return profile, [RECIPE, *overrides], [by]


def _inspected(arguments: list[str]) -> "Progress":
    """The complete inspection; how far it is goes to stderr."""
    from arena_tui.children.child import last_answer, without_a_word
    from core.inspect.protocol import INSPECT, Progress

    def tell(progress: Progress) -> None:
        if progress.doing:
            tell_progress(f"{progress.doing} …")
        about = "" if progress.whole else "about "
        of_all = f" of {about}{progress.rows_total:,}" if progress.rows_total else ""
        if progress.rows:
            tell_progress(f"{progress.rows:,}{of_all} rows")

    last, exit_code = last_answer(INSPECT, *arguments, kind=Progress, hear=tell)
    tell_progress("")
    if last is None or last.whole is None:
        problem = last and last.problem
        raise Refused(problem or without_a_word("the inspection", exit_code), exit_code or 1)
    return last


def _lengths(text: str) -> tuple[int, ...]:
    lengths = text.split(",")
    if not all(length.strip().isdecimal() and int(length) >= 16 for length in lengths):
        raise argparse.ArgumentTypeError(f"expected whole numbers of at least 16, separated by commas, not {text!r}")
    return tuple(map(int, lengths))


def _add_plan(commands: "Commands") -> None:
    parser = add_command(commands, "plan", "show what a run would do and need, and how long it would take")
    add_profile(parser)
    add_runs_dir(parser)
    add_json(parser, "print one JSON object")
    parser.add_argument("--measure", action="store_true", help="time a few real steps where the speed is not known")
    parser.set_defaults(command=_run_plan)


def _run_plan(options: argparse.Namespace) -> int:
    import msgspec

    from arena_tui.plan.text import as_text
    from core.runs.folder import runs_folder

    profile, path = chosen_profile(options)
    measure = ["--measure"] if options.measure else []
    arguments = [*measure, str(runs_folder(options.runs_dir)), str(path), *options.overrides]
    found, exit_code = _planned(arguments)
    if options.json:
        print_json(msgspec.json.encode(found))
    else:
        print(as_text(found, profile))
    return exit_code


def _planned(arguments: list[str]) -> "tuple[Plan, int]":
    """The plan, as far as it could be made, and the exit code of the child that made it."""
    from msgspec.structs import replace

    from arena_tui.children.child import last_answer, without_a_word
    from core.plan.protocol import PLAN, Plan

    def tell(plan: Plan) -> None:
        tell_progress(f"planning: {plan.doing} …" if plan.doing else "")

    last, exit_code = last_answer(PLAN, *arguments, kind=Plan, hear=tell)
    tell_progress("")
    if last is None:
        raise Refused(without_a_word("the plan", exit_code), 1)
    if exit_code and not last.problem:
        return replace(last, problem=without_a_word("the plan", exit_code)), 1
    return last, exit_code
