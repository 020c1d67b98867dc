"""How much disk a run takes: checkpoints, the adapter and its evaluation."""

from core.engine.memory import Memory
from core.plan.protocol import DiskPlan
from core.profile.settings import Profile

TRAINER_STATE = 64 << 10
"""Bytes of a checkpoint's random states, schedule and the Trainer's own record, for a run of usual length."""

EVALUATION_ROW = 48
"""Bytes of a row of eval.parquet, at most."""


def disk(profile: Profile, memory: Memory, *, rows_eval: int, tokenizer: int, free: int) -> DiskPlan:
    """`tokenizer` is the size of its files, which are saved with every checkpoint and with the adapter; in bytes."""
    adapter = memory.adapters + tokenizer
    checkpoint = adapter + memory.optimizer + TRAINER_STATE
    # A new checkpoint is written before the oldest is deleted.
    needed = (profile.train.keep_checkpoints + 1) * checkpoint + adapter + EVALUATION_ROW * rows_eval
    return DiskPlan(checkpoint=checkpoint, needed=needed, free=free)
