"""What a run takes of the disk."""

import os
from pathlib import Path

from msgspec import Struct

from core.runs.access import is_folder
from core.runs.folder import RunFolder


class DiskUse(Struct, frozen=True):
    """Bytes in the files of a run: in all of them, of these in checkpoints, and in the adapter."""

    total: int
    checkpoints: int
    adapter: int


def disk_use(folder: RunFolder) -> DiskUse:
    return DiskUse(size(folder.path), size(folder.checkpoints), size(folder.adapter))


def size(folder: Path) -> int:
    """Bytes in all files below `folder`, links not followed; 0 where there is none. Files may vanish meanwhile."""
    if not is_folder(folder):
        return 0
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118  (a Path each is slow)
            except OSError:
                continue
    return total
