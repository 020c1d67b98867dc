"""A run's losses by step, from its record."""

from core.runs.folder import RunFolder
from core.runs.state import RunState, read_run


def curve(folder: RunFolder) -> list[tuple[object, ...]]:
    state: RunState = read_run(folder)[0]
    steps = [(s.step, s.loss, s.learning_rate, s.grad_norm, s.tokens, s.epoch) for s in state.steps]
    return [*steps, *((e.step, e.log_loss, e.accuracy) for e in state.evaluations)]
