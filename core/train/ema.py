"""The exponential moving average of the trained weights, which are evaluated and saved in place of the last ones."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import TrainerCallback

FILE = "average.safetensors"
"""Of a checkpoint, beside the weights that training goes on with."""
WARM_UP = 10
"""The decay of step t is at most (1 + t) / (WARM_UP + t), as in TensorFlow's ExponentialMovingAverage: without it, the
average of a short run would be of its beginning."""


class MovingAverage(TrainerCallback):
    """Of `parameters`, by name, in their own order and type; begins as they are."""

    def __init__(self, decay: float, parameters: dict[str, torch.nn.Parameter]) -> None:
        self._decay, self._names = decay, list(parameters)
        self._weights: Sequence[Tensor] = [parameter.data for parameter in parameters.values()]
        self._averages = [weight.clone() for weight in self._weights]

    def on_step_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        decay = min(self._decay, (1 + state.global_step) / (WARM_UP + state.global_step))
        torch._foreach_lerp_(self._averages, self._weights, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within it the model has the average for its weights."""
        held = [weight.clone() for weight in self._weights]
        self.settle()
        try:
            yield
        finally:
            torch._foreach_copy_(self._weights, held)

    def settle(self) -> None:
        """The model has the average for its weights from now on."""
        torch._foreach_copy_(self._weights, self._averages)

    def save(self, checkpoint: Path) -> None:
        save_file(dict(zip(self._names, self._averages, strict=True)), checkpoint / FILE)

    def load(self, checkpoint: Path) -> None:
        """That of the step that a run goes on from."""
        saved = load_file(checkpoint / FILE)
        torch._foreach_copy_(self._averages, [saved[name].to(self._averages[0].device) for name in self._names])
