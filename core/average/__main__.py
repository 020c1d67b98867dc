"""The average of runs, read straight down: `python -P -m core.average RUN_DIR` makes what average.json there asks for.

The weights are averaged first, by numpy; the result is then loaded as for a prediction, and evaluated.
"""

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from core.average import adapter
from core.average.order import Order, read_order
from core.libraries import importing_libraries
from core.outcomes import outcomes_of
from core.predict.errors import PredictionError, last_event
from core.runs.average import Average
from core.runs.ending import to_its_end
from core.runs.events import Evaluated, Finished
from core.runs.folder import RunFolder
from core.runs.identity import process_started
from core.runs.lock import locked
from core.runs.log import begin_log
from core.runs.metrics import read_metrics, save_metrics
from core.runs.notify import notify
from core.runs.process import describe_this_process
from core.runs.protocol import OTHER_AT_WORK
from core.runs.record import Record
from core.runs.settled import first_started
from core.runs.stop_request import StopRequest
from core.runs.trash import kept_in_place


def main(arguments: Sequence[str]) -> int:
    """Average, and return the exit code: 0, 1, 2, 75 where another process has begun to, or 128 + a signal."""
    folder = RunFolder(Path(arguments[-1]))
    with locked(folder.lock) as is_ours:
        if not is_ours or folder.info.exists():
            return OTHER_AT_WORK
        exit_code = run(folder)
    notify(folder)
    return exit_code


def run(folder: RunFolder) -> int:
    """Write the record from this process's first event to its last, and return the exit code."""
    begin_log()
    with Record(folder.events) as record:
        stop = StopRequest(record, last_act=partial(notify, folder))

        def begin() -> None:
            folder.write_info(describe_this_process([sys.executable, *sys.orig_argv[1:]]))

        def work() -> int:
            order = read_order(folder)
            with ExitStack() as members:
                for member in order.folders:
                    members.enter_context(kept_in_place(member))
                average(folder, order, record, stop)
            return 0

        return to_its_end(record, stop, begin, work, last_event)


def average(folder: RunFolder, order: Order, record: Record, stop: StopRequest) -> None:
    """From the members' adapters to a finished run. Raises what went wrong, or Stopped after a signal."""
    members, profile = order.folders, folder.read_profile()
    record.begin("loading", f"averaging the adapters of {len(members)} runs")
    begun, came_to = [first_started(member) for member in members], [read_metrics(member.metrics) for member in members]
    first, metrics = begun[0], came_to[0]
    if first is None or metrics is None:
        raise PredictionError(f"{members[0].id} has no record any more", "Restore it from a copy.", 2)
    alone = None
    if order.is_evaluated:
        from core.average.ensemble import members_alone  # before torch: it needs scipy, which that is imported without

        alone = members_alone(members)
    made = adapter.average(members, order)
    adapter.save(folder, members[0], made, profile)

    record.begin("loading", "importing torch and transformers")
    with stop.deferred(), importing_libraries():
        from transformers import AutoConfig

        from core.average.evaluation import answered, read_rows
        from core.data.apart import as_one
        from core.data.seen import keep_trained
        from core.engine import device
        from core.model.classifier import has_class
        from core.model.locate import locate
        from core.predict.model import load_model
        from core.predict.request import Request, choose_members
        from core.train import model_card, results

    stop.heed()
    rows = read_rows(profile, folder, first.digest_eval, record) if order.is_evaluated and first.digest_eval else None
    record.begin("loading", "loading the base model, with the averaged adapter on it")
    model = load_model(Request(members=choose_members([folder]), test=""), 0, on_card=False)
    rows_train = max(one.rows_train for one in begun if one)
    started = replace(
        first,
        time=time.time(),
        rows_train=rows_train,
        rows_eval=len(rows.plain) if rows else 0,
        tokens_train=0,
        steps=0,
        trainable_parameters=sum(weight.size for weight in made.weights.values()),
        precision=model.precision,
        device=model.device,
        ranks=[],
        prior_log_loss=first.prior_log_loss if rows else None,
        engine=model.engine,
        engine_reason="",
        average=Average(
            runs=order.ids,
            how=order.how,
            rank=order.rank,
            kept=made.kept,
            log_losses=alone.log_losses if alone else [],
            ensemble_log_loss=alone.ensemble if alone else None,
        ),
        digest_train=None,
        digest_eval=first.digest_eval if rows else None,
    )
    record.write(started)

    evaluated = None
    if rows:
        began = time.monotonic()
        outcomes, evaluation = outcomes_of(started.outcomes), rows.plain
        logits = answered(model, rows.plain, record, stop)
        swapped = answered(model, rows.swapped, record, stop) if rows.swapped else None
        if swapped is not None and profile.reads_apart:
            logits, swapped = outcomes.joined(logits, swapped), None
            evaluation = [as_one(a, b) for a, b in zip(rows.plain, rows.swapped, strict=True)]
        if not np.isfinite(logits).all() or (swapped is not None and not np.isfinite(swapped).all()):
            raise PredictionError("the average answers with non-finite logits", "Average other runs.")
        labels = np.array([row.example.label for row in rows.plain])
        evaluated = Evaluated(
            step=0,
            epoch=0.0,
            log_loss=results.log_loss(logits, labels),
            accuracy=float(np.mean(logits.argmax(axis=1) == labels)),
            rows=len(labels),
            seconds=time.monotonic() - began,
        )
        record.write(evaluated)
        results.save_evaluation(folder, outcomes, evaluation, logits, swapped)
    record.begin("saving", "saving the model card and the metrics")
    keep_trained(folder.path, [member.path for member in order.folders])
    reached = replace(
        metrics,
        run=folder.id,
        log_loss=evaluated.log_loss if evaluated else None,
        accuracy=evaluated.accuracy if evaluated else None,
        prior_log_loss=started.prior_log_loss,
        rows_train=rows_train,
        rows_eval=started.rows_eval,
        steps=0,
        tokens=0,
        seconds=time.time() - process_started(),
        training_seconds=0.0,
        tokens_per_second=0.0,
        memory_peak=device.memory()[2],
        precision=model.precision,
        device=model.device.name,
        engine=model.engine,
    )
    by_auto_class = has_class(AutoConfig.from_pretrained(locate(profile.model), revision=profile.model.revision))
    model_card.save_card(folder.adapter, profile, reached, by_auto_class=by_auto_class, average_of=order.ids)
    stop.close()  # the run has completed; its last event is the one that says so
    save_metrics(folder.metrics, reached)
    record.write(Finished(log_loss=reached.log_loss, accuracy=reached.accuracy))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
