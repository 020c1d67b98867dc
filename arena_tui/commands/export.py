"""`arena-tui export` and `submission check`: a model as a plain checkpoint, and whether a file can be handed in."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_json, add_run, add_runs_dir, chosen_run
from arena_tui.terminal.streams import print_json

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands
    from core.predict.protocol import Exported


NEXT = """\
wrote {folder}, a data set for Kaggle; what is left to do, with Kaggle's version of Python:
  pip download --only-binary :all: --no-deps -r {folder}/requirements.txt -d {folder}/wheels
  put your name into {folder}/dataset-metadata.json
  kaggle datasets create -p {folder} --dir-mode zip
and there open predict.ipynb"""


def add(commands: "Commands") -> None:
    _add_export(commands)
    _add_submission(commands)


def _add_export(commands: "Commands") -> None:
    parser = add_command(
        commands,
        "export",
        "merge a run's adapter into a plain 16-bit checkpoint, push it to the hub, or pack it for Kaggle",
    )
    add_run(parser)
    add_runs_dir(parser)
    parser.add_argument("--merged", metavar="DIR", help="write base and adapter as one 16-bit checkpoint")
    parser.add_argument(
        "--push-to-hub",
        metavar="OWNER/NAME",
        help="upload it, or the adapter without --merged, as a private repository",
    )
    parser.add_argument(
        "--kaggle", metavar="DIR", help="write a data set for Kaggle, with a notebook that predicts there offline"
    )
    parser.add_argument(
        "--checkpoint", metavar="N", type=int, help="export the checkpoint of step N, not the final adapter"
    )
    add_json(parser, "print one JSON object")
    parser.set_defaults(command=_run_export)


def _run_export(options: argparse.Namespace) -> int:
    import msgspec

    from arena_tui.format.sanitize import printable
    from core.predict.request import DEMO, CannotPredict, choose_members
    from core.profile.errors import ProfileError

    if not (options.merged or options.push_to_hub or options.kaggle):
        raise Refused("nothing to do: --merged DIR, --push-to-hub OWNER/NAME or --kaggle DIR, or several of them", 2)
    folder = chosen_run(options)
    try:
        [member] = choose_members([folder], checkpoint=options.checkpoint)
        base = member.read_profile().model.checkpoint
    except (CannotPredict, ProfileError) as error:
        raise Refused(error, 2) from None
    if options.push_to_hub and not options.merged and (base == DEMO or Path(base).exists()):
        raise Refused(
            "its base is a folder on this machine, and nobody can use the adapter without it: add --merged", 2
        )
    arguments = [str(folder.path), member.adapter]
    arguments += ["--merged", str(Path(options.merged).absolute())] if options.merged else []
    arguments += ["--push", options.push_to_hub] if options.push_to_hub else []
    arguments += ["--kaggle", str(Path(options.kaggle).absolute())] if options.kaggle else []
    exported, exit_code = ask_export(*arguments)
    if options.json:
        print_json(msgspec.json.encode(exported))
    elif exported.folder:
        print(f"merged into {printable(exported.folder)}")
    if exported.url and not options.json:
        print(f"pushed to {printable(exported.url)}")
    if exported.kaggle and not options.json:
        print(NEXT.format(folder=printable(exported.kaggle)))
    if exported.problem:
        print(printable(exported.problem), file=sys.stderr)
    return exit_code


def ask_export(*arguments: str) -> "tuple[Exported, int]":
    """What the child that exports answers, which loads the model, and the exit code; 0 where nothing is wrong."""
    from arena_tui.children.child import last_answer
    from core.predict.protocol import EXPORT, Exported

    said, exit_code = last_answer(EXPORT, *arguments, kind=Exported)
    return said or Exported(problem="the export was killed, perhaps because memory ran out"), exit_code or int(not said)


def _add_submission(commands: "Commands") -> None:
    parser = add_command(commands, "submission", "check a submission file against the rows it predicts")
    what = parser.add_subparsers(metavar="check", required=True)
    checking = add_command(what, "check", "columns, ids, sums and numbers; exit code 1 with a list of what is wrong")
    checking.add_argument("file", metavar="FILE", help="the submission")
    checking.add_argument("test", metavar="TEST", help="the rows that it predicts")
    add_json(checking, "print one JSON object")
    checking.set_defaults(command=_run_submission)


def _run_submission(options: argparse.Namespace) -> int:
    import msgspec

    from arena_tui.children.child import last_answer, without_a_word
    from arena_tui.format.numbers import counted
    from arena_tui.format.sanitize import printable
    from core.predict.protocol import CHECK, Check

    # By a child, which reads tables of any kind.
    found, exit_code = last_answer(CHECK, options.file, options.test, kind=Check)
    if found is None:
        raise Refused(without_a_word("the check", exit_code), 1)
    if found.unreadable:
        raise Refused(printable(found.unreadable), 2)
    if options.json:
        print_json(msgspec.json.encode(found))
    elif not found.problems:
        rows = counted(found.rows, "row")
        print(f"{printable(found.file)}: {rows}, nothing wrong with it")
    for problem in () if options.json else found.problems:
        print(printable(f"{found.file}: {problem}"), file=sys.stderr)
    return 1 if found.problems else 0
