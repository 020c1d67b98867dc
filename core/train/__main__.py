"""The process of a run: `python -P -m core.train [--resume] RUN_DIR` trains what the run folder describes.

It computes on one card itself. Where the profile asks for several, it starts a rank for each, and waits for them.
"""

import argparse
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from core.machine.chosen import chosen_gpus, rank_count
from core.machine.gpus import only, visible
from core.runs.ending import to_its_end
from core.runs.events import Cancelled, Failed
from core.runs.folder import RunFolder
from core.runs.liveness import FOLDER_VARIABLE, mark
from core.runs.lock import locked
from core.runs.log import begin_log
from core.runs.notify import notify
from core.runs.process import describe_this_process, own_ranks
from core.runs.protocol import MEETING, NODE, OTHER_AT_WORK, RANK, RESUME, RUN_VARIABLE
from core.runs.record import Record
from core.runs.settled import read_settled
from core.runs.stop_request import Home, StopRequest
from core.train.attempt import Attempt
from core.train.failed import explained
from core.train.launch import Nodes, RankFailed, run_ranks
from core.train.recipe import make_inputs, train


def main(arguments: Sequence[str]) -> int:
    """Run the run, and return the exit code: 0, 1, 2, 75 where another process is at work on it, or 128 + the
    number of the signal that ended it."""
    parser = argparse.ArgumentParser(prog="core.train")
    parser.add_argument(RESUME, action="store_true")
    parser.add_argument(RANK, action="store_true")
    parser.add_argument(NODE, type=int, default=0)
    parser.add_argument(MEETING, default="")
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args(arguments)
    folder = RunFolder(asked.folder)
    if asked.rank:
        from core.train import rank

        exit_code = rank.main(folder, asked.resume)
        # Without Python's own end: while gloo's threads are torn down there the process may abort, which the agent
        # would take for a failure, and end rank 0 while it saves.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)
    # As `launch` sets them for what it starts: a launch script does not.
    os.environ.update({RUN_VARIABLE: folder.id, FOLDER_VARIABLE: mark(folder)})
    if asked.node:
        return serve(folder, asked)
    with locked(folder.lock) as is_ours:
        # Started by the queue's runner, which was killed, and started again.
        has_begun = folder.info.exists() and not asked.resume
        if not is_ours or has_begun:
            return OTHER_AT_WORK
        exit_code = run(folder, asked.resume, asked.rendezvous)
    notify(folder)
    return exit_code


def run(folder: RunFolder, is_resumed: bool, meeting: str) -> int:
    """As the run's own process, see to its record from the first event to the last, and return the exit code."""
    begin_log()
    with Record(folder.events) as record:
        record.takes_request()  # one that the process before has not lived to hear
        # Before the run says who it is: from then on it may be asked to stop.
        stop = StopRequest(record, last_act=partial(notify, folder))

        def begin() -> None:
            folder.write_info(describe_this_process([sys.executable, *sys.orig_argv[1:]], *own_ranks(folder)))

        def work() -> int:
            if is_resumed and (end := folder.due_end()):  # killed before its last event alone was written
                stop.close()
                record.write(end)
                return 0
            with Home(folder) as home, home.watched():
                return compute(folder, record, stop, home, is_resumed, meeting)

        def why(error: Exception) -> Failed:
            return error.failed if isinstance(error, RankFailed) else explained(folder, error)

        return to_its_end(record, stop, begin, work, why)


def compute(folder: RunFolder, record: Record, stop: StopRequest, home: Home, is_resumed: bool, meeting: str) -> int:
    """Train here, or by ranks, and return the exit code. Raises what went wrong, or Stopped."""
    profile = read_settled(folder)
    cards = chosen_gpus(profile.run.gpus, visible().names)
    ranks, nodes = rank_count(profile.run.gpus, cards), profile.run.nodes
    if ranks * nodes == 1:
        if isinstance(profile.run.gpus, list):  # else the first one is taken there, and the record says of how many
            os.environ.update(only(cards[0]))
        attempt = Attempt.resumed(folder, record) if is_resumed else Attempt()
        stop.step, stop.checkpoint = attempt.step, attempt.kept
        train(folder, record, stop, attempt, home, None)
        return 0
    make_inputs(profile, record)
    record.begin("loading", f"starting {ranks} ranks{f' on each of {nodes} machines' if nodes > 1 else ''}")
    last = run_ranks(folder, stop, is_resumed=is_resumed, cards=cards, count=ranks, nodes=Nodes(nodes, 0, meeting))
    match last:
        case Cancelled(signal=name):
            return 128 + signal.Signals[name]
        case Failed(exit_code=code):
            return code
        case None:
            raise RuntimeError("the ranks ended without the run's last event")
    return 0


def serve(folder: RunFolder, asked: argparse.Namespace) -> int:
    """Run the ranks of one of the other machines, and return the exit code; the first one's process does the rest."""
    begin_log()
    profile = read_settled(folder)
    cards = chosen_gpus(profile.run.gpus, visible().names)
    with tempfile.TemporaryDirectory() as aside, Record(Path(aside) / "events.jsonl") as record:
        stop = StopRequest(record, last_act=lambda: None, is_heard=False)
        make_inputs(profile, record)
        try:
            run_ranks(
                folder,
                stop,
                is_resumed=asked.resume,
                cards=cards,
                count=rank_count(profile.run.gpus, cards),
                nodes=Nodes(profile.run.nodes, asked.node, asked.rendezvous),
            )
        except RankFailed as error:
            logging.exception("a rank of this machine failed")
            return error.failed.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
