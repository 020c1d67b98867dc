"""`arena-tui queue`: runs that are started one after the other, without a console."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from arena_tui.commands.common import (
    Refused,
    add_command,
    add_json,
    add_runs_dir,
    add_set,
    add_yes,
    demand_yes,
    described,
    tell_json,
)
from arena_tui.commands.parser import Parser
from arena_tui.terminal.streams import print_json

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands
    from core.runs.folder import RunFolder
    from core.runs.queue import Queue

WAITING = 'a waiting run\'s id, a unique part of it, or "last"'


def add(commands: "Commands") -> None:
    parser = add_command(
        commands, "queue", "manage runs that wait for a GPU and start by themselves: add, move, remove, pause"
    )
    add_runs_dir(parser)
    add_json(parser, "print one JSON object")
    parser.set_defaults(command=run_list)
    verbs = parser.add_subparsers(metavar="VERB", title="subcommands (default: list)")

    def verb(name: str, summary: str) -> Parser:
        added = add_command(verbs, name, summary)
        add_runs_dir(added)
        return added

    adding = verb("add", "queue profiles; --set with a list of values queues one run per value: a sweep")
    adding.add_argument("profiles", metavar="PROFILE", nargs="+", help="TOML files, or names of profiles")
    add_set(adding)
    adding.add_argument("--trials", metavar="N", type=int, help="queue N runs, values drawn from lists and ranges")
    adding.add_argument("--seed", metavar="N", type=int, help="what --trials draws by (default: 0)")
    add_json(adding, "print one JSON object per run")
    adding.set_defaults(command=run_add)

    listing = verb("list", "list what is running and what is waiting, the next run first")
    add_json(listing, "print one JSON object")
    listing.set_defaults(command=run_list)

    moving = verb("move", "move a waiting run to another place")
    moving.add_argument("run", metavar="RUN", help=WAITING)
    moving.add_argument("where", choices=("first", "up", "down", "last"))
    add_json(moving, "print one JSON object")
    moving.set_defaults(command=run_move)

    removing = verb("remove", "take a waiting run out of the queue, and delete its folder")
    removing.add_argument("run", metavar="RUN", help=WAITING)
    add_json(removing, "print one JSON object")
    removing.set_defaults(command=run_remove)

    adopting = verb("adopt", "show the settings of a waiting run that you did not queue here, and let it start")
    adopting.add_argument("run", metavar="RUN", help=WAITING)
    add_yes(adopting)
    add_json(adopting, "print one JSON object")
    adopting.set_defaults(command=run_adopt)

    verb("pause", "start no more runs for now; running ones continue").set_defaults(command=run_pause)
    verb("resume", "start waiting runs again").set_defaults(command=run_resume)


def run_add(options: argparse.Namespace) -> int:
    """Every profile is checked before any is queued."""
    from core.profile.search import Search
    from core.runs.actions import CannotQueue, sweep

    queue = _queue(options)
    if options.trials is None and options.seed is not None:
        raise Refused("--seed is what --trials draws by: give --trials N, or set train.seed", 2)
    search = None if options.trials is None else Search(options.trials, options.seed or 0)
    try:
        asked = sweep(options.profiles, options.overrides, search)
    except CannotQueue as error:
        raise Refused(error, 2) from None
    with refusals():
        for file, variant in asked:
            run = queue.add(variant.profile, text=file.text, name=file.name)
            _tell_place(options, queue, run, variant.differs)
    if len(asked) > 1:
        print(f"{len(asked)} runs queued", file=sys.stderr)
    return see_to_it(queue)


def run_list(options: argparse.Namespace) -> int:
    from arena_tui.format.sanitize import printable
    from arena_tui.runs.queue_list import as_json, as_lines, look

    queue = _queue(options)
    for path in queue.unreadable():
        print(
            f"{printable(str(path))} cannot be read, so its run is not started: delete it, and queue the run again",
            file=sys.stderr,
        )
    if not options.json:
        for line in as_lines(look(queue)):
            print(line)
    _have_a_runner(queue)
    if options.json:
        print_json(as_json(look(queue)))
    return 0


def run_move(options: argparse.Namespace) -> int:
    queue = _queue(options)
    with refusals():
        run = _chosen(queue, options.run)
        queue.move(run, options.where)
        _tell_place(options, queue, run)
    return see_to_it(queue)


def run_remove(options: argparse.Namespace) -> int:
    queue = _queue(options)
    with refusals():
        run = _chosen(queue, options.run)
        queue.remove(run)
        if options.json:
            tell_json(described(run))
        else:
            print(f"{run.id} removed")
    return see_to_it(queue)


def run_adopt(options: argparse.Namespace) -> int:
    """The settings are shown as they stand in the run's folder: these it would start with, whoever wrote them."""
    from arena_tui.format.sanitize import printable, printable_lines
    from core.runs.access import read_whole

    queue = _queue(options)
    with refusals():
        run = _chosen(queue, options.run)
        settings = read_whole(run.resolved)
        shown = "\n".join(printable_lines(settings.decode(errors="replace")))
        print(shown, file=sys.stderr if options.json else sys.stdout)
        question = (
            f"{printable(str(run.path))} would run with these settings, here and as you. Start it when its turn comes?"
        )
        demand_yes(options, question, "it was not adopted")
        queue.adopt(run, settings)
        _tell_place(options, queue, run)
    return see_to_it(queue)


