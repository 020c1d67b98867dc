"""What each command does. Data goes to stdout, diagnostics to stderr; the exit code is returned."""

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from core.profile.files import find_profile, read_profile
from core.profile.load import ProfileError, parse_profile
from core.profile.settings import Profile
from core.runs.folder import RunFolder, create_run, find_run, list_runs, runs_folder

if TYPE_CHECKING:
    from core.inspect.progress import Progress
    from core.plan.plan import Plan

Command = Callable[[argparse.Namespace], int]


class Refused(Exception):
    """A command that cannot be carried out: the message says why."""

    def __init__(self, message: object, exit_code: int) -> None:
        super().__init__(str(message))
        self.exit_code = exit_code


def console(options: argparse.Namespace) -> int:
    return _open_console(options)


def demo(options: argparse.Namespace) -> int:
    if sys.stdin.isatty() and sys.stdout.isatty():
        return _open_console(options, start=find_profile("demo"))
    return train(options)


def check(options: argparse.Namespace) -> int:
    profile, path = _profile(options)
    print(f"{path}: no problems; global batch {profile.global_batch}")
    return 0


def schema(_options: argparse.Namespace) -> int:
    import msgspec

    from core.profile.explain import schema

    print(msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode())
    return 0


def train(options: argparse.Namespace) -> int:
    from arena_tui.lines import exit_code, follow
    from core.runs.process import LaunchError, launch, request_stop

    try:
        file = read_profile(find_profile(options.profile))
        profile = parse_profile(file.text, source=str(file.path), overrides=options.overrides)
        folder = create_run(runs_folder(options.runs_dir), profile, text=file.text, name=file.name)
        child = launch(folder)
    except ProfileError as error:
        raise Refused(error, 2) from None
    except (LaunchError, OSError) as error:
        raise Refused(error, 1) from None
    if options.detach:
        print(folder.path)
        return 0

    info = folder.read_info()
    assert info is not None

    def pass_on(number: int, _frame: FrameType | None) -> None:
        request_stop(info, signal.Signals(number))

    signal.signal(signal.SIGINT, pass_on)
    signal.signal(signal.SIGTERM, pass_on)
    out = sys.stderr if options.json else sys.stdout
    print(f"run {folder.path}", file=out, flush=True)
    state, _ = follow(folder, out)
    child.wait()
    if options.json and folder.metrics.exists():
        import msgspec

        sys.stdout.buffer.write(msgspec.json.format(folder.metrics.read_bytes(), indent=0) + b"\n")
    return exit_code(state)


def inspect(options: argparse.Namespace) -> int:
    import asyncio

    import msgspec

    from arena_tui.inspection import as_text
    from core.inspect.cuts import LIMITS
    from core.inspect.export import export
    from core.inspect.report import held_out, report
    from core.inspect.rows import read_rows
    from core.profile.errors import SettingError

    profile, path = _profile(options)
    found = asyncio.run(_inspected([str(path), *options.overrides]))
    assert found.whole is not None
    assert found.frame is not None
    rows = read_rows(Path(found.whole))
    try:
        result = report(rows, profile, found.frame, options.max_length or LIMITS)
    except SettingError as error:
        raise Refused(error, 2) from None
    if options.export:
        out = held_out(rows, profile.split)
        try:
            export(Path(found.whole), rows, out, profile.tokens, found.frame, Path(options.export))
        except OSError as error:
            raise Refused(f"{options.export}: cannot be written: {error.strerror}", 1) from None
        print(f"wrote {options.export}", file=sys.stderr)
    print(msgspec.json.encode(result).decode() if options.json else as_text(result, profile))
    return 0


def plan(options: argparse.Namespace) -> int:
    import asyncio

    import msgspec

    from arena_tui.preflight import as_text

    profile, path = _profile(options)
    measure = ["--measure"] if options.measure else []
    found = asyncio.run(_planned([*measure, str(runs_folder(options.runs_dir)), str(path), *options.overrides]))
    if found is None:
        raise Refused("the plan ended without a word", 1)
    print(msgspec.json.encode(found).decode() if options.json else as_text(found, profile))
    return 2 if found.problem else 0


async def _planned(arguments: list[str]) -> "Plan | None":
    """The plan, as far as it could be made."""
    from arena_tui.answers import answers
    from core.plan.plan import PLAN, Plan

    last = None
    async for last in answers(PLAN, arguments, Plan):
        if sys.stderr.isatty():
            waiting = "rows" if last.tokens is None else "memory and time" if last.memory is None else "the model"
            print(f"\r\033[Kplanning: {waiting} …", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    return last


async def _inspected(arguments: list[str]) -> "Progress":
    """The complete inspection; how far it is goes to stderr."""
    from arena_tui.answers import answers
    from core.inspect.progress import INSPECT, Progress

    last = Progress()
    async for last in answers(INSPECT, arguments, Progress):
        if sys.stderr.isatty() and last.of:
            print(f"\r{last.rows:,} of {'' if last.whole else 'about '}{last.of:,} rows", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if last.whole is None:
        raise Refused(last.problem or "the inspection ended without a result", 2 if last.problem else 1)
    return last


def _profile(options: argparse.Namespace) -> tuple[Profile, Path]:
    """The settings that a command is to use, and their file."""
    try:
        file = read_profile(find_profile(options.profile))
        return parse_profile(file.text, source=str(file.path), overrides=options.overrides), file.path
    except ProfileError as error:
        raise Refused(error, 2) from None


def runs(options: argparse.Namespace) -> int:
    from arena_tui.table import as_json, as_table

    known = list_runs(runs_folder(options.runs_dir))
    print(as_json(known) if options.json else as_table(known))
    return 0


def watch(options: argparse.Namespace) -> int:
    from arena_tui.lines import exit_code, follow

    try:
        state, _ = follow(_find(options), sys.stdout)
    except KeyboardInterrupt:
        print("left; the run goes on", file=sys.stderr)
        return 130
    return exit_code(state)


def stop(options: argparse.Namespace) -> int:
    from arena_tui.lines import follow
    from core.runs.process import request_stop

    folder = _find(options)
    info = folder.read_info()
    if info is None or not request_stop(info):
        raise Refused(f"{folder.id} is not running here", 1)
    state, status = follow(folder, sys.stderr)
    print(f"{folder.id} {status}")
    return 0 if state.last else 1


def _find(options: argparse.Namespace) -> RunFolder:
    try:
        return find_run(runs_folder(options.runs_dir), options.run)
    except LookupError as error:
        raise Refused(error.args[0], 2) from None


def _open_console(options: argparse.Namespace, start: Path | None = None) -> int:
    from arena_tui.app import ArenaApp

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refused("the console needs a terminal; see arena-tui --help for commands that do not", 2)
    ArenaApp(runs_folder(options.runs_dir), start=start).run()
    return 0
