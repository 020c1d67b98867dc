"""Which weights of a run are evaluated and saved: the last ones or their moving average, at its end or at its best."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import torch
from msgspec import Struct
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from core.train.ema import MovingAverage

FILE, REACHED = "best.safetensors", "reached"
"""Of a checkpoint, beside the weights that training goes on with; and what in it tells their figures."""


def are_finite(model: torch.nn.Module) -> bool:
    """Whether every trained weight of `model` is a finite number. Asks the device once."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return bool(torch.stack([parameter.isfinite().all() for parameter in trained]).all())


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

    @contextmanager
    def evaluated(self) -> Iterator[None]:
        """Within it the model has the weights that an evaluation is of."""
        if self.average is None:
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

    def settle_last(self) -> None:
        """Give the model, which is trained no more, the weights of now: their average, where there is one."""
        if self.average:
            self.average.settle()
            self.average = None  # what is evaluated from here on is what the model has

    def settle(self) -> Reached | None:
        """Give it the weights that are kept at the end of training. Returns what they reached where they were chosen by
        that, else None."""
        self.settle_last()
        for name, weight in self._best.items():
            self._weights[name].copy_(weight)
        return self._reached

    def save(self, checkpoint: Path) -> None:
        if self.average:
            self.average.save(checkpoint)
        if self._reached:
            figures = {REACHED: msgspec.json.encode(self._reached).decode()}
            save_file(self._best, checkpoint / FILE, metadata=figures)

    def load(self, checkpoint: Path) -> None:
        """Those of the step that a run goes on from."""
        if self.average:
            self.average.load(checkpoint)
        if not (checkpoint / FILE).exists():
            return
        with safe_open(checkpoint / FILE, framework="pt") as file:
            self._reached = msgspec.json.decode(file.metadata()[REACHED], type=Reached)
            self._best = {name: file.get_tensor(name).to(weight.device) for name, weight in self._weights.items()}
