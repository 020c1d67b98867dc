"""`arena-tui predict` and `predictions`: answers rows with one run or several averaged, and lists what was answered."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from arena_tui.commands.common import Refused, add_command, add_json, add_runs_dir, leave_running
from arena_tui.commands.train import Foreground
from arena_tui.terminal.streams import print_json

if TYPE_CHECKING:
    from arena_tui.commands.common import Commands
    from core.predict.answers import Answers
    from core.predict.folder import PredictionFolder, Summary
    from core.predict.request import Request


COLUMNS = 100
"""Of a line of the list, without the id at its end."""


def add(commands: "Commands") -> None:
    parser = add_command(
        commands,
        "predict",
        "predict rows with one or more runs, and write a submission; Ctrl-C stops, the same command resumes",
    )
    parser.add_argument("runs", metavar="RUN", nargs="+", help="one run or several, which are averaged")
    parser.add_argument("test", metavar="TEST", help="rows in the schema of test.csv or train.csv, or demo")
    add_runs_dir(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="write the submission to this file too")
    parser.add_argument(
        "--as-soft-labels", metavar="FILE", help="write the rows with their probabilities too, to train another run on"
    )
    parser.add_argument("--sample", metavar="FILE", help="sample submission, whose columns are written")
    parser.add_argument("--weights", metavar="X,X,...", type=_numbers, help="weights of the runs (default: equal)")
    parser.add_argument(
        "--checkpoint", metavar="N", type=int, help="use the checkpoint of step N, not the final adapter"
    )
    parser.add_argument("--max-length", metavar="N", type=_limit, help="longest input in tokens (default: the run's)")
    parser.add_argument("--truncation", metavar="NAME", help="truncation strategy for longer ones (default: the run's)")
    parser.add_argument("--swap", action="store_true", help="score with A and B swapped as well, and average")
    parser.add_argument("--merge", action="store_true", help="merge base and adapter into 16-bit weights first")
    parser.add_argument(
        "--rules", action="store_true", help="fixed probabilities where an answer is empty or both are identical"
    )
    parser.add_argument("--batch-tokens", metavar="N", type=_count, help="tokens computed at once, padding included")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--gpus", metavar="N,N,...", type=_cards, help="GPUs, by nvidia-smi's numbers or UUIDs, one worker each"
    )
    where.add_argument("--workers", metavar="N", type=_count, help="worker processes where there is no GPU")
    parser.add_argument("--detach", action="store_true", help="print the prediction's folder and leave it running")
    add_json(parser, "print summary.json on one line at the end")
    parser.set_defaults(command=run)

    listing = add_command(commands, "predictions", "list predictions, active ones first, then the newest")
    add_runs_dir(listing)
    add_json(listing, "print one JSON list")
    listing.set_defaults(command=run_list)


def run(options: argparse.Namespace) -> int:
    import msgspec

    from arena_tui.format.sanitize import printable
    from core.predict.actions import predict
    from core.predict.folder import read_summary
    from core.runs.process import LaunchError

    request = _request(options)
    out = sys.stderr if options.json else sys.stdout
    try:
        job = predict(request)
        folder = job.folder
        if job.is_at_work and folder.read_request() != request:
            raise Refused(
                f"{folder.path} is predicting these rows with other options: wait for it, or stop it first", 1
            )
        foreground = Foreground(job)
        foreground.start()
    except LaunchError as error:
        raise Refused(error, 1) from None
    except OSError as error:
        raise Refused(f"{request.members[0].run}: the prediction cannot start: {error.strerror or error}", 1) from None
    if options.detach and not foreground.is_to_stop:
        foreground.say_folder(as_json=options.json)
        return leave_running()
    foreground.say(f"{'already running:' if job.is_at_work else 'prediction'} {printable(str(folder.path))}", out)
    exit_code = foreground.follow(out)
    if found := read_summary(folder):
        if options.json:
            print_json(msgspec.json.encode(found))
        for line in [*_figures(found), *_means(folder)]:
            print(line, file=out)
        if request.soft_labels:
            print(f"  soft labels: {printable(request.soft_labels)}", file=out)
    return exit_code


def run_list(options: argparse.Namespace) -> int:
    from arena_tui.predict.listing import PredictionList, as_json, as_table
    from core.runs.folder import runs_folder

    found = PredictionList(runs_folder(options.runs_dir)).read()
    if options.json:
        print_json(as_json(found))
    else:
        print(as_table(found, COLUMNS))
    return 0


def _figures(summary: "Summary") -> Iterator[str]:
    """What each run reaches alone, and what the rules do, where there are labels to tell."""
    from arena_tui.format.numbers import counted, loss
    from arena_tui.format.sanitize import printable

    if summary.log_loss is None:
        return
    if len(summary.members) > 1:
        for member in summary.members:
            yield f"  {loss(member.log_loss)} alone, weight {member.weight:.2f}  {printable(member.run)}"
    if summary.rows_ruled:
        with_rules, without = loss(summary.log_loss_with_rules), loss(summary.log_loss_without_rules)
        rows = counted(summary.rows_ruled, "row")
        used = "used" if summary.rules else "off; --rules turns them on"
        yield f"  rules ({used}) decide {rows}: log loss {with_rules} with them, {without} without"


def means(answers: "Answers") -> str:
    """The mean probability of each outcome."""
    from arena_tui.format.numbers import percent

    named = zip(answers.outcomes.labels, answers.means, strict=True)
    return ", ".join(f"{name} {percent(mean)}" for name, mean in named)


def _means(folder: "PredictionFolder") -> Iterator[str]:
    from core.predict.answers import read_answers
    from core.runs.access import Damaged

    with suppress(OSError, Damaged):  # it has just been written: who has taken it away knows
        yield f"  mean probability: {means(read_answers(folder))}"


def _request(options: argparse.Namespace) -> "Request":
    from typing import get_args

    from core.predict.request import BATCH_TOKENS, CannotPredict, Request, choose_members, find_output, find_rows
    from core.profile.errors import ProfileError
    from core.profile.token_settings import TRUNCATIONS, Truncation
    from core.runs.folder import choose_run, runs_folder

    if options.truncation is not None and options.truncation not in TRUNCATIONS:
        raise Refused(f"--truncation {options.truncation}: must be one of {', '.join(get_args(Truncation))}", 2)
    try:
        found = [choose_run(runs_folder(options.runs_dir), wanted) for wanted in options.runs]
        test = find_rows(options.test)
        output = find_output(options.output, test) if options.output is not None else None
        soft_labels = _soft_labels(options.as_soft_labels, test, output) if options.as_soft_labels is not None else None
        sample = find_rows(options.sample) if options.sample is not None else None
        members = choose_members(found, options.weights, options.checkpoint)
        for member in members:
            member.read_profile()
    except LookupError as error:
        raise Refused(error.args[0], 2) from None
    except (CannotPredict, ProfileError, OSError) as error:
        raise Refused(error, 2) from None
    return Request(
        members=members,
        test=test,
        max_length=options.max_length,
        truncation=options.truncation,
        swap=options.swap,
        merge=options.merge,
        rules=options.rules,
        batch_tokens=options.batch_tokens or BATCH_TOKENS,
        gpus=options.gpus or [],
        workers=options.workers or 1,
        output=output,
        soft_labels=soft_labels,
        sample=sample,
    )


def _soft_labels(file: str, test: str, output: str | None) -> str:
    """Where they are to be written. Raises CannotPredict, also for a name by which no file of rows is read."""
    from core.predict.request import CannotPredict, find_output
    from core.predict.soft_labels import SUFFIX

    found = find_output(file, test)
    if not found.endswith(SUFFIX):
        raise CannotPredict(f"{file}: soft labels are JSON lines, and their file ends with {SUFFIX}")
    if found == output:
        raise CannotPredict(f"{file} is to hold the submission; the soft labels need another name")
    return found


def _numbers(text: str) -> list[float]:
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected numbers separated by commas, not {text!r}") from None


def _cards(text: str) -> list[str]:
    from core.machine.gpus import named

    found = named(text)
    if found.trouble or len(found.names) < len(text.split(",")):
        expected = "expected cards separated by commas, each once, by number, UUID or MIG id"
        raise argparse.ArgumentTypeError(f"{expected}, not {text!r}")
    return list(found.names)


def _count(text: str) -> int:
    if not (text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, not {text!r}")
    return int(text)


def _limit(text: str) -> int:
    if not (text.isdecimal() and int(text) >= 16):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 16, not {text!r}")
    return int(text)
