"""Opens what somebody has named without waiting or reading for ever: ordinary files alone, and no more than a bound."""

import errno
import os
import stat
from pathlib import Path

MOST_OF_A_PROFILE = 1 << 20
MOST_OF_A_CONFIG = 16 << 20
MOST_OF_A_TOKENIZER = 256 << 20
"""Bytes. The largest files of their kind that are known have a few thousand, 4 million and 40 million."""


def demand_ordinary(path: Path) -> None:
    """Raise OSError, which says what lies there instead, unless `path` is an ordinary file: the others may never end,
    or keep a reader waiting."""
    mode = path.stat().st_mode
    for is_it, kind in _KINDS:
        if is_it(mode):
            raise OSError(errno.EINVAL, f"{kind}, and an ordinary file is needed: write what comes from it into one")
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))


def read_bounded(path: Path, most: int) -> bytes:
    """The content of an ordinary file. Raises OSError, also where it has more than `most` bytes."""
    demand_ordinary(path)
    with open(path, "rb", opener=_without_waiting) as file:
        content: bytes = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"larger than {most >> 20} MiB, which no such file is")
    return content


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # should a pipe have taken the file's place meanwhile


_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)
