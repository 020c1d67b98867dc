"""The training of a run: the Trainer with all that watches it, from the first step to the last evaluation's logits."""

import time
from pathlib import Path

import numpy as np
from msgspec import Struct
from msgspec.structs import asdict, replace
from numpy.typing import NDArray
from transformers import DataCollatorWithPadding, PrinterCallback

from core.data.split import prompt_key
from core.engine.steps import Diverged, LossWatch
from core.outcomes import outcomes_of
from core.packed.pack import pack
from core.profile.settings import Profile
from core.runs.access import have_folder
from core.runs.checkpoints import delete_after
from core.runs.events import Evaluated
from core.runs.folder import RunFolder
from core.runs.record import Record
from core.runs.stop_request import Home, HomeMoved, Stopped, StopRequest
from core.train import results
from core.train.arguments import training_arguments
from core.train.attempt import Attempt
from core.train.callback import EventCallback
from core.train.early_stop import EarlyStop
from core.train.kept import are_finite
from core.train.loss import Added
from core.train.ranks import Ranks
from core.train.results import Scorer
from core.train.rows import RunRows
from core.train.setup import Hardware, RunModel
from core.train.trainer import ClassifierTrainer
from core.train.views import comparisons

Logits = NDArray[np.float32]
COMPILES = "the first step, for which kernels are compiled"


class Trained(Struct, frozen=True):
    """What the training of a run came to; of each evaluation row the logits, (rows, outcomes), None without such
    rows."""

    logits: Logits | None
    swapped_logits: Logits | None
    """Those of the copies with A and B swapped, as they were shown; None where there are none."""
    evaluated: Evaluated | None
    step: int
    tokens: int
    """Effective ones, in all processes of the run."""
    seconds: float
    """Of this process, evaluations left out."""
    tokens_per_second: float


