"""The recipe, read straight down: from profile to adapter, on one rank of a run or on the only one."""

import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from core.libraries import importing_libraries
from core.outcomes import outcomes_of
from core.runs.events import Finished, Warning
from core.runs.folder import RunFolder
from core.runs.identity import process_started
from core.runs.metrics import Metrics, save_metrics
from core.runs.record import Record
from core.runs.settled import read_settled, with_commit, with_outcomes
from core.runs.stop_request import Home, StopRequest
from core.train import trackers
from core.train.attempt import Attempt

if TYPE_CHECKING:
    from core.data.sources import RunExamples
    from core.profile.settings import Profile
    from core.train.ranks import Ranks
    from core.train.rows import RunRows
    from core.train.setup import Hardware, RunModel
    from core.train.training import Trained


def train(
    folder: RunFolder, record: Record, stop: StopRequest, attempt: Attempt, home: Home, ranks: "Ranks | None" = None
) -> None:
    """From profile to adapter. Raises what went wrong, or Stopped after a signal. `ranks` is None for a single one."""
    record.begin("loading", "reading the rows")
    profile = read_settled(folder)
    trackers.demand(profile.run.report_to)
    if ranks is None or ranks.is_first:
        trackers.settle(folder)
        trackers.log_in(profile.run.report_to)
    with ranks.first_here_goes_first() if ranks else nullcontext():
        found, source = find_inputs(profile, record)
    profile = with_outcomes(profile, found.settled.outcomes)

    # Deferred: what a signal raises while libraries are loaded they drop, or tell as an error of theirs.
    # Imported only now: they take seconds, and bad data or a bad checkpoint is reported in one.
    record.begin("loading", "importing torch and transformers")
    with stop.deferred(), importing_libraries():
        from core.data.seen import save_trained
        from core.model.locate import commit_of, tokenizer_folder
        from core.train.ranks import Ranks
        from core.train.rows import encode_rows
        from core.train.setup import choose_hardware, load_model, started
        from core.train.training import Training

    stop.heed()
    ranks = ranks or Ranks()
    hardware = choose_hardware(profile, record)
    if not Path(source).is_dir():
        record.begin("loading", "fetching the tokenizer, unless already here")
    with ranks.first_here_goes_first():
        tokenizer_files = tokenizer_folder(source, profile.model.revision)
    commit_base = commit_of(source, profile.model.revision)
    profile = with_commit(profile, commit_base)  # what is fetched later is of the same, whatever is pushed meanwhile
    if ranks.is_first:
        save_trained(folder.path, found.train)
    rows = encode_rows(profile, found.train, found.evaluation, tokenizer_files, attempt, record)
    ranks.demand_same("rows", (rows.digest_train, rows.digest_eval))
    made = load_model(profile, source, tokenizer_files, rows, hardware, attempt, stop, record, ranks)
    ranks.demand_same("weights of the base", made.digest_base)
    record.write(started(profile, found.read, rows, hardware, made, ranks, commit_base))

    trained = Training(folder, profile, rows, made, hardware, attempt, stop, record, home, ranks).run()
    if not ranks.is_first:
        return
    record.begin("saving", "saving the adapter and the evaluation")
    save(folder, profile, rows, made, hardware, trained, stop)
    reached = trained.evaluated
    record.write(
        Finished(log_loss=reached.log_loss if reached else None, accuracy=reached.accuracy if reached else None)
    )


def make_inputs(profile: "Profile", record: Record) -> None:
    """What is made once on each machine, and found there from then on: the demo, and the checkpoint in a GGUF file.

    Not by a rank: where there are several, transformers lets all but the first save nothing. Raises SettingError.
    """
    from core.demo import assets
    from core.model.locate import locate

    if assets.is_named_by(profile) and not assets.is_made():
        record.begin("loading", assets.MAKING)
        assets.demo_folder(lambda done, total: record.write(assets.making(done, total)))
    if profile.model.gguf_file:
        record.begin("loading", "unpacking the GGUF file, unless already done")
        locate(profile.model)


def find_inputs(profile: "Profile", record: Record) -> "tuple[RunExamples, str]":
    """The rows to train on and those to evaluate, and where the base is loaded from, its weights all there.

    Raises DataError and SettingError.
    """
    from core.data.sources import read_run_examples
    from core.demo import assets
    from core.model.checkpoint import demand_weights
    from core.model.locate import locate

    make_inputs(profile, record)
    found = read_run_examples(
        assets.train_sources(profile.data), assets.eval_source(profile.data), profile, is_to_learn=True
    )
    for name, read in zip(profile.data.sources, found.read, strict=True):
        record.begin("loading", f"rows: {read}" if len(found.read) == 1 else f"{read.rows:,} rows of {name}: {read}")
    record.begin("loading", str(found.settled))
    if profile.distill.teachers:
        record.begin("loading", f"{found.taught:,} of {len(found.train):,} rows to train on have a teacher")
    for caution in cautions(profile, found.leaks):
        record.write(Warning(message=caution))
    source = locate(profile.model)
    demand_weights(source, profile.model.checkpoint)
    return found, source


def cautions(profile: "Profile", leaks: int) -> list[str]:
    """What the record says of how rows are divided; `leaks` rows of data.train share a prompt with data.eval."""
    from core.profile.division import unused_split

    told = [unused_split(profile)] if unused_split(profile) else []
    if leaks and profile.data.drop_leaks:
        told.append(f"{leaks:,} rows of data.train are left out: their prompts are in data.eval too")
    elif leaks:
        told.append(f"{leaks:,} rows of data.train share a prompt with data.eval: data.drop_leaks leaves them out")
    return told


def save(
    folder: RunFolder,
    profile: "Profile",
    rows: "RunRows",
    made: "RunModel",
    hardware: "Hardware",
    trained: "Trained",
    stop: StopRequest,
) -> None:
    """Adapter, evaluation, card, and at last the metrics: there they say that the run has completed."""
    from core.engine import device
    from core.train import model_card, results

    results.save_adapter(folder, made.model, made.tokenizer)
    if trained.logits is not None:
        outcomes = outcomes_of(profile.model.outcomes)
        results.save_evaluation(folder, outcomes, rows.evaluation_in_full, trained.logits, trained.swapped_logits)
    metrics = Metrics(
        run=folder.id,
        log_loss=trained.evaluated.log_loss if trained.evaluated else None,
        accuracy=trained.evaluated.accuracy if trained.evaluated else None,
        prior_log_loss=rows.prior_log_loss,
        rows_train=len(rows.train),
        rows_eval=len(rows.evaluation),
        rows_cut=rows.train_cut,
        steps=trained.step,
        tokens=trained.tokens,
        seconds=time.time() - process_started(),
        training_seconds=trained.seconds,
        tokens_per_second=trained.tokens_per_second,
        memory_peak=device.memory()[2],
        longest=rows.longest,
        precision=hardware.precision,
        device=hardware.device.name,
        engine=made.engine.name,
    )
    model_card.save_card(folder.adapter, profile, metrics, by_auto_class=made.by_auto_class, average_of=())
    stop.close()  # the run has completed; its last event is the one that says so
    save_metrics(folder.metrics, metrics)