def run_pause(options: argparse.Namespace) -> int:
    queue = _queue(options)
    with refusals():
        queue.pause()
    return see_to_it(queue)


def run_resume(options: argparse.Namespace) -> int:
    queue = _queue(options)
    with refusals():
        queue.unpause()
    return see_to_it(queue)


def _queue(options: argparse.Namespace) -> "Queue":
    from core.runs.folder import runs_folder
    from core.runs.queue import Queue

    return Queue(runs_folder(options.runs_dir))


def _tell_place(
    options: argparse.Namespace, queue: "Queue", run: "RunFolder", differs: Mapping[str, str] | None = None
) -> None:
    """`differs` holds what tells the run from others of its sweep, as TOML, by key."""
    from arena_tui.format.numbers import ordinal
    from arena_tui.format.sanitize import printable
    from core.profile.edit import value_of

    place, differs = queue.place(run), differs or {}
    if options.json:
        told = {key: value_of(written) for key, written in differs.items()}
        tell_json({**described(run), "place": place, "differs": told})
    else:
        words = "".join(f"  {key} = {written}" for key, written in differs.items())
        print(f"{ordinal(place) if place else 'starting':>8}  {printable(run.id + words)}", flush=True)


def _chosen(queue: "Queue", wanted: str) -> "RunFolder":
    """The one waiting run that is meant. Raises LookupError where there is none, or several might be."""
    if not wanted:
        raise LookupError('the name of the run is empty; "last" is the last one waiting')
    waiting = [run for run, _ in queue.waiting()]
    found = waiting[-1:] if wanted == "last" else [run for run in waiting if run.id == wanted]
    found = found or [run for run in waiting if wanted in run.id]
    if len(found) != 1:
        which = "several waiting runs are" if found else "no waiting run is"
        raise LookupError(f"{which} called {wanted!r}; arena-tui queue lists them")
    return found[0]


@contextmanager
def refusals() -> Iterator[None]:
    from core.runs.queue import QueueError

    try:
        yield
    except LookupError as error:
        raise Refused(error.args[0], 2) from None
    except (QueueError, OSError) as error:
        raise Refused(error, 1) from None


def see_to_it(queue: "Queue") -> int:
    """Whatever was asked of the queue: see that what waits is started."""
    from arena_tui.runs.queue_list import PAUSED

    _have_a_runner(queue)
    if queue.is_paused:
        print(PAUSED, file=sys.stderr)
    return 0


def _have_a_runner(queue: "Queue") -> None:
    from core.runs.actions import see_to_runner

    with refusals():
        see_to_runner(queue)