class Training:
    """The Trainer of a run, and what watches it."""

    def __init__(
        self,
        folder: RunFolder,
        profile: Profile,
        rows: RunRows,
        made: RunModel,
        hardware: Hardware,
        attempt: Attempt,
        stop: StopRequest,
        record: Record,
        home: Home,
        ranks: Ranks,
    ) -> None:
        self._folder, self._profile, self._rows, self._made = folder, profile, rows, made
        self._attempt, self._stop, self._home, self._ranks = attempt, stop, home, ranks
        self._record, self._scorer = record, Scorer()
        self._evaluated: Evaluated | None = None
        """The evaluation of the weights that are kept."""
        self._watch = LossWatch(profile.train.divergence_patience, _uniform_loss(profile))
        home.demand()
        have_folder(folder.checkpoints)  # the Trainer would make one anywhere
        compiles = made.packed is not None and hardware.device.kind == "cuda"
        prompts = [prompt_key(row.example.prompt) for row in rows.evaluation]
        early_stop = EarlyStop(profile.train.early_stop, self._scorer, prompts)
        self._callback = EventCallback(
            record, stop, self._watch, home, ranks, early_stop, first_step=COMPILES if compiles else ""
        )
        layout = made.engine.layout
        self._trainer = ClassifierTrainer(
            head_learning_rate=profile.train.head_learning_rate,
            watch=self._watch,
            ranks=ranks,
            scorer=self._scorer,
            before_evaluation=self._callback.begin_evaluation,
            collate=pack if made.packed else DataCollatorWithPadding(made.tokenizer),
            at_once=layout.examples // profile.views if layout else profile.train.per_device_batch_size,
            swap=profile.train.swap,
            added=Added(profile.train.swap_consistency, profile.distill if profile.distill.teachers else None),
            reads_apart=profile.reads_apart,
            ema=profile.train.ema,
            keeps_best=profile.train.keep == "best",
            engine=made.packed,
            eval_tokens=profile.eval.per_device_batch_size * rows.longest,
            model=made.model,
            args=training_arguments(profile, hardware.precision, folder, is_tracked=ranks.is_first),
            train_dataset=comparisons(rows.train, rows.train_swapped, len(outcomes_of(profile.model.outcomes))),
            eval_dataset=rows.evaluated or None,
            processing_class=made.tokenizer,
            callbacks=[early_stop, self._callback],  # in this order: what it finds is in the event
        )
        self._trainer.remove_callback(PrinterCallback)
        if attempt.checkpoint:
            self._trainer.kept.load(Path(attempt.checkpoint))
        self._trainer.args.eval_on_start = attempt.owes_evaluation(profile, len(rows.train))

    def run(self) -> Trained:
        """Train to the end and evaluate. Raises Stopped or HomeMoved once what is to be kept is saved; Diverged."""
        self._stop.heed()
        began = time.monotonic()
        try:
            with self._stop.deferred(), self._home.watched():
                logits, swapped_logits = self._train_and_evaluate()
                self._home.demand()
        except (Stopped, HomeMoved) as ended:
            if not self._ranks.is_first:
                raise
            if isinstance(ended, HomeMoved):
                self._trainer.args.output_dir = str(self._folder.checkpoints)
            if self._callback.is_worth_saving(self._trainer.state.global_step, self._made.model):
                self._trainer.save_checkpoint()
            if self._trainer.state.global_step:
                self._trainer.kept.settle_last()
                self._stop.adapter = results.save_adapter(self._folder, self._made.model, self._made.tokenizer)
            raise
        except Diverged as lost:
            if self._ranks.is_first:
                # What is worth going on from is the newest one again.
                delete_after(self._folder.checkpoints, lost.sound)
            raise
        seconds = time.monotonic() - began - self._callback.evaluation_seconds
        state = self._trainer.state
        tokens = int(state.num_input_tokens_seen)
        return Trained(
            logits=logits,
            swapped_logits=swapped_logits,
            evaluated=self._evaluated,
            step=state.global_step,
            tokens=tokens,
            seconds=seconds,
            tokens_per_second=(tokens - self._callback.tokens_before) / seconds,
        )

    def _train_and_evaluate(self) -> tuple[Logits | None, Logits | None]:
        """The logits of the evaluation rows and of their swapped copies, None where there are none."""
        trainer, last = self._trainer, self._callback
        trainer.train(resume_from_checkpoint=self._attempt.checkpoint)
        if self._stop.signal:
            raise Stopped
        # Without patience nobody has watched which checkpoints are of before.
        sound = self._watch.sound if self._profile.train.divergence_patience else trainer.state.global_step
        if not self._rows.evaluation:
            trainer.kept.settle()
            if not are_finite(self._made.model):
                raise Diverged("some trained weights are not finite numbers", sound=sound)
            return None, None
        if last.evaluated is None or last.evaluated.step != trainer.state.global_step:
            trainer.evaluate()
        logits, self._evaluated = self._scorer.logits, last.evaluated  # a prediction replaces them there
        if (best := trainer.kept.settle()) and best.step != trainer.state.global_step:
            assert last.evaluated is not None
            self._record.begin("evaluating", f"the weights of step {best.step:,}, whose evaluation was the best")
            logits = trainer.predict(trainer.eval_dataset).predictions
            self._evaluated = replace(last.evaluated, **asdict(best))
        if not np.isfinite(logits).all():
            raise Diverged("the logits of the evaluation are not all finite numbers", sound=sound)
        if not self._profile.eval.swap:
            return logits, None
        return logits, trainer.predict([row.features for row in self._rows.swapped]).predictions


def _uniform_loss(profile: Profile) -> float:
    """The most that a uniform guess costs: its log loss, and as much again from teachers who are certain."""
    distill = profile.distill
    taught = distill.weight * distill.temperature**2 if distill.teachers else 0.0
    return (1 + taught) * outcomes_of(profile.model.outcomes).uniform_log_loss
