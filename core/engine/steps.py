"""How many steps a run takes, and when their loss has lost its way rather than being noisy. Knows no Trainer."""

import math
import statistics
from collections import deque

from msgspec import Struct

from core.profile.settings import Profile
from core.profile.train_settings import Train


def optimizer_steps(rows: int, train: Train) -> int:
    """Steps over `rows` training rows, as the Trainer counts them: the last one of an epoch may be smaller."""
    batches = math.ceil(rows / train.per_device_batch_size)
    return math.ceil(train.epochs * max(1, math.ceil(batches / train.gradient_accumulation)))


def evaluations(steps: int, profile: Profile) -> int:
    """Evaluations during and after `steps` steps; there is always one at the end, if there are rows for it."""
    if not profile.evaluates:
        return 0
    if profile.eval.every == "epoch":
        return math.ceil(profile.train.epochs)
    return math.ceil(steps / profile.eval.every)


MARGIN = 0.25
"""How far above the loss of a uniform guess, ln 3 or ln 2, and above the run's own best a loss is lost.

On a healthy run with a global batch of 8 the mean over 10 steps scatters by 0.05.
"""
MEAN_STEPS = 10
"""A checkpoint is judged by the mean over so many steps: fewer scatter too much (that of a single one by 0.16)."""
LOST_SHARE = 2 / 3
"""A run is given up when more than this share of the points of a whole patience is lost."""
FEWEST_POINTS = 5
"""A patience that holds fewer logged points waits for so many."""
FIRST_SHARE = 4
"""Before a whole patience has passed, a run's best is the median over so small a part of it, ..."""
FIRST_POINTS = 3
"""... and over so many points at least: one that fails in its first steps was good for no longer. The median of a few
single steps may be far below what such a run has reached, so it counts once so large a part has passed."""


class Diverged(Exception):
    """The loss is lost. `sound` is the last logged step before that."""

    def __init__(self, message: str, *, sound: int) -> None:
        super().__init__(message)
        self.sound = sound


class _Point(Struct, frozen=True):
    step: int
    loss: float
    """Infinity where it is NaN."""
    lost: str | None
    """How the loss is lost, if it is."""


class LossWatch:
    """Sees every logged point. A loss is lost while it, or the gradient norm, is not finite or far above its best.

    Judged are all points of the last `patience` steps, so that no spike gives a run up. Its best is the lowest
    median over so many steps. A patience of 0 gives no run up. `uniform` is the loss of a uniform guess.
    """

    def __init__(self, patience: int, uniform: float) -> None:
        self.sound = 0
        """The last logged step before the first lost one of those judged; a resumed run begins with its own first."""
        self._patience = patience
        self._uniform = uniform
        self._points: deque[_Point] = deque()
        self._best = math.inf

    @property
    def doubt(self) -> str | None:
        """How the loss is lost by the mean of the last MEAN_STEPS steps, or the newest point alone; None if it is not.

        Not so easily as for giving up, where many points count: one high loss is no reason to leave out a checkpoint.
        """
        if not self._points:
            return None
        newest = self._points[-1]
        recent = [point.loss for point in self._points if point.step > newest.step - MEAN_STEPS]
        mean = statistics.fmean(filter(math.isfinite, recent)) if math.isfinite(newest.loss) else newest.loss
        return self._lost(mean, grad_norm=0.0)

    def see(self, step: int, loss: float, grad_norm: float) -> None:
        """Take one more point; NaN and infinity are welcome. Raises Diverged when patience is at its end."""
        if not self._patience:
            return
        points = self._points
        points.append(_Point(step, math.inf if math.isnan(loss) else loss, self._lost(loss, grad_norm)))
        while len(points) > FEWEST_POINTS and points[1].step <= step - self._patience:
            points.popleft()
        lost = [point for point in points if point.lost]
        self.sound = max([self.sound, *(point.step for point in points if not lost or point.step < lost[0].step)])
        is_whole = len(points) >= FEWEST_POINTS and step - points[0].step >= self._patience
        if is_whole and len(lost) > LOST_SHARE * len(points):
            raise Diverged(f"since step {lost[0].step:,} {lost[0].lost}", sound=self.sound)
        first = self._patience / FIRST_SHARE
        recent = sum(point.step > step - first for point in points)
        judged = list(points) if is_whole else list(points)[-max(FIRST_POINTS, recent) :]
        if len(judged) >= FIRST_POINTS and step - points[0].step >= first - 1:
            self._best = min(self._best, statistics.median(point.loss for point in judged))

    def _lost(self, loss: float, grad_norm: float) -> str | None:
        if not math.isfinite(loss):
            return "the loss is not a finite number"
        if not math.isfinite(grad_norm):
            return "the gradient norm is not a finite number"
        if math.isfinite(self._best) and loss > max(self._uniform, self._best) + MARGIN:
            return f"the loss is far above its best: {loss:.2f} then, {self._best:.2f} before"
        return None
