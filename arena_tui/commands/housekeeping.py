"""`arena-tui note`, `rename`, `delete`, `trash` and `prune`: what users do to runs that are over."""

import argparse
import sys
from typing import TYPE_CHECKING

from arena_tui.commands.common import (
    Refused,
    add_command,
    add_json,
    add_run,
    add_runs_dir,
    add_yes,
    chosen_folder,
    chosen_run,
    demand_yes,
    described,
    tell_json,
)

if TYPE_CHECKING:
    from pathlib import Path

    from arena_tui.commands.common import Commands
    from core.runs.checkpoints import Pruning
    from core.runs.folder import RunFolder


def add(commands: "Commands") -> None:
    _add_note(commands)
    _add_rename(commands)
    _add_delete(commands)
    _add_trash(commands)
    _add_prune(commands)


def _add_note(commands: "Commands") -> None:
    parser = add_command(commands, "note", "write a note on a run, replacing the one before")
    add_run(parser)
    parser.add_argument("text", metavar="TEXT", help="may have several lines; an empty text removes the note")
    add_runs_dir(parser)
    parser.set_defaults(command=_run_note)


def _run_note(options: argparse.Namespace) -> int:
    from core.runs.notes import NotesError, write_notes

    try:
        write_notes(chosen_run(options), note=options.text)
    except (NotesError, OSError) as error:
        raise Refused(error, 1) from None
    return 0


def _add_rename(commands: "Commands") -> None:
    parser = add_command(commands, "rename", "change the name that is shown for a run; its folder and its id stay")
    add_run(parser)
    parser.add_argument("name", metavar="NAME", help="an empty name restores the original")
    add_runs_dir(parser)
    parser.set_defaults(command=_run_rename)


def _run_rename(options: argparse.Namespace) -> int:
    from core.runs.notes import NotesError, write_notes

    try:
        write_notes(chosen_run(options), name=options.name)
    except (NotesError, OSError) as error:
        raise Refused(error, 1) from None
    return 0


def _add_delete(commands: "Commands") -> None:
    parser = add_command(commands, "delete", "move an ended run, or a prediction, to the trash")
    add_run(parser)
    add_runs_dir(parser)
    add_yes(parser)
    add_json(parser, "print one JSON object: where it is now")
    parser.set_defaults(command=_run_delete)


def _run_delete(options: argparse.Namespace) -> int:
    from arena_tui.runs.consequences import what_is_deleted
    from arena_tui.runs.follow import Follower
    from core.runs.checkpoints import disk_use
    from core.runs.trash import StillInUse, discard

    folder = chosen_folder(options)
    demand_yes(options, what_is_deleted(Follower(folder).read(), disk_use(folder)))
    try:
        _tell_place(options, discard(folder))
    except (StillInUse, OSError) as error:
        raise Refused(error, 1) from None
    return 0


