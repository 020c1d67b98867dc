"""`arena-tui average`: one adapter of those of several runs, as a run of its own."""

import argparse
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_json, add_runs_dir, demand_different
from arena_tui.commands.train import begin

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands


def add(commands: "Commands") -> None:
    parser = add_command(
        commands, "average", "average the adapters of finished runs into one, which is a run like any other"
    )
    parser.add_argument("runs", metavar="RUN", nargs="+", help="runs of one base, with the same projections and text")
    add_runs_dir(parser)
    parser.add_argument(
        "--how",
        choices=("exact", "plain"),
        default="exact",
        help="exact: the mean of what the adapters add, its rank the sum of theirs; plain: the mean of each matrix",
    )
    parser.add_argument("--rank", metavar="N", type=_rank, help="the nearest to the exact mean of this rank")
    parser.add_argument("--detach", action="store_true", help="print the new run's folder and leave it running")
    add_json(parser, "print metrics.json on one line at the end")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from core.average.order import CannotAverage, new_average
    from core.runs.folder import choose_run, runs_folder

    if options.how == "plain" and options.rank:
        raise Refused("--rank reduces the exact mean: leave out --how plain", 2)
    runs = runs_folder(options.runs_dir)
    try:
        found = [choose_run(runs, wanted) for wanted in options.runs]
        demand_different(options.runs, found)
        job = new_average(runs, found, "svd" if options.rank else options.how, options.rank)
    except LookupError as error:
        raise Refused(error.args[0], 2) from None
    except CannotAverage as error:
        raise Refused(error, 2) from None
    except OSError as error:
        raise Refused(error, 1) from None
    return begin(job, options)


def _rank(text: str) -> int:
    if not (text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, not {text!r}")
    return int(text)
