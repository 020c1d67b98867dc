"""The recipe, read straight down: `python -P -m core.train [--resume] RUN_DIR` trains what the run folder describes."""

import logging
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from core.imports import uncollected
from core.runs.checkpoints import checkpoints, delete_after
from core.runs.events import Failed, Finished, Phase, Started, Warning
from core.runs.folder import RunFolder
from core.runs.identity import process_started
from core.runs.lock import locked
from core.runs.metrics import Metrics, save_metrics
from core.runs.notify import notify
from core.runs.process import OTHER_AT_WORK, describe_this_process
from core.runs.record import Record
from core.runs.stop_request import Stopped, StopRequest
from core.train import trackers
from core.train.attempt import Attempt


def main(arguments: Sequence[str]) -> int:
    """Run the run, and return the exit code: 0, 1, 2, 75 where another process is at work on it, or 128 + the
    number of the signal that ended it."""
    # Read when torch is loaded. Waiting threads then sleep instead of spinning: on a machine that does anything
    # else besides, a processor run spent most of its time spinning (measured: 4 to 8 times slower).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    *options, path = arguments
    folder = RunFolder(Path(path))
    with locked(folder.lock) as is_ours:
        is_resumed = "--resume" in options
        has_begun = (
            folder.info.exists() and not is_resumed
        )  # started by the queue's runner, which was killed, and again
        if not is_ours or has_begun:
            return OTHER_AT_WORK
        exit_code = run(folder, is_resumed)
    notify(folder)
    return exit_code


