"""`arena-tui folds`: all folds of a profile through the queue, and what their runs say of the rows they held out."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_json, add_profile, add_runs_dir, tell_json
from arena_tui.commands.queue import refusals, see_to_it

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands
    from arena_tui.runs.follow import RunView
    from core.report.protocol import OutOfFold
    from core.runs.folds import Fold


def add(commands: "Commands") -> None:
    parser = add_command(
        commands,
        "folds",
        "queue a run for each fold of a profile; again, show how far they are, and their joint log loss",
    )
    add_profile(parser)
    add_runs_dir(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--only", metavar="N,N,...", type=_numbers, help="queue these folds alone, counted from 0")
    which.add_argument("--status", action="store_true", help="queue nothing")
    parser.add_argument(
        "--table", metavar="FILE", help="once all have finished: id, label, fold, probabilities (Parquet)"
    )
    parser.add_argument("--teacher", metavar="FILE", help="once all have finished: ids and probabilities (CSV)")
    add_json(parser, "print one JSON object")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """What has a run already, whatever became of it, is not queued again."""
    from core.runs.actions import CannotQueue
    from core.runs.folder import runs_folder
    from core.runs.folds import folds
    from core.runs.queue import Queue

    runs, files = runs_folder(options.runs_dir), _files(options)
    try:
        found = folds(runs, options.profile, options.overrides)
        chosen = _chosen(options, len(found))
        missing = [fold for fold in found if fold.run is None and fold.number in chosen]
        if missing:
            queue = Queue(runs)
            with refusals():
                for fold in missing:
                    queue.add(fold.variant.profile, text=fold.file.text, name=fold.file.name)
            print(f"{len(missing)} of {len(found)} folds queued", file=sys.stderr)
            see_to_it(queue)
            found = folds(runs, options.profile, options.overrides)
    except CannotQueue as error:
        raise Refused(error, 2) from None
    return _tell(found, files, as_json=options.json)


def _files(options: argparse.Namespace) -> dict[str, Path]:
    """Where the rows are to be written, by option. Raises Refused where that cannot go well, which would be told only
    after hours."""
    from core.files import demand_writable

    named = {"--table": options.table, "--teacher": options.teacher}
    files = {option: Path(file).absolute() for option, file in named.items() if file is not None}
    for option, path in files.items():
        try:
            demand_writable(path)
        except OSError as error:
            raise Refused(f"{named[option]}: cannot be written: {error.strerror}", 2) from None
    if len({path.resolve() for path in files.values()}) < len(files):
        raise Refused(f"--teacher {options.teacher} is to hold the table; it needs another name", 2)
    return files


def _chosen(options: argparse.Namespace, count: int) -> Sequence[int]:
    """The folds that are to be queued. Raises Refused for a number that none has."""
    if options.only is None:
        return () if options.status else range(count)
    if beyond := [number for number in options.only if number >= count]:
        raise Refused(f"--only {beyond[0]}: there are {count} folds, 0 to {count - 1}", 2)
    chosen: list[int] = options.only
    return chosen


def _tell(found: "Sequence[Fold]", files: dict[str, Path], *, as_json: bool) -> int:
    """Print how far each fold is, and once all have finished what they come to. Returns the exit code."""
    from arena_tui.runs.follow import Follower
    from core.runs.state import Status

    views = [Follower(fold.run).read() if fold.run else None for fold in found]
    done = [view.folder for view in views if view and view.status is Status.FINISHED]
    if not as_json:
        for number, view in enumerate(views):
            print(_line(number, view))
        print(f"{len(done)} of {len(found)} folds finished")
    joint = _joint([str(folder.path) for folder in done], files) if len(done) == len(found) else None
    if joint is None and files:
        print("nothing is written before all folds have finished", file=sys.stderr)
    if as_json:
        tell_json({"folds": [_described(view) for view in views], "finished": len(done), "out_of_fold": joint})
    elif joint:
        _say(joint)
    if joint and joint.problem:
        raise Refused(joint.problem, 1)
    return 0


def _line(number: int, view: "RunView | None") -> str:
    from arena_tui.format import numbers
    from arena_tui.format.sanitize import printable

    if view is None:
        return f"fold {number:<3} –"
    state, steps = view.state, view.state.started.steps if view.state.started else 0
    figure = (
        numbers.loss(view.log_loss) if state.last and view.log_loss is not None else numbers.share(state.step, steps)
    )
    mark = f"{numbers.GLYPHS[view.status]} {view.status.value:<9}"
    return f"fold {number:<3} {mark} {figure:>7}  {printable(view.folder.id)}"


def _described(view: "RunView | None") -> dict[str, object] | None:
    from arena_tui.commands.common import described

    if view is None:
        return None
    steps = view.state.started.steps if view.state.started else None
    known = {"state": view.status.value, "step": view.state.step, "steps": steps, "log_loss": view.log_loss}
    return {**described(view.folder), **known}


def _joint(runs: Sequence[str], files: dict[str, Path]) -> "OutOfFold":
    """By a child, which reads all evaluations. Raises Refused with its problem, where there are no figures."""
    from arena_tui.children.child import last_answer, without_a_word
    from core.report.protocol import OUT_OF_FOLD, OutOfFold

    arguments = [word for option, path in files.items() for word in (option, str(path))]
    joint, exit_code = last_answer(OUT_OF_FOLD, *runs, *arguments, kind=OutOfFold)
    if joint is None or joint.log_loss is None:
        problem = joint and joint.problem
        raise Refused(problem or without_a_word("joining the folds", exit_code), exit_code or 1)
    return joint


def _say(joint: "OutOfFold") -> None:
    from arena_tui.format.numbers import counted, loss, percent
    from arena_tui.format.sanitize import printable

    assert joint.log_loss is not None
    between = f" ({loss(joint.log_loss.low)} to {loss(joint.log_loss.high)})" if joint.log_loss.low is not None else ""
    rows = counted(joint.rows, "row")
    if joint.prompts and joint.prompts < joint.rows:
        rows = f"{rows}, by {counted(joint.prompts, 'prompt')}"
    print(f"out of fold: log loss {loss(joint.log_loss.value)}{between}, accuracy {percent(joint.accuracy)}, {rows}")
    if joint.prompts is None:
        print("no interval: a run of an older version does not tell which rows share a prompt", file=sys.stderr)
    if joint.not_finite:
        print(f"warning: {counted(joint.not_finite, 'row')} with non-finite logits left out", file=sys.stderr)
    for file in joint.written:
        print(f"wrote {printable(file)}")


def _numbers(text: str) -> list[int]:
    numbers = [part.strip() for part in text.split(",")]
    if not all(number.isdecimal() for number in numbers):
        raise argparse.ArgumentTypeError(f"expected numbers separated by commas, not {text!r}")
    return [int(number) for number in numbers]
