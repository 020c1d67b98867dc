"""Turns what the Trainer does into events, and a request to stop into a saved end. Knows no model."""

import logging
import math
import time
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from core.engine.device import memory
from core.engine.steps import LossWatch
from core.runs.events import Checkpoint, Evaluated, Phase, Step, Warning
from core.runs.record import Record
from core.runs.stop_request import Home, Stopped, StopRequest
from core.train.early_stop import EarlyStop
from core.train.kept import are_finite
from core.train.ranks import Ranks

HEARTBEAT_SECONDS = 2.0

log = logging.getLogger(__name__)


class EventCallback(TrainerCallback):
    """Writes phase, step, evaluated and checkpoint events to the record."""

    def __init__(
        self,
        record: Record,
        stop: StopRequest,
        watch: LossWatch,
        home: Home,
        ranks: Ranks,
        early_stop: EarlyStop,
        first_step: str,
    ) -> None:
        """`first_step` says what the first step waits for, if that is anything but itself."""
        self.evaluated: Evaluated | None = None
        """The last evaluation."""
        self.evaluation_seconds = 0.0
        self.tokens_before = 0
        """Those trained on by the processes that this one resumes."""
        self._record = record
        self._stop = stop
        self._watch = watch
        self._home, self._ranks, self._early_stop = home, ranks, early_stop
        self._first_step = first_step
        self._beat = 0.0
        self._batches_evaluated = 0
        self._tokens_logged = 0
        self._logged_at = 0.0
        self._was_lost = False
        self._held_back_at: int | None = None

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        # In place of those of the checkpoint, which the Trainer goes by: a resumed run may change them.
        state.compute_steps(args, state.max_steps)
        state.train_batch_size = args.train_batch_size
        self.tokens_before = self._tokens_logged = int(state.num_input_tokens_seen)
        self._logged_at = time.monotonic()
        self._stop.step = self._watch.sound = state.global_step
        if self._first_step:
            log.info(self._first_step)
        self._training(state, self._first_step)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, *, model: Any, **_: Any
    ) -> None:
        self._stop.step = state.global_step
        self._home.demand()
        if self._ranks.is_stopping(self._stop):
            control.should_save = control.should_training_stop = True
            control.should_evaluate = False  # it is made up for when the run is resumed
        elif self._first_step or time.monotonic() - self._beat > HEARTBEAT_SECONDS:
            self._first_step = ""
            self._training(state)
        if not control.should_log:  # else the step's own point comes first, by which it is judged
            self._hold_back(state, control, model)

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if self._ranks.is_stopping(self._stop):
            control.should_evaluate = False

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        *,
        model: Any,
        **_: Any,
    ) -> None:
        if logs is None or "loss" not in logs:
            return
        now, tokens = time.monotonic(), int(state.num_input_tokens_seen)
        allocated, reserved, peak = memory()
        per_second = (tokens - self._tokens_logged) / max(now - self._logged_at, 1e-9)
        event = Step(
            step=state.global_step,
            epoch=float(state.epoch or 0),
            loss=_finite(logs["loss"]),
            learning_rate=_finite(logs.get("learning_rate")),
            grad_norm=_finite(logs.get("grad_norm")),
            tokens=tokens,
            tokens_per_second=per_second,
            memory_allocated=allocated,
            memory_reserved=reserved,
            memory_peak=peak,
            ranks=self._ranks.readings(per_second),
        )
        self._tokens_logged, self._logged_at = tokens, now
        self._record.write(event)
        if event.loss is None and not self._was_lost:
            self._was_lost = True
            self._record.write(Warning(message=f"the loss is not a finite number at step {event.step}"))
        log.info(
            "step %d of %d: loss %.4f, learning rate %.2e, gradient norm %.3g, %.0f tokens/s",
            state.global_step, state.max_steps, logs["loss"], logs.get("learning_rate", math.nan),
            logs.get("grad_norm", math.nan), event.tokens_per_second,
        )  # fmt: skip
        self._watch.see(event.step, logs["loss"], logs.get("grad_norm", 0.0))
        self._hold_back(state, control, model)

    def on_prediction_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        eval_dataloader: Any = None,
        **_: Any,
    ) -> None:
        if self._stop.signal:
            raise Stopped
        self._ranks.beat()
        self._home.demand()
        self._batches_evaluated += 1
        if time.monotonic() - self._beat > HEARTBEAT_SECONDS:
            self._phase(
                Phase(phase="evaluating", done=self._batches_evaluated, total=len(eval_dataloader), unit="batches")
            )

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        eval_dataloader: Any = None,
        **_: Any,
    ) -> None:
        assert metrics is not None
        self._batches_evaluated = 0
        self.evaluation_seconds += metrics["eval_runtime"]
        self._logged_at += metrics["eval_runtime"]  # training throughput leaves evaluations out
        self.evaluated = Evaluated(
            step=state.global_step,
            epoch=float(state.epoch or 0),
            log_loss=_finite(metrics["eval_log_loss"]),
            accuracy=metrics["eval_accuracy"],
            rows=len(eval_dataloader.dataset),
            seconds=metrics["eval_runtime"],
            gain=self._early_stop.gain,
        )
        self._record.write(self.evaluated)
        log.info(
            "evaluated at step %d: log loss %.4f, accuracy %.4f",
            state.global_step, metrics["eval_log_loss"], metrics["eval_accuracy"],
        )  # fmt: skip
        if state.global_step < state.max_steps and not control.should_training_stop:
            self._training(state)
        elif state.global_step < state.max_steps:
            log.info("training ends early: its evaluations gain nothing")

    def on_predict(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        assert metrics is not None
        self._batches_evaluated = 0
        self.evaluation_seconds += metrics["test_runtime"]

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._stop.checkpoint = f"checkpoints/checkpoint-{state.global_step}"
        self._record.write(Checkpoint(step=state.global_step, folder=self._stop.checkpoint))
        log.info("saved %s", self._stop.checkpoint)

    def begin_evaluation(self, batches: int) -> None:
        """Before the first batch is evaluated."""
        self._phase(Phase(phase="evaluating", done=0, total=batches, unit="batches"))

    def is_worth_saving(self, step: int, model: Any) -> bool:
        """Whether one may want to go on from the state after `step`; if not, the record says so, and why.

        A stop saves though the loss is lost, but never weights that are no numbers.
        """
        reason = None if self._stop.signal else self._watch.doubt
        if not are_finite(model):
            reason = "some trained weights are not finite numbers"
        if reason and self._held_back_at != step:
            self._held_back_at = step
            self._record.write(Warning(message=f"no checkpoint is saved at step {step:,}: {reason}"))
        return reason is None

    def _hold_back(self, state: TrainerState, control: TrainerControl, model: Any) -> None:
        control.should_save = control.should_save and self.is_worth_saving(state.global_step, model)

    def _training(self, state: TrainerState, detail: str = "") -> None:
        done, total = state.global_step, state.max_steps
        self._phase(Phase(phase="training", done=done, total=total, unit="steps", detail=detail))

    def _phase(self, phase: Phase) -> None:
        self._beat = time.monotonic()
        self._record.write(phase)


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