def run(folder: RunFolder, is_resumed: bool) -> int:
    """As the run's only process, write its record from the first event to the last, and return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    with Record(folder.events) as record:
        # Before the run says who it is: from then on it may be asked to stop.
        stop = StopRequest(record, last_act=partial(notify, folder))
        try:
            folder.write_info(describe_this_process([sys.executable, *sys.orig_argv[1:]]))
            if is_resumed and (end := folder.due_end()):  # killed before its last event alone was written
                stop.close()
                record.write(end)
                return 0
            try:
                attempt = Attempt.resumed(folder, record) if is_resumed else Attempt()
                stop.step, stop.checkpoint = attempt.step, attempt.kept
                record.write(Phase(phase="loading"))
                train(folder, record, stop, attempt)
            except Exception as error:
                with stop.deferred():  # told to stop meanwhile, it still says why it failed
                    logging.exception("the run failed")
                    failed = explained(folder, error)
                    stop.close()
                    record.write(failed)
                return failed.exit_code
        except Stopped:
            record.write(stop.cancelled())
            return stop.exit_code
        finally:
            stop.close()
    return 0


def explained(folder: RunFolder, error: Exception) -> Failed:
    """The last event of a run that ends with `error`."""
    from core.failures.explain import Situation, explain

    why = explain(error, Situation.of(folder))
    intact = next((kept.path for kept in checkpoints(folder.checkpoints) if kept.problem is None), None)
    return Failed(
        cause=why.cause,
        advice=why.advice,
        exit_code=why.exit_code,
        changes=why.changes,
        kept=str(intact.relative_to(folder.path)) if intact else "",
    )


def train(folder: RunFolder, record: Record, stop: StopRequest, attempt: Attempt) -> None:
    """From profile to adapter. Raises what went wrong, or Stopped after a signal."""
    profile = folder.read_profile()
    trackers.demand(profile.run.report_to)
    trackers.settle(folder)
    trackers.log_in(profile.run.report_to)

    from core.data.example import swapped
    from core.data.rows import read_examples
    from core.data.split import split
    from core.demo import assets
    from core.model.checkpoint import demand_weights
    from core.model.locate import base_folder, locate, tokenizer_folder

    if assets.is_named_by(profile) and not assets.is_made():
        record.write(Phase(phase="loading", detail="making the demo's rows and base model, once"))
    train_rows, eval_rows = split(read_examples(assets.rows_source(profile.data), profile.data.limit), profile.split)

    source = locate(profile.model)
    demand_weights(source, profile.model.checkpoint)

    stop.heed()  # libraries drop what a signal raises while they are loaded
    # Imported only now: they take ten seconds, and bad data or a bad checkpoint is reported in one.
    with uncollected():
        from numpy import isfinite
        from transformers import DataCollatorWithPadding, PrinterCallback, set_seed

        from core.data.tokenizer import PromptTokenizer
        from core.data.tokens import encode_all, rows_digest
        from core.engine import device
        from core.engine.choose import choose_engine, choose_precision, demand_computable
        from core.engine.divergence import Diverged, LossWatch
        from core.engine.steps import optimizer_steps
        from core.model.checkpoint import base_digest
        from core.model.load import keep_residual_in_float32, load_classifier, load_config
        from core.model.lora import add_adapters, checkpoint_activations, parameter_counts
        from core.model.probe import demand_sound
        from core.model.tokenizer import load_tokenizer
        from core.packed.engine import PackedEngine
        from core.packed.pack import pack
        from core.train import model_card, results
        from core.train.callback import EventCallback
        from core.train.results import Scorer, prior_log_loss
        from core.train.trainer import ClassifierTrainer, training_arguments

    stop.heed()
    if warning := device.use_one_gpu():
        record.write(Warning(message=warning))
    if trouble := device.unused_gpu():
        if not assets.is_named_by(profile):
            raise device.GpuError(trouble)
        record.write(Warning(message=f"the demo runs on the processor: {trouble}"))
    here = device.device()
    best = device.best_precision()
    precision = choose_precision(profile.train.precision, best)
    demand_computable(precision, best)

    tokenizer_files = tokenizer_folder(source, profile.model.revision)
    prompt_tokenizer = PromptTokenizer(tokenizer_files)
    train_set = encode_all(train_rows, prompt_tokenizer, profile, record, "training rows")
    eval_set = encode_all(eval_rows, prompt_tokenizer, profile, record, "evaluation rows")
    digest_train, digest_eval = rows_digest(train_set), rows_digest(eval_set)
    attempt.demand_same_rows(train_set, digest_train, digest_eval)
    # Rows of like length share a batch, which saves padding; the longest come first, so memory fails early.
    eval_set.sort(key=lambda row: len(row.ids), reverse=True)
    swapped_set = []
    if profile.eval.swap:
        copies = [swapped(row.example) for row in eval_set]
        swapped_set = encode_all(copies, prompt_tokenizer, profile, record, "evaluation rows, A and B exchanged")

    record.write(Phase(phase="loading"))
    set_seed(profile.train.seed)
    config = load_config(source, profile.model, max_length=profile.tokens.max_length)
    tokenizer = load_tokenizer(tokenizer_files, config)
    rows = [*train_set, *eval_set, *swapped_set]
    longest = max(len(row.ids) for row in rows)
    chosen = choose_engine(
        profile, config.to_dict(), precision=precision, best=best, longest=longest, free=device.free_memory()
    )
    stop.heed()
    base, head = load_classifier(
        source,
        config,
        profile.model,
        dtype=device.DTYPES[precision],
        device="cuda:0" if here.kind == "cuda" else "cpu",
    )
    digest_base = base_digest(base_folder(source, profile.model.revision))
    attempt.demand_same_base(profile.model.checkpoint, digest_base)
    if precision == "fp16":
        keep_residual_in_float32(base)
    if head == "replaced":
        record.write(Warning(message=f"the head of {profile.model.checkpoint} is another's: a new one takes its place"))
    if head == "kept":
        record.write(Warning(message=f"{profile.model.checkpoint} is an exported run: its head goes on being trained"))
    model = add_adapters(base, profile.lora)
    demand_sound(model, rows, dtype=device.DTYPES[precision], checkpoint=profile.model.checkpoint)
    trainable, total = parameter_counts(model)
    engine = None
    if chosen.layout:
        engine = PackedEngine(model, dtype=device.DTYPES[precision], longest=longest, layout=chosen.layout)
    elif profile.train.gradient_checkpointing:
        checkpoint_activations(model)

    prior = prior_log_loss([row.label for row in train_rows], [row.label for row in eval_rows])
    record.write(
        Started(
            rows_train=len(train_set),
            rows_eval=len(eval_set),
            rows_cut=sum(row.is_cut for row in train_set),
            tokens_train=sum(len(row.ids) for row in train_set),
            steps=optimizer_steps(len(train_set), profile.train),
            global_batch=profile.global_batch,
            trainable_parameters=trainable,
            total_parameters=total,
            precision=precision,
            device=here,
            longest=longest,
            prior_log_loss=prior,
            engine=chosen.name,
            engine_reason=chosen.reason,
            digest_train=digest_train,
            digest_eval=digest_eval,
            digest_base=digest_base,
        )
    )

    scorer = Scorer()
    watch = LossWatch(profile.train.divergence_patience)
    callback = EventCallback(record, stop, watch)
    trainer = ClassifierTrainer(
        head_learning_rate=profile.train.head_learning_rate,
        watch=watch,
        before_evaluation=callback.begin_evaluation,
        engine=engine,
        eval_tokens=profile.eval.per_device_batch_size * longest,
        model=model,
        args=training_arguments(
            profile,
            precision,
            folder,
            batch=chosen.layout.examples if chosen.layout else profile.train.per_device_batch_size,
        ),
        train_dataset=[row.features for row in train_set],
        eval_dataset=[row.features for row in eval_set],
        data_collator=pack if engine else DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
        compute_metrics=scorer,
        callbacks=[callback],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.args.eval_on_start = attempt.owes_evaluation(profile, len(train_set))
    stop.heed()
    began = time.monotonic()
    try:
        with stop.deferred():
            trainer.train(resume_from_checkpoint=attempt.checkpoint)
            if stop.signal:
                raise Stopped
            if callback.evaluated is None or callback.evaluated.step != trainer.state.global_step:
                trainer.evaluate()
            logits, swapped_logits = scorer.logits, None
            if not isfinite(logits).all():
                # Without patience nobody has watched which checkpoints are of before.
                sound = watch.sound if profile.train.divergence_patience else trainer.state.global_step
                raise Diverged("the logits of the evaluation are not all finite numbers", sound=sound)
            if swapped_set:
                swapped_logits = trainer.predict([row.features for row in swapped_set]).predictions
    except Stopped:
        if callback.is_worth_saving(trainer.state.global_step, model):
            trainer.save_checkpoint()
        if trainer.state.global_step:
            stop.adapter = results.save_adapter(folder, model, tokenizer)
        raise
    except Diverged as lost:
        delete_after(folder.checkpoints, lost.sound)  # what is worth going on from is the newest one again
        raise
    training_seconds = time.monotonic() - began - callback.evaluation_seconds

    record.write(Phase(phase="saving"))
    results.save_adapter(folder, model, tokenizer)
    results.save_evaluation(folder, eval_set, logits, swapped_logits)
    evaluated = callback.evaluated
    assert evaluated is not None
    tokens = int(trainer.state.num_input_tokens_seen)
    metrics = Metrics(
        run=folder.id,
        log_loss=evaluated.log_loss,
        accuracy=evaluated.accuracy,
        prior_log_loss=prior,
        rows_train=len(train_set),
        rows_eval=len(eval_set),
        rows_cut=sum(row.is_cut for row in train_set),
        steps=trainer.state.global_step,
        tokens=tokens,
        seconds=time.time() - process_started(),
        training_seconds=training_seconds,
        tokens_per_second=(tokens - callback.tokens_before) / training_seconds,
        memory_peak=device.memory()[2],
        longest=longest,
        precision=precision,
        device=here.name,
        engine=chosen.name,
    )
    model_card.save_card(folder.adapter, profile, metrics)
    stop.close()  # the run has completed; its last event is the one that says so
    save_metrics(folder, metrics)
    record.write(Finished(log_loss=evaluated.log_loss, accuracy=evaluated.accuracy))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
