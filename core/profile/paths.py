"""Paths in a profile: what is one, what `~` stands for, and from where a relative one is meant."""

import os
from pathlib import Path

from msgspec.structs import replace

from core.profile.settings import Profile

DEMO = "demo"
"""Stands for the embedded rows, and for their base model."""
TABLES = (".csv", ".jsonl", ".ndjson", ".parquet")
"""Suffixes of files of rows that can be read."""


def expanded(written: str) -> str:
    """A path with the home folder in place of a leading `~`; one of a user who is not known stays."""
    return os.path.expanduser(written)  # noqa: PTH111  (pathlib's raises where there is no such home)


def rooted(profile: Profile, folder: Path) -> Profile:
    """The same settings with absolute paths, those that are relative being meant from `folder`.

    A name that may be one on the hub, owner/name, is a path where it names something in `folder`.
    """
    data, model = profile.data, profile.model
    return replace(
        profile,
        data=replace(data, train=_rooted(data.train, folder), test=_rooted(data.test, folder)),
        model=replace(model, checkpoint=_rooted(model.checkpoint, folder)),
    )


def _rooted(written: str, folder: Path) -> str:
    path = folder / expanded(written)
    is_path = written.startswith((".", "/", "~")) or written.count("/") > 1 or path.suffix.lower() in TABLES
    is_path = is_path or os.path.exists(path)  # noqa: PTH110  (pathlib's raises for what cannot be a path)
    return str(path) if is_path and written != DEMO else written
