"""Times training steps from within the Trainer, and anything else. Knows no model."""

import time
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from core.bench.ceiling import wait


class Clock(TrainerCallback):
    """`seconds` and `tokens` of the steps after the first `warmup`; `first`: seconds of the first one."""

    def __init__(self, warmup: int) -> None:
        self.first = self.seconds = 0.0
        self.tokens = 0
        self._warmup = warmup
        self._began = 0.0
        self._tokens_before = 0

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.global_step in (0, self._warmup):
            wait()
            self._began, self._tokens_before = time.perf_counter(), int(state.num_input_tokens_seen)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.global_step == 1:
            wait()
            self.first = time.perf_counter() - self._began

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        wait()
        self.seconds = time.perf_counter() - self._began
        self.tokens = int(state.num_input_tokens_seen) - self._tokens_before


def timed(work: Callable[[], Any]) -> float:
    """Seconds that `work` takes."""
    wait()
    began = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - began
