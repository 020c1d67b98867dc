"""What commands share: refusals, arguments that several take, and what these name."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from arena_tui.commands.parser import Parser

EXIT_CODES = "exit codes: 0 success, 1 failure, 2 bad profile, data or usage, 130 and 143 after signals"

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.profile.settings import Profile
    from core.runs.folder import RunFolder

    Commands = argparse._SubParsersAction[Parser]


class Refused(Exception):
    """A command that cannot be carried out: the message says why."""

    def __init__(self, message: object, exit_code: int) -> None:
        from core.files import in_words

        super().__init__(in_words(message) if isinstance(message, Exception) else str(message))
        self.exit_code = exit_code


def add_command(commands: "Commands", name: str, summary: str) -> Parser:
    """The parser of one more command."""
    parser = commands.add_parser(name, help=summary, description=summary, epilog=EXIT_CODES)
    parser.set_defaults(parser=parser)
    return parser


def add_profile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "profile", metavar="PROFILE", help="a TOML file, or the name of a profile in ./profiles or of a shipped one"
    )
    add_set(parser)


def add_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", metavar="SECTION.KEY=VALUE", action="append", default=[], dest="overrides", help="change a setting"
    )


def add_runs_dir(parser: argparse.ArgumentParser) -> None:
    """It may stand before the command or after it."""
    parser.add_argument(
        "--runs-dir",
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="the runs folder (default: $ARENA_TUI_RUNS, else ./runs)",
    )


def add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help='a run id, part of one, a run folder, or "last"')


def add_json(parser: argparse._ActionsContainer, summary: str) -> None:
    parser.add_argument("--json", action="store_true", help=summary)


def tell_json(value: object) -> None:
    """Print `value` as JSON on one line of stdout."""
    import msgspec

    from arena_tui.terminal.streams import print_json

    print_json(msgspec.json.encode(value))


def described(folder: "RunFolder") -> dict[str, object]:
    """What JSON says of a run or a prediction as such."""
    from arena_tui.format.sanitize import utf8

    return {"id": utf8(folder.id), "folder": utf8(str(folder.path))}


def add_yes(parser: argparse.ArgumentParser) -> "argparse._MutuallyExclusiveGroup":
    """--yes, in a group for what would contradict it."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--yes", action="store_true", help="do not ask")
    return group


def demand_yes(options: argparse.Namespace, question: str, otherwise: str = "nothing was deleted") -> None:
    """Ask in the terminal, unless --yes has answered already. Raises Refused for any other answer than y, and says what
    is so `otherwise`."""
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise Refused(f"{question}\n{otherwise.capitalize()}: there is no terminal to ask in; --yes confirms.", 2)
    print(f"{question}\n[y/N] ", end="", file=sys.stderr, flush=True)  # stdout is for what comes of it
    try:
        answer = input()
    except EOFError:
        answer = ""
    except KeyboardInterrupt:
        raise Refused(f"\n{otherwise}", 130) from None
    if answer.strip().lower() not in ("y", "yes"):
        raise Refused(otherwise, 1)


def chosen_profile(options: argparse.Namespace) -> "tuple[Profile, Path]":
    """The settings that a command is to use, and their file."""
    from core.profile.errors import ProfileError
    from core.profile.files import find_profile, read_profile
    from core.profile.load import parse_profile

    try:
        file = read_profile(find_profile(options.profile))
        return parse_profile(file.text, source=str(file.path), overrides=options.overrides), file.path
    except ProfileError as error:
        raise Refused(error, 2) from error


def leave_running() -> int:
    """Say what would end a run that is left; returns the exit code."""
    from core.machine.system import logout_warning

    if warning := logout_warning():
        print(f"warning: {warning}", file=sys.stderr)
    return 0


def seen_work(options: argparse.Namespace) -> "RunFolder":
    """The run or the prediction that a command is to follow: a prediction by its own id or folder, and the one at work
    with a run that is over by that of the run."""
    from core.predict.folder import find_predictions
    from core.runs.folder import find_run, runs_folder

    runs = runs_folder(options.runs_dir)
    try:
        return _at_work(find_run(runs, options.run))
    except LookupError as error:
        if predictions := find_predictions(runs, options.run):
            return predictions[0]
        raise Refused(error.args[0], 2) from None


def chosen_work(options: argparse.Namespace) -> "RunFolder":
    """As `seen_work`, for a command that does something to it: the one run or prediction that is meant."""
    from core.predict.folder import PredictionFolder

    found = chosen_folder(options)
    return found if isinstance(found, PredictionFolder) else _at_work(found)


def chosen_folder(options: argparse.Namespace) -> "RunFolder":
    """The one run that is meant; or where no run is, the one prediction."""
    from core.predict.folder import find_predictions
    from core.runs.folder import SeveralRuns, choose_run, runs_folder

    runs = runs_folder(options.runs_dir)
    try:
        return choose_run(runs, options.run)
    except SeveralRuns as error:
        raise Refused(error.args[0], 2) from None
    except LookupError as error:
        match find_predictions(runs, options.run):
            case []:
                raise Refused(error.args[0], 2) from None
            case [prediction]:
                return prediction
            case several:
                ids = ", ".join(prediction.id for prediction in several)
                raise Refused(f"{options.run} matches several predictions: {ids}", 2) from None


def _at_work(run: "RunFolder") -> "RunFolder":
    from core.predict.folder import at_work
    from core.runs.state import read_run

    prediction = at_work(run)  # asked first: a long record takes a while to read
    return prediction if prediction and read_run(run)[1].is_over else run


def seen_run(options: argparse.Namespace) -> "RunFolder":
    """The run that a command is to tell of."""
    from core.runs.folder import find_run, runs_folder

    try:
        return find_run(runs_folder(options.runs_dir), options.run)
    except LookupError as error:
        raise Refused(error.args[0], 2) from None


def demand_different(named: "Sequence[str]", found: "Sequence[RunFolder]") -> None:
    """Raises Refused where two of `named` are the same run; `found` holds the run of each."""
    earlier: dict[Path, str] = {}
    for name, run in zip(named, found, strict=True):
        path = run.path.resolve()
        if other := earlier.get(path):
            twice = f"{name} is given twice" if name == other else f"{other} and {name} are the same run"
            raise Refused(f"{twice}: {run.id}", 2)
        earlier[path] = name


def chosen_run(options: argparse.Namespace) -> "RunFolder":
    """The run that a command is to do something to."""
    from core.runs.folder import choose_run, runs_folder

    try:
        return choose_run(runs_folder(options.runs_dir), options.run)
    except LookupError as error:
        raise Refused(error.args[0], 2) from None
