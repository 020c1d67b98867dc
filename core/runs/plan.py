"""What a profile would do, asked of a child process so that the asker stays light.

The child, `core.train.plan`, prints one JSON object a line, each fuller than the one before.
"""

import sys

from msgspec import Struct

PLAN = (sys.executable, "-P", "-m", "core.train.plan")


class Plan(Struct, frozen=True, kw_only=True):
    """The answer so far; None means not known yet. `problem` says what stands in the way of a run."""

    rows_train: int | None = None
    rows_eval: int | None = None
    steps: int | None = None
    global_batch: int
    trainable_parameters: int | None = None
    total_parameters: int | None = None
    problem: str | None = None
