"""Which weights of a run are evaluated and saved: the last ones or their moving average, at its end or at its best."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from msgspec import Struct
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.train.ema import MovingAverage

FILE = "best.safetensors"
"""Of a checkpoint, beside the weights that training goes on with."""


class Reached(Struct, frozen=True):
    """The figures of an evaluation."""

    step: int
    log_loss: float
    accuracy: float


class KeptWeights:
    """Of the trained `parameters`, by name. `ema` is the decay of an average, 0 without one; `keeps_best` asks for the
    weights of the evaluation with the lowest log loss, of equal ones the first."""

    def __init__(self, parameters: dict[str, torch.nn.Parameter], *, ema: float, keeps_best: bool) -> None:
        self.average = MovingAverage(ema, parameters) if ema else None
        self._weights = {name: parameter.data for name, parameter in parameters.items()}
        self._keeps_best = keeps_best
        self._best: dict[str, Tensor] = {}
        self._reached: Reached | None = None
        """By the weights in `_best`."""
        self._is_settled = False

    @contextmanager
    def evaluated(self) -> Iterator[None]:
        """Within it the model has the weights that an evaluation is of."""
        if self.average is None or self._is_settled:
            yield
            return
        with self.average.in_place():
            yield

    def see(self, reached: Reached) -> None:
        """What an evaluation of the weights that the model has now came to."""
        if not self._keeps_best or not math.isfinite(reached.log_loss):
            return
        if self._reached is None or reached.log_loss < self._reached.log_loss:
            self._reached = reached
            self._best = {name: weight.clone() for name, weight in self._weights.items()}

    def settle(self) -> Reached | None:
        """Give the model, whose training has ended, the weights that are kept. Returns what they reached, None where
        they are not those of an evaluation that was chosen."""
        self._is_settled = True
        if self._reached:
            for name, weight in self._weights.items():
                weight.copy_(self._best[name])
        elif self.average:
            self.average.settle()
        return self._reached

    def save(self, checkpoint: Path) -> None:
        if self.average:
            self.average.save(checkpoint)
        if self._reached:
            figures = {name: repr(getattr(self._reached, name)) for name in Reached.__struct_fields__}
            save_file(self._best, checkpoint / FILE, metadata=figures)

    def load(self, checkpoint: Path) -> None:
        """Those of the step that a run goes on from."""
        if self.average:
            self.average.load(checkpoint)
        if not (checkpoint / FILE).exists():
            return
        with safe_open(checkpoint / FILE, framework="pt") as file:
            figures = file.metadata()
        self._reached = Reached(int(figures["step"]), float(figures["log_loss"]), float(figures["accuracy"]))
        saved = load_file(checkpoint / FILE)
        self._best = {name: saved[name].to(weight.device) for name, weight in self._weights.items()}