def _add_trash(commands: "Commands") -> None:
    parser = add_command(
        commands, "trash", "list deleted runs and predictions, put one back, or delete all of them for good"
    )
    add_runs_dir(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--put-back", metavar="RUN", help="move it back to where it was: a run, or a prediction")
    what.add_argument("--empty", action="store_true", help="delete them for good")
    add_yes(parser)
    add_json(parser, "print one JSON list, with --put-back one object")
    parser.set_defaults(command=_run_trash)


def _run_trash(options: argparse.Namespace) -> int:
    from arena_tui.format.numbers import gib
    from arena_tui.format.sanitize import printable
    from core.predict.folder import PredictionFolder, trashed_predictions
    from core.runs.checkpoints import size
    from core.runs.folder import runs_folder
    from core.runs.trash import delete_for_good, put_back, trashed

    runs = runs_folder(options.runs_dir)
    try:
        if options.put_back is not None:
            _tell_place(options, put_back(_chosen_of_trash(runs, options.put_back)))
            return 0
        found = [(folder, size(folder.path)) for folder in (*trashed(runs), *trashed_predictions(runs))]
        out = sys.stderr if options.json else sys.stdout
        for folder, its_size in found:
            of_run = f"  prediction of {folder.run.id}" if isinstance(folder, PredictionFolder) else ""
            print(f"{gib(its_size):>9}  {printable(folder.id + of_run)}", file=out)
        if not found:
            print("the trash is empty", file=out)
        if options.empty and found:
            total = gib(sum(its_size for _, its_size in found))
            demand_yes(options, f"Delete all of these for good? That frees {total} and cannot be undone.")
            for folder, _ in found:
                delete_for_good(folder)
        if options.json:
            tell_json([{**described(folder), "disk": its_size} for folder, its_size in found])
    except LookupError as error:
        raise Refused(error.args[0], 2) from None
    except OSError as error:
        raise Refused(error, 1) from None
    return 0


def _tell_place(options: argparse.Namespace, moved: "RunFolder") -> None:
    if options.json:
        tell_json(described(moved))
    else:
        print(moved.path)


def _chosen_of_trash(runs: "Path", wanted: str) -> "RunFolder":
    """Raises LookupError where none is meant, or several may be."""
    from core.predict.folder import trashed_predictions
    from core.runs.access import TRASH
    from core.runs.folder import SeveralRuns, choose_named

    try:
        return choose_named(runs / TRASH, wanted)
    except SeveralRuns:
        raise
    except LookupError:
        found = [prediction for prediction in trashed_predictions(runs) if wanted and wanted in prediction.id]
        if len(found) > 1:
            raise SeveralRuns(f"{wanted} matches several: {', '.join(str(one.path) for one in found)}") from None
        if not found:
            raise
        return found[0]


def _add_prune(commands: "Commands") -> None:
    parser = add_command(commands, "prune", "delete checkpoints of ended runs, all but the newest intact one of each")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("run", metavar="RUN", nargs="?", help='a run id, part of one, a run folder, or "last"')
    which.add_argument("--all", action="store_true", help="every run that has ended")
    parser.add_argument("--keep", metavar="N", type=_count, help="intact checkpoints to keep of each run")
    add_runs_dir(parser)
    add_yes(parser).add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    add_json(parser, "print one JSON list: what is deleted from each run, and what stays")
    parser.set_defaults(command=_run_prune)


def _run_prune(options: argparse.Namespace) -> int:
    from arena_tui.format.sanitize import printable
    from arena_tui.runs.consequences import what_is_pruned
    from core.files import in_words
    from core.runs.checkpoints import KEEP, carry_out, plan
    from core.runs.folder import list_runs, runs_folder
    from core.runs.trash import StillInUse, Unreadable, held

    keep = KEEP if options.keep is None else options.keep
    prunings = []
    for folder in list_runs(runs_folder(options.runs_dir)) if options.all else [chosen_run(options)]:
        try:
            with held(folder):
                prunings.append(plan(folder, keep))
        except (StillInUse, OSError) as error:
            if not options.all:
                raise Refused(error, 1) from None
            if isinstance(error, Unreadable | OSError):
                print(f"{printable(folder.id)} is left unchanged: {printable(in_words(error))}", file=sys.stderr)
    prunings = [pruning for pruning in prunings if pruning.paths]
    if prunings and not options.dry_run:
        demand_yes(options, f"{what_is_pruned(prunings)}\nDelete these for good?")
        try:
            for pruning in prunings:
                carry_out(pruning)
        except (StillInUse, OSError) as error:
            raise Refused(error, 1) from None
    if options.json:
        tell_json([_pruned(pruning) for pruning in prunings])
    elif not prunings:
        print("nothing to prune")
    elif options.dry_run:
        print(what_is_pruned(prunings))
    return 0


def _pruned(pruning: "Pruning") -> dict[str, object]:
    from arena_tui.format.sanitize import utf8

    deleted = [utf8(path.name) for path in pruning.paths]
    return {**described(pruning.run), "deleted": deleted, "kept": list(map(utf8, pruning.kept)), "disk": pruning.size}


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, not {text!r}")
    return int(text)
