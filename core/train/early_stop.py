"""Ends training once evaluations have gained nothing for a while, where a gain is more than their rows' noise."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from transformers import TrainerCallback

from core.engine.scores import paired_difference
from core.runs.figures import Gain
from core.train.results import Scorer

MEMORY = "early_stop"
"""In the state of the Trainer, which checkpoints hold: `since` is the step of the last evaluation that gained, `losses`
those of its rows, `without` the steps of the evaluations after it."""


class EarlyStop(TrainerCallback):
    """Ends training after `patience` evaluations without a gain; with a patience of 0 it only tells of gains.

    An evaluation gains where its log loss is below that of the last one that gained by more than half of the 95 %
    interval of the difference: small gains add up until they are more than noise. `scorer` has the losses of the rows
    that are evaluated, which have these `prompts`.
    """

    def __init__(self, patience: int, scorer: Scorer, prompts: Sequence[int]) -> None:
        self.gain: Gain | None = None
        """Of the last evaluation; None for the first, and where a log loss was not a finite number."""
        self._patience, self._scorer, self._prompts = patience, scorer, np.asarray(prompts)

    def on_train_begin(self, _args: Any, state: Any, control: Any, **_: Any) -> None:
        """A run that was interrupted after its last evaluation is not to go on."""
        if MEMORY in state.stateful_callbacks:
            self._end(state.stateful_callbacks[MEMORY], control)

    def on_evaluate(self, _args: Any, state: Any, control: Any, **_: Any) -> None:
        step, losses = state.global_step, self._scorer.losses
        memory = state.stateful_callbacks.get(MEMORY)
        self.gain = None
        if memory is None or memory["since"] == step or not np.isfinite(memory["losses"]).all():
            state.stateful_callbacks[MEMORY] = _gained(step, losses.tolist())
            return
        without = memory["without"]
        if step not in without:  # else it is made again after a resumption
            without.append(step)
        if np.isfinite(losses).all():
            lower, margin = paired_difference(np.array(memory["losses"]), losses, self._prompts)
            has_gained = lower > margin
            self.gain = Gain(
                since=memory["since"], lower=lower, margin=margin, without=0 if has_gained else len(without)
            )
            if has_gained:
                state.stateful_callbacks[MEMORY] = memory = _gained(step, losses.tolist())
        self._end(memory, control)

    def _end(self, memory: dict[str, Any], control: Any) -> None:
        if self._patience and len(memory["without"]) >= self._patience:
            control.should_training_stop = True


def _gained(step: int, losses: list[float]) -> dict[str, Any]:
    return {"since": step, "losses": losses, "without": []}
