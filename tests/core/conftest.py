"""A tiny checkpoint, rows for it, real children on them, and a finished run."""

from engine_fixtures import checkpoint, finished, small_disk, start, start_shared, train_csv

__all__ = ["checkpoint", "finished", "small_disk", "start", "start_shared", "train_csv"]
